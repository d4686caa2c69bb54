"""Every setting of the service, read from the environment with the prefix ``TRAINYARD_SERVICE_``; see docs/settings.md."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict
from trainyard.home import Home
from trainyard.jobs import buckets
from trainyard.jobs.launch import ON_CLUSTER


class Settings(BaseSettings):
    """What an administrator may set. Paths default to places below ``TRAINYARD_HOME``."""

    model_config = SettingsConfigDict(env_prefix="TRAINYARD_SERVICE_", frozen=True, extra="forbid")

    home: Path = Field(default_factory=lambda: Home.from_environment().root)
    host: str = "127.0.0.1"
    port: int = Field(default=8010, ge=0, le=65535)
    base_path: str = "/services/trainyard"
    public_url: str = "http://127.0.0.1:8000"
    hub_api_url: str = "http://127.0.0.1:8001/hub/api"
    hub_path: str = "/hub"
    oauth_client_id: str = "service-trainyard"
    hub_token_file: Path | None = None
    internal_token_file: Path | None = None
    database_url: str = ""
    launcher: str = "trainyard_spawner.sandbox_launcher:SandboxLauncher"
    mounter: str = "trainyard_spawner.buckets.mounts:BucketMounts"
    log_level: str = "INFO"

    store_url: str = "http://127.0.0.1:8030"
    store_keys_file: Path | None = None
    storage_key_file: Path | None = None
    private_storage: bool = False
    store_seconds: float = Field(default=20, gt=0)
    copy_seconds: float = Field(default=5, gt=0)
    upload_days: float = Field(default=2, gt=0)
    largest_upload: int = Field(default=64 * 2**30, gt=0)
    disk_reserve: int = Field(default=2**30, ge=0)
    quiet_minutes: float = Field(default=15, ge=0)

    smtp_host: str = ""
    smtp_port: int = Field(default=587, ge=1, le=65535)
    smtp_security: str = Field(default="starttls", pattern="^(starttls|tls|none)$")
    smtp_user: str = ""
    smtp_password_file: Path | None = None
    smtp_from: str = "trainyard@localhost"

    @property
    def places(self) -> Home:
        """The state folder's paths."""
        return Home(self.home)

    @property
    def on_cluster(self) -> bool:
        """Whether launches are pods, of container images that only ``kubernetes.yaml`` names."""
        return self.launcher == ON_CLUSTER

    @property
    def bucket_mounter(self) -> str:
        """What shows buckets: where launches are pods only claims can, unless the administrator says otherwise."""
        return buckets.ON_CLUSTER if self.on_cluster and "mounter" not in self.model_fields_set else self.mounter

    @property
    def database(self) -> str:
        """The database's URL: SQLite in the home unless another is set."""
        return self.database_url or f"sqlite:///{self.places.service / 'service.db'}"

    @property
    def hub_token(self) -> Path:
        """Where the service's own Hub API token (and OAuth client secret) lies."""
        return self.hub_token_file or self.places.secrets / "service-hub-token"

    @property
    def internal_token(self) -> Path:
        """Where the token the Hub calls ``/internal`` with lies."""
        return self.internal_token_file or self.places.secrets / "internal-token"

    @property
    def store_keys(self) -> Path:
        """SeaweedFS' ``s3.json``, which holds the embedded store's administrator key."""
        return self.store_keys_file or self.places.secrets / "s3.json"

    @property
    def storage_key(self) -> Path:
        """The key file bound storage's keys are encrypted with; one Fernet key a line, the newest first."""
        return self.storage_key_file or self.places.secrets / "storage-key"

    @property
    def api_path(self) -> str:
        """The path all REST calls begin with."""
        return f"{self.base_path}/api/v1"
