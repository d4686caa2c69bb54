"""What an administrator writes down about a deployment: one typed record, read from one YAML file.

How launches use the cluster (images, placement, GPUs) is the launcher's own record, ``launches`` here; what follows from the
deployment (namespaces, claims, the platform's address) is filled in and may not be said twice.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Literal, Self
from urllib.parse import urlsplit

import yaml
from pydantic import Field, ValidationError, field_validator, model_validator
from trainyard.errors import Invalid, NotFound
from trainyard.jobs.launch import Frozen
from trainyard.words import N_
from trainyard_spawner.kubernetes.configuration import (
    GROUP_NAME_OR_NONE,
    NAME_OR_NONE,
    BucketClaim,
    Images,
    Placement,
    Source,
    check_group_objects,
)

NAME = r"^[a-z0-9]([a-z0-9-]{0,40}[a-z0-9])?$"
SERVICE_NAME = r"^[a-z]([a-z0-9-]{0,40}[a-z0-9])?$"
HOST = r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?"
QUANTITY = r"^[0-9]+(\.[0-9]+)?(m|k|M|G|T|P|Ki|Mi|Gi|Ti|Pi)?$"
SERVICE_TYPES = "^(ClusterIP|NodePort|LoadBalancer)$"


class Ingress(Frozen):
    """How the cluster's own entrance leads to the platform; TLS ends there."""

    host: str
    class_name: str | None = None
    tls_secret: str | None = None
    annotations: dict[str, str] = {}

    @field_validator("host")
    @classmethod
    def _is_a_host(cls, host: str) -> str:
        if not re.fullmatch(HOST, host):
            raise ValueError("a host is written as in DNS, such as trainyard.example.org; other letters as xn--…")
        return host


class Access(Frozen):
    """How people reach the platform: ``address`` is what they type, the rest how the cluster leads there."""

    address: str
    service_type: str = Field(default="ClusterIP", pattern=SERVICE_TYPES)
    node_port: int | None = Field(default=None, ge=1, le=65535)
    annotations: dict[str, str] = {}
    ingress: Ingress | None = None

    @field_validator("address")
    @classmethod
    def _is_an_address(cls, address: str) -> str:
        told = urlsplit(address)
        if told.scheme not in ("http", "https") or not told.netloc or told.path.strip("/") or told.username:
            raise ValueError("an address is https://name or https://name:port, and nothing behind it")
        return address.rstrip("/")


class Storage(Frozen):
    """Where everybody's files lie. Without ``source`` the cluster makes volumes of ``shared_class``, which must be
    ReadWriteMany. ``single_class`` is for what one pod has to itself; None takes the cluster's default.
    """

    shared_class: str | None = None
    single_class: str | None = None
    source: Source | None = None
    volume: str = Field(default="500Gi", pattern=QUANTITY)
    launches: str = Field(default="10Gi", pattern=QUANTITY)


class Database(Frozen):
    """PostgreSQL. Without ``url`` a single pod is made, for trying out; with it the password is the key ``password`` of
    ``password_secret``, and the Hub's database is ``hub_url`` (by default the same with ``_hub`` behind the name).
    """

    url: str | None = None
    hub_url: str | None = None
    password_secret: str | None = None
    image: str = "postgres:16"
    size: str = Field(default="10Gi", pattern=QUANTITY)
    uid: int = Field(default=999, ge=1)

    @field_validator("url", "hub_url")
    @classmethod
    def _has_no_password(cls, url: str | None) -> str | None:
        if url is None:
            return None
        told = urlsplit(url)
        if not told.scheme.startswith("postgresql") or not told.path.strip("/"):
            raise ValueError("a database is postgresql://person@server:5432/name")
        if told.password is not None:
            raise ValueError("a password does not belong here: put it into a Secret and name that in password_secret")
        return url.replace(f"{told.scheme}://", "postgresql+psycopg://", 1)

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.url is None) != (self.password_secret is None):
            raise ValueError("url and password_secret are given together or not at all")
        return self

    @property
    def hub(self) -> str | None:
        """The URL of the Hub's database, where there is one outside."""
        if self.url is None:
            return None
        before, mark, after = self.url.partition("?")
        return self.hub_url or f"{before}_hub{mark}{after}"


class Store(Frozen):
    """The object store that offers everybody a bucket. Without ``url`` SeaweedFS runs as a single pod; with it
    ``keys_secret`` names a Secret whose ``s3.json`` holds an administrator's key, as SeaweedFS writes it.
    """

    url: str | None = None
    keys_secret: str | None = None
    size: str = Field(default="50Gi", pattern=QUANTITY)

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.url is None) != (self.keys_secret is None):
            raise ValueError("url and keys_secret are given together or not at all")
        return self


class Amount(Frozen):
    """What one of our own processes asks for and may use at most."""

    cpu: str = Field(default="100m", pattern=QUANTITY)
    memory: str = Field(default="256Mi", pattern=QUANTITY)
    memory_limit: str = Field(default="1Gi", pattern=QUANTITY)


class Amounts(Frozen):
    """For each process of the platform; of one that is told in part, the rest stays its own default."""

    hub: Amount = Amount()
    proxy: Amount = Amount(memory="128Mi", memory_limit="512Mi")
    service: Amount = Amount(cpu="500m", memory="512Mi", memory_limit="4Gi")
    pages: Amount = Amount(cpu="200m", memory="512Mi", memory_limit="8Gi")
    store: Amount = Amount(memory="512Mi", memory_limit="2Gi")
    database: Amount = Amount(memory="256Mi", memory_limit="2Gi")

    @model_validator(mode="before")
    @classmethod
    def _in_part(cls, told: Any) -> Any:
        if not isinstance(told, dict):
            return told
        own = {name: field.default.model_dump() for name, field in cls.model_fields.items()}
        return {name: {**own.get(name, {}), **part} if isinstance(part, dict) else part for name, part in told.items()}


class Launches(Frozen):
    """How workspaces and jobs use the cluster; the fields of the launcher's record that are the administrator's to say."""

    images: Images = {}
    buckets: tuple[BucketClaim, ...] = ()
    gpu_resource: str = "nvidia.com/gpu"
    scratch: int = Field(default=10 << 30, gt=0)
    start_seconds: float = Field(default=1800, gt=0)
    image_seconds: float = Field(default=120, ge=0)
    kueue_queue: str = Field(default="", pattern=NAME_OR_NONE)
    processor: Placement = Placement()
    gpu: Placement = Placement()


class Network(Frozen):
    """What NetworkPolicies say; a cluster whose network does not enforce them keeps them without effect.

    ``closed`` are the addresses that nobody's programs reach, ``internet`` whether they reach the others.
    """

    policies: bool = True
    internet: bool = True
    closed: tuple[str, ...] = ("10.0.0.0/8", "100.64.0.0/10", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16")


class Deployment(Frozen):
    """The whole of it. ``work_namespace``: where workspaces and jobs run, by default beside the platform. ``group_namespaces``:
    launches of a group run in one of their own, as the launcher's record says, with ``group_objects`` beside launches' policy.
    """

    name: str = Field(default="trainyard", pattern=SERVICE_NAME)
    namespace: str = Field(default="trainyard", pattern=NAME)
    work_namespace: str | None = Field(default=None, pattern=NAME)
    image: str = Field(min_length=1)
    pull_policy: str = Field(default="IfNotPresent", pattern="^(Always|IfNotPresent|Never)$")
    pull_secrets: tuple[str, ...] = ()
    access: Access
    storage: Storage = Storage()
    groups: tuple[int, ...] | Literal["all"] = ()
    group_namespaces: str = Field(default="", pattern=GROUP_NAME_OR_NONE)
    group_objects: tuple[dict[str, Any], ...] = ()
    database: Database = Database()
    store: Store = Store()
    launches: Launches = Launches()
    network: Network = Network()
    amounts: Amounts = Amounts()
    node_selector: dict[str, str] = {}
    settings: dict[str, str] = {}

    @field_validator("settings")
    @classmethod
    def _are_settings(cls, settings: dict[str, str]) -> dict[str, str]:
        for name in settings:
            if not name.startswith("TRAINYARD_"):
                raise ValueError(f"{name} is no setting: they begin with TRAINYARD_")
            if name in OURS:
                raise ValueError(f"{name} follows from the deployment and cannot be set")
        return settings

    @model_validator(mode="after")
    def _claims_can_be_made(self) -> Self:
        source = self.storage.source
        if source is None and self.work != self.namespace:
            raise ValueError(
                "a volume that the cluster makes belongs to one namespace: leave work_namespace away, or give storage.source"
            )
        if (self.groups or self.group_namespaces) and source is None:
            raise ValueError("claims for single groups need storage.source, of which each is a folder")
        if self.group_namespaces:
            if self.launches.buckets:
                raise ValueError("launches.buckets need one namespace for all groups: a claim belongs to one")
            check_group_objects(self.group_objects, self.launches.kueue_queue)
        return self

    @property
    def named_groups(self) -> tuple[int, ...]:
        """Groups whose claims and shares are made with the deployment."""
        return () if self.groups == "all" else self.groups

    @property
    def claims_as_needed(self) -> bool:
        """Whether the launcher makes claims of groups."""
        return self.groups == "all" or bool(self.group_namespaces)

    @property
    def work(self) -> str:
        """The namespace of workspaces and jobs."""
        return self.work_namespace or self.namespace


# what the deployment itself says to its processes
OURS = frozenset(
    {
        "TRAINYARD_HOME", "TRAINYARD_HOST", "TRAINYARD_PORT", "TRAINYARD_PUBLIC_URL", "TRAINYARD_TLS_OUTSIDE",
        "TRAINYARD_TLS_CERTIFICATE", "TRAINYARD_TLS_KEY", "TRAINYARD_HUB_DATABASE_URL", "TRAINYARD_KUBERNETES",
        "TRAINYARD_SERVICE_HOST", "TRAINYARD_SERVICE_PORT", "TRAINYARD_SERVICE_PUBLIC_URL", "TRAINYARD_SERVICE_DATABASE_URL",
        "TRAINYARD_SERVICE_LAUNCHER", "TRAINYARD_SERVICE_MOUNTER", "TRAINYARD_SERVICE_STORE_URL",
    }
)  # fmt: skip


def load(path: Path) -> Deployment:
    """The deployment in the YAML file ``path``.

    Raises:
        NotFound: there is no such file (``no-deployment``).
        Invalid: a field is unknown, missing, or has a value that it may not have (``deployment``).
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError:
        raise NotFound(
            "no-deployment",
            N_("There is no {path}, which describes the deployment."),
            hint=N_("`trainyard kubernetes example` prints one to begin with; docs/kubernetes.md lists every field."),
            path=str(path),
        ) from None
    except yaml.YAMLError as error:
        raise _invalid(path, str(error)) from None
    try:
        return Deployment.model_validate({} if content is None else content)
    except ValidationError as error:
        first = error.errors()[0]
        raise _invalid(path, f"{'.'.join(map(str, first['loc'])) or 'deployment'}: {first['msg']}") from None


def _invalid(path: Path, why: str) -> Invalid:
    return Invalid(
        "deployment",
        N_("{path} cannot be used: {why}"),
        hint=N_("Mend that line; docs/kubernetes.md lists every field."),
        path=str(path),
        why=why,
    )


EXAMPLE = """\
# A small deployment: everything in the namespace "trainyard", database and object store as single pods.
image: registry.example.org/trainyard/platform:0.1.0
access:
  address: https://trainyard.example.org
  ingress:
    host: trainyard.example.org
    class_name: nginx
    tls_secret: trainyard-tls
    annotations:                # nginx would refuse a chunk of an upload, and end a quiet terminal after a minute
      nginx.ingress.kubernetes.io/proxy-body-size: 64m
      nginx.ingress.kubernetes.io/proxy-read-timeout: "3600"
storage:
  shared_class: nfs-client      # must be ReadWriteMany; `trainyard doctor --kubernetes` tells
  volume: 500Gi
launches:
  images:
    workspace:2026.11: registry.example.org/trainyard/workspace:2026.11
    mxnet:1.9.1: registry.example.org/trainyard/mxnet:1.9.1
"""
