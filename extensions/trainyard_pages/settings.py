"""Every setting of the pages service, read from the environment with the prefix ``TRAINYARD_PAGES_``; see docs/settings.md."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict
from trainyard.home import Home

REPOSITORY = Path(__file__).resolve().parents[2]


class Settings(BaseSettings):
    """What an administrator may set; memory in bytes, times in seconds."""

    model_config = SettingsConfigDict(env_prefix="TRAINYARD_PAGES_", frozen=True, extra="forbid")

    host: str = "127.0.0.1"
    port: int = Field(default=8020, ge=0, le=65535)
    prefix: str = "/services/pages/"
    hub_api_url: str = "http://127.0.0.1:8001/hub/api"
    hub_prefix: str = "/hub/"
    hub_token_file: Path = Field(default_factory=lambda: Home.from_environment().secrets / "pages-hub-token")
    oauth_client_id: str = "service-pages"
    service_url: str = "http://127.0.0.1:8010/services/trainyard"
    notebooks: Path = REPOSITORY / "notebooks"
    runtime: Path | None = None
    pool: int = Field(default=3, ge=1, le=32)
    kernels: int = Field(default=60, ge=1)
    kernels_per_viewer: int = Field(default=12, ge=1)
    kernel_memory: int = Field(default=512 * 2**20, ge=128 * 2**20)
    kernel_uid: int = Field(default=19999, ge=1)
    enclosed: bool = True
    grace: float = Field(default=45, ge=0)
    log_level: str = "INFO"
