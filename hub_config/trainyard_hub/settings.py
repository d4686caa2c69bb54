"""Every setting of the stack on one machine, read from the environment with the prefix ``TRAINYARD_``; see docs/settings.md."""

from __future__ import annotations

from pathlib import Path
from typing import Self

from pydantic import Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict
from trainyard.errors import Invalid
from trainyard.home import Home
from trainyard.jobs.launch import ON_CLUSTER
from trainyard.words import N_

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
LAST_PORT = 65535
# hub, plain entrance, proxy API, service, pages and store lie behind the public port, so that setting one moves all
OFFSETS = {"hub_port": 1, "inside_port": 2, "proxy_api_port": 9, "service_port": 10, "pages_port": 20, "store_port": 30}
STORE_INNER_PORTS = 7


class Settings(BaseSettings):
    """What an administrator may set before ``make run``. Inner ports that are 0 follow the public ``port``."""

    model_config = SettingsConfigDict(env_prefix="TRAINYARD_", frozen=True, extra="ignore")

    root: Path = Field(default_factory=lambda: Home.from_environment().root, alias="TRAINYARD_HOME")
    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=1, le=LAST_PORT)
    hub_port: int = Field(default=0, ge=0, le=LAST_PORT)
    inside_port: int = Field(default=0, ge=0, le=LAST_PORT)
    proxy_api_port: int = Field(default=0, ge=0, le=LAST_PORT)
    service_port: int = Field(default=0, ge=0, le=LAST_PORT)
    pages_port: int = Field(default=0, ge=0, le=LAST_PORT)
    store_port: int = Field(default=0, ge=0, le=LAST_PORT - STORE_INNER_PORTS)
    public_url: str = ""
    tls_certificate: Path | None = None
    tls_key: Path | None = None
    tls_outside: bool = False
    hub_database_url: str = ""
    service_launcher: str = ""
    images: str = "workspace,mxnet"
    public_datasets: bool = True
    log_level: str = "INFO"

    @model_validator(mode="after")
    def _safe_outside(self) -> Self:
        if (self.tls_certificate is None) != (self.tls_key is None):
            raise Invalid(
                "tls-half",
                N_("TRAINYARD_TLS_CERTIFICATE and TRAINYARD_TLS_KEY are set together or not at all."),
            )
        if self.host not in LOOPBACK and self.tls_certificate is None and not self.tls_outside:
            raise Invalid(
                "tls-missing",
                N_("TRAINYARD_HOST is {host}: anything but loopback is served with TLS only."),
                hint=N_("Set TRAINYARD_TLS_CERTIFICATE and TRAINYARD_TLS_KEY, or leave TRAINYARD_HOST away."),
                host=self.host,
            )
        if self.port + max(OFFSETS.values()) + STORE_INNER_PORTS > LAST_PORT:
            raise Invalid(
                "port-too-high", N_("TRAINYARD_PORT is {port}; the inner ports above it end at 65535."), port=self.port
            )
        return self

    @property
    def home(self) -> Home:
        """The state folder's paths."""
        return Home(self.root.resolve())

    @property
    def tls(self) -> bool:
        """Whether the public address is served with TLS."""
        return self.tls_certificate is not None

    @property
    def address(self) -> str:
        """The public address as a person types it, without a slash at the end."""
        if self.public_url:
            return self.public_url.rstrip("/")
        return f"{'https' if self.tls else 'http'}://{bracketed(self.host)}:{self.port}"

    @property
    def inside_address(self) -> str:
        """The proxy's plain entrance on loopback: what sandboxes are relayed to, and what the Hub gives routes to.

        Without TLS on loopback it is the public one; else the public entrance hands everything on to it.
        """
        if not self.has_own_entrance:
            return f"http://127.0.0.1:{self.port}"
        return f"http://127.0.0.1:{self.inner('inside_port')}"

    @property
    def has_own_entrance(self) -> bool:
        """Whether the plain entrance differs from the public one."""
        return self.tls or self.host != "127.0.0.1"

    @property
    def hub_url(self) -> str:
        """Where the Hub listens, behind the proxy."""
        return f"http://127.0.0.1:{self.inner('hub_port')}"

    @property
    def hub_api_url(self) -> str:
        """The Hub's REST API, without the proxy."""
        return f"{self.hub_url}/hub/api"

    @property
    def service_url(self) -> str:
        """The service's address without the proxy, up to and without ``/api/v1``; ``/internal`` is answered only here."""
        return f"http://127.0.0.1:{self.inner('service_port')}/services/trainyard"

    @property
    def pages_url(self) -> str:
        """Where the pages service listens."""
        return f"http://127.0.0.1:{self.inner('pages_port')}"

    @property
    def store_url(self) -> str:
        """The embedded object store's S3 endpoint."""
        return f"http://127.0.0.1:{self.inner('store_port')}"

    @property
    def proxy_api_url(self) -> str:
        """Traefik's own API, with a password."""
        return f"http://127.0.0.1:{self.inner('proxy_api_port')}"

    @property
    def on_cluster(self) -> bool:
        """Whether jobs and workspaces are pods of a cluster: its launcher is set, by the name the service imports."""
        return self.service_launcher == ON_CLUSTER

    @property
    def image_names(self) -> list[str]:
        """The images built at start; the first is needed before anybody can work."""
        return [name.strip() for name in self.images.split(",") if name.strip()]

    def inner(self, name: str) -> int:
        """The port of an inner process: as set, or the public port plus its offset."""
        return int(getattr(self, name)) or self.port + OFFSETS[name]

    def ports(self) -> dict[str, int]:
        """Every port of the stack by the name of its setting; the store's inner ports are counted through."""
        named = {"port": self.port} | {name: self.inner(name) for name in OFFSETS}
        store = named["store_port"]
        return named | {f"store_port + {step}": store + step for step in range(1, STORE_INNER_PORTS + 1)}


def bracketed(host: str) -> str:
    """``host`` as it stands in a URL."""
    return f"[{host}]" if ":" in host else host
