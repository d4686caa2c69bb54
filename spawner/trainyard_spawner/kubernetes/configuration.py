"""How a cluster is used: one typed record, read from the YAML file that ``TRAINYARD_KUBERNETES`` names.

Where the variable is not set, ``<home>/kubernetes.yaml`` is read. Memory is in bytes, times in seconds.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Self

import yaml
from pydantic import AfterValidator, Field, ValidationError, field_validator, model_validator
from trainyard.errors import Invalid, NotFound
from trainyard.home import Home
from trainyard.jobs.launch import Frozen
from trainyard.words import N_

from trainyard_spawner.images import REFERENCE
from trainyard_spawner.kubernetes import names
from trainyard_spawner.kubernetes.keeping import BESIDE, LOCAL_QUEUE

VARIABLE = "TRAINYARD_KUBERNETES"
_NAME = r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"
GROUP_NAME_OR_NONE = r"^([a-z0-9]([a-z0-9-]{0,40})\{group\}(-[a-z0-9]{1,10})?)?$"
NAME_OR_NONE = r"^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)?$"
BUCKETS = "buckets"
"""The folder of the state folder in which one stands for each claim of a bucket."""


def _with_versions(images: dict[str, str]) -> dict[str, str]:
    """Each key is a folder of the catalogue, ``<name>/<version>``."""
    for image in images:
        if ":" not in image or not REFERENCE.fullmatch(image):
            raise ValueError(
                f"an image is name:version, in letters, digits and . _ - with a lower-case name, and not {image!r}: "
                "write it as in pytorch:2026.11"
            )
    return images


Images = Annotated[dict[str, str], AfterValidator(_with_versions)]
"""From the catalogue's ``name:version`` to what a node pulls."""


class Claim(Frozen):
    """A ReadWriteMany claim that holds ``folder`` of the state folder, at ``path`` inside of it (empty: all of it).

    ``{group}`` stands for a group's number, in all three.
    """

    folder: str = Field(min_length=1)
    claim: str
    path: str = ""

    @field_validator("folder", "path")
    @classmethod
    def _inside(cls, path: str) -> str:
        if path and {"..", ".", ""} & set(path.split("/")):
            raise ValueError("a folder is named by its path from the state folder, or the claim, without . and ..")
        return path


class BucketClaim(Frozen):
    """A claim that shows the bucket of an object store as files, by a CSI driver with keys of its own. Whoever has bound this
    bucket sees all of it in the pods; with ``read_only: false`` they may write there too, whatever their own keys allow.
    """

    endpoint: str = Field(pattern=r"^https?://[^/]+$")
    bucket: str = Field(min_length=1)
    claim: str = Field(pattern=_NAME)
    read_only: bool = True


class Placement(Frozen):
    """Where pods may run: objects exactly as a pod's specification takes them."""

    node_selector: dict[str, str] = {}
    tolerations: tuple[dict[str, Any], ...] = ()
    priority_class: str | None = None


class Source(Frozen):
    """Storage that is there already: ``volume`` exactly as a PersistentVolume's specification names it, such as
    ``{nfs: {server: 10.0.0.5, path: /export}}``. ``field`` says which of its fields is the path, so that folders of it can be
    volumes too; for ``csi`` that is often ``volumeHandle``.
    """

    volume: dict[str, dict[str, Any]] = Field(min_length=1, max_length=1)
    field: str = "path"
    mount_options: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _names_its_folder(self) -> Self:
        kind, fields = next(iter(self.volume.items()))
        if not isinstance(fields.get(self.field), str):
            raise ValueError(f"{kind} has no text {self.field}: name in field the one that is the path")
        return self


class Configuration(Frozen):
    """Everything that is to be known of one cluster.

    ``name`` tells several platforms of one namespace apart. ``images`` leads from the catalogue's ``name:version`` to what a
    node pulls, so nobody starts anything else. ``buckets``: whose files claims show. ``platform`` is the platform's address as
    pods reach it. ``scratch`` is the room in ``/tmp`` and in a home that is not kept. ``start_seconds``: so long a pod may wait
    for a node, its image and its volumes; ``image_seconds``: so long a pull may fail before it is given up. ``policies``:
    launches are kept apart by network policies here, so the replicas of one training need one that lets them meet.
    ``kueue_queue``: the LocalQueue that admits jobs where Kueue is installed. ``group_namespaces``: launches of a group run in
    a namespace of this name, ``{group}`` standing for its number, with claims over ``source`` (which holds what the state
    folder holds) and with ``group_objects``, each as it is written but for its namespace; ``home`` is then the platform's own
    (``of_group`` says so). With ``source`` alone claims of groups are made in the one namespace when a launch needs them.
    ``kubeconfig`` is for a platform outside of the cluster; without it the variable ``KUBECONFIG`` or the pod's service account
    is used.
    """

    name: str = Field(default="trainyard", pattern=_NAME)
    namespace: str = Field(default="trainyard", pattern=_NAME)
    kubeconfig: Path | None = None
    context: str | None = None
    images: Images = {}
    pull_policy: str = Field(default="IfNotPresent", pattern="^(Always|IfNotPresent|Never)$")
    pull_secrets: tuple[str, ...] = ()
    claims: tuple[Claim, ...] = (
        Claim(folder="launches", claim="trainyard-launches"),
        Claim(folder="volume", claim="trainyard-volume"),
        Claim(folder="volume/groups/{group}", claim="trainyard-group-{group}"),
    )
    buckets: tuple[BucketClaim, ...] = ()
    platform: str = ""
    gpu_resource: str = "nvidia.com/gpu"
    scratch: int = Field(default=10 << 30, gt=0)
    start_seconds: float = Field(default=1800, gt=0)
    image_seconds: float = Field(default=120, ge=0)
    policies: bool = False
    group_namespaces: str = Field(default="", pattern=GROUP_NAME_OR_NONE)
    source: Source | None = None
    group_objects: tuple[dict[str, Any], ...] = ()
    kueue_queue: str = Field(default="", pattern=NAME_OR_NONE)
    home: str = Field(default="", pattern=NAME_OR_NONE)
    processor: Placement = Placement()
    gpu: Placement = Placement()

    @property
    def places(self) -> tuple[Claim, ...]:
        """Everything a pod can be shown: the platform's folders and people's buckets."""
        return (*self.claims, *(Claim(folder=f"{BUCKETS}/{one.claim}", claim=one.claim) for one in self.buckets))

    @property
    def marks(self) -> dict[str, str]:
        """The labels that tell what is ours in a group's namespace from what another platform of this name has in its own."""
        return {names.HOME: self.home} if self.home else {}

    @model_validator(mode="after")
    def _groups_can_have_namespaces(self) -> Self:
        if self.source is not None and any(one.path for one in self.claims if "{group}" in one.claim):
            raise ValueError("claims of groups that are made over source are their folders themselves, without a path")
        if not self.group_namespaces:
            return self
        if self.source is None:
            raise ValueError("group_namespaces need source: a volume that the cluster makes belongs to one namespace")
        if any(claim.path for claim in self.claims):
            raise ValueError("with group_namespaces each claim is its folder itself, without a path")
        if self.buckets:
            raise ValueError("buckets need one namespace for all groups: a claim belongs to one")
        check_group_objects(self.group_objects, self.kueue_queue)
        return self


def of_group(configuration: Configuration, group: int | None) -> Configuration:
    """The configuration as launches of ``group`` use it: in the group's own namespace, where each has one."""
    if group is None or not configuration.group_namespaces:
        return configuration
    own = configuration.group_namespaces.replace("{group}", str(group))
    return configuration.model_copy(update={"namespace": own, "home": configuration.namespace})


def check_group_objects(several: Sequence[Mapping[str, Any]], queue: str) -> None:
    """Whether these can be made in the namespace of each group, and Kueue's ``queue`` (or none: empty) is one of them.

    Raises:
        ValueError: one cannot, or the queue is missing: a LocalQueue belongs to one namespace.
    """
    for one in several:
        if one.get("kind") not in BESIDE or not one.get("apiVersion") or not (one.get("metadata") or {}).get("name"):
            raise ValueError(f"group_objects have an apiVersion and a name, and are one of {', '.join(BESIDE)}")
    queues = [one["metadata"]["name"] for one in several if one["kind"] == LOCAL_QUEUE]
    if queue and queue not in queues:
        raise ValueError(f"each group's namespace needs the LocalQueue {queue} of kueue_queue: put it into group_objects")


def pulled(configuration: Configuration, image: str) -> str:
    """What a node pulls for the catalogue's ``image``.

    Raises:
        NotFound: this cluster does not know it (``image-missing``).
    """
    if (found := configuration.images.get(image)) is not None:
        return found
    raise NotFound(
        "image-missing",
        N_("The image {image} is not known on this cluster."),
        hint=N_("Choose another image, or ask the administrator to add it to `images` in kubernetes.yaml."),
        field="image",
        image=image,
    )


def place_of(home: Home) -> Path:
    """The file the configuration is read from."""
    named = os.environ.get(VARIABLE)
    return Path(named).resolve() if named else home.root / "kubernetes.yaml"


def load(path: Path) -> Configuration:
    """The configuration in the YAML file ``path``.

    Raises:
        NotFound: there is no such file (``no-kubernetes-configuration``).
        Invalid: a field is unknown or has a value that it may not have (``kubernetes-configuration``).
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError:
        raise NotFound(
            "no-kubernetes-configuration",
            N_("There is no {path}, which says how the cluster is used."),
            hint=N_("docs/kubernetes.md shows one; TRAINYARD_KUBERNETES names another place for it."),
            path=str(path),
        ) from None
    except yaml.YAMLError as error:
        raise _invalid(path, str(error)) from None
    try:
        return Configuration.model_validate({} if content is None else content)
    except ValidationError as error:
        first = error.errors()[0]
        raise _invalid(path, f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}") from None


def _invalid(path: Path, why: str) -> Invalid:
    return Invalid(
        "kubernetes-configuration",
        N_("{path} cannot be used: {why}"),
        hint=N_("Mend that line; docs/kubernetes.md lists every field."),
        path=str(path),
        why=why,
    )
