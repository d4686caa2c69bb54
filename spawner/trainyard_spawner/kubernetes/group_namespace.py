"""A namespace for each group: what is in it before a launch of the group runs there, and how that is made.

Whether the namespace is there, and ours, and which claims are in it, is asked at each launch: one that was deleted is made
anew. A claim belongs to one namespace, so each namespace has its own over the same storage: of the folders a launch is
shown, and made when a launch is shown them. So has each its own copies of the Secrets that images are pulled with.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import PurePosixPath

from trainyard.errors import Conflict
from trainyard.words import N_

from trainyard_spawner.kubernetes import kueue, names, pull_secrets
from trainyard_spawner.kubernetes.cluster import Cluster, Object, Refused
from trainyard_spawner.kubernetes.configuration import Claim, Configuration, Source
from trainyard_spawner.kubernetes.keeping import LOCAL_QUEUE, NOT_FOUND, collection_of, create_once, path_of

SECURITY = "pod-security.kubernetes.io"
MANY = "ReadWriteMany"
CAPACITY = "1Ti"
"""Of a volume over storage that is there; what may be used is counted by the platform and limited by the storage."""


def wanted(configuration: Configuration, claims: Sequence[str]) -> list[Object]:
    """Everything the namespace of ``configuration`` (one of a group) needs for a launch that mounts ``claims``."""
    made = [namespace(configuration)]
    for claim in dict.fromkeys(claims):
        made += claimed(configuration, claim)
    return made + [_beside(one, configuration) for one in configuration.group_objects]


def namespace(configuration: Configuration) -> Object:
    """The namespace; its pods are *restricted*, where the cluster knows these labels."""
    standard = {f"{SECURITY}/{mode}": "restricted" for mode in ("enforce", "audit", "warn")}
    about = {"name": configuration.namespace, "labels": {**_ours(configuration), **standard}}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": about}


def claimed(configuration: Configuration, claim: str) -> list[Object]:
    """A volume over the folder that ``claim`` holds, and the one claim that may have it."""
    name, source = ".".join((configuration.home, configuration.namespace, claim)), configuration.source
    assert source is not None  # the configuration says so
    labels = _ours(configuration)
    reference = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "name": claim, "namespace": configuration.namespace}
    options = {"mountOptions": list(source.mount_options)} if source.mount_options else {}
    volume: Object = {
        "accessModes": [MANY],
        "capacity": {"storage": CAPACITY},
        "persistentVolumeReclaimPolicy": "Retain",
        "storageClassName": "",
        "claimRef": reference,
        **options,
        **part(source, folder_of(configuration, claim)),
    }
    wish = {"accessModes": [MANY], "resources": {"requests": {"storage": CAPACITY}}, "storageClassName": "", "volumeName": name}
    about = {"name": claim, "namespace": configuration.namespace, "labels": labels}
    return [
        {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": name, "labels": labels}, "spec": volume},
        {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": about, "spec": wish},
    ]


def folder_of(configuration: Configuration, claim: str) -> str:
    """The folder below the state folder that ``claim`` holds."""
    described, group = _described(configuration, claim)
    return described.folder.replace("{group}", group)


def is_of_group(configuration: Configuration, claim: str) -> bool:
    """Whether ``claim`` holds something of one group only."""
    return bool(_described(configuration, claim)[1])


def _described(configuration: Configuration, claim: str) -> tuple[Claim, str]:
    """What the configuration says of a claim, and the number of the group it is of; empty: of none."""
    for one in configuration.places:
        pattern = re.escape(one.claim).replace(re.escape("{group}"), "(?P<group>[0-9]+)", 1)
        if (found := re.fullmatch(pattern, claim)) is not None:
            return one, found.groupdict().get("group", "")
    raise LookupError(claim)


def part(source: Source, folder: str) -> Object:
    """The source, a folder further in: it holds what the state folder holds."""
    kind, fields = next(iter(source.volume.items()))
    return {kind: {**fields, source.field: str(PurePosixPath(fields[source.field]) / folder)}}


class Namespaces:
    """The namespaces of groups as this process last saw them: their uids by their names."""

    def __init__(self) -> None:
        self._seen: dict[str, str] = {}

    async def ready(self, cluster: Cluster, configuration: Configuration, claims: Sequence[str]) -> bool:
        """Make what is missing for a launch that mounts ``claims``; what is there stays as it is. Whether the namespace is
        another one than at the last time, so that nothing is in it. In the namespace of all launches, which is the
        administrator's, only claims of single groups are made.

        Raises:
            Conflict: the namespace, or a volume, belongs to somebody else (``not-ours-on-cluster``), or a claim is being
                deleted (``claim-ending``).
            trainyard_spawner.kubernetes.cluster.Refused: the API server does not let us.
        """
        if not configuration.home:
            await self._claim(cluster, configuration, claims)
            return False
        uid = await _place(cluster, configuration)
        fresh = self._seen.get(configuration.namespace) != uid
        missing = await _missing(cluster, configuration, claims)
        if fresh or missing:
            await _make(cluster, configuration, missing)
        await pull_secrets.follow(cluster, configuration, _ours(configuration))
        self._seen[configuration.namespace] = uid
        return fresh

    async def _claim(self, cluster: Cluster, configuration: Configuration, claims: Sequence[str]) -> None:
        ours = configuration.model_copy(update={"home": configuration.namespace})
        of_groups = [claim for claim in claims if is_of_group(configuration, claim)]
        for claim in await _missing(cluster, configuration, of_groups) if of_groups else ():
            for one in claimed(ours, claim):
                await _once(cluster, one, ours)


async def _missing(cluster: Cluster, configuration: Configuration, claims: Sequence[str]) -> list[str]:
    """Those of ``claims`` that are not in the namespace.

    Raises:
        Conflict: one was deleted and is there for as long as a pod uses it; no new pod may (``claim-ending``).
    """
    path = path_of(configuration.namespace, "persistentvolumeclaims")
    there = {one["metadata"]["name"]: one["metadata"] for one in (await cluster.get(path))["items"]}
    for claim in claims:
        if "deletionTimestamp" in there.get(claim, ()):
            raise Conflict(
                "claim-ending",
                N_("The claim {name} of {namespace} was deleted; nothing can start with it until what uses it has ended."),
                hint=N_("Start it again then. `kubectl describe pvc {name} --namespace {namespace}` tells what uses it."),
                name=claim,
                namespace=configuration.namespace,
            )
    return [claim for claim in dict.fromkeys(claims) if claim not in there]


async def _place(cluster: Cluster, configuration: Configuration) -> str:
    """The uid of the namespace, which is made where it is missing."""
    one = namespace(configuration)
    path = f"{collection_of(one)}/{configuration.namespace}"
    try:
        found = await cluster.get(path)
    except Refused as refused:
        if refused.status != NOT_FOUND:
            raise
        await create_once(cluster, collection_of(one), one)
        found = await cluster.get(path)
    _must_be_ours(found, one, configuration)
    return str(found["metadata"]["uid"])


async def _make(cluster: Cluster, configuration: Configuration, claims: Sequence[str]) -> None:
    several = wanted(configuration, claims)[1:]
    if any(one["kind"] == LOCAL_QUEUE for one in several) and not await kueue.find(cluster):
        several = [one for one in several if one["kind"] != LOCAL_QUEUE]
    for one in several:
        await _once(cluster, one, configuration)


async def _once(cluster: Cluster, one: Object, configuration: Configuration) -> None:
    if not await create_once(cluster, collection_of(one), one) and one["kind"] == "PersistentVolume":
        await _take_again(cluster, one, configuration)


async def _take_again(cluster: Cluster, wanted: Object, configuration: Configuration) -> None:
    """A volume that is there; one that is kept for a claim that is gone is given to the claim's successor.

    Its phase does not tell: for a moment after the claim's end it is bound still, and who came then would wait for ever.
    """
    path = f"{collection_of(wanted)}/{wanted['metadata']['name']}"
    found = await cluster.get(path)
    _must_be_ours(found, wanted, configuration)
    reference = wanted["spec"]["claimRef"]
    if await _missing(cluster, configuration, [reference["name"]]):
        successor = {**reference, "uid": None, "resourceVersion": None}
        await cluster.patch(path, {"spec": {"claimRef": successor}})


def _ours(configuration: Configuration) -> dict[str, str]:
    return {**names.labels(configuration.name), **configuration.marks}


def _must_be_ours(found: Object, wanted: Object, configuration: Configuration) -> None:
    ours = _ours(configuration)
    if ours.items() <= (found["metadata"].get("labels") or {}).items():
        return
    raise Conflict(
        "not-ours-on-cluster",
        N_("{kind} {name} is on the cluster and does not belong to this platform, so no job of the group can start."),
        hint=N_("An administrator renames group_namespaces, or gives it the labels {labels}."),
        kind=wanted["kind"],
        name=wanted["metadata"]["name"],
        labels=", ".join(f"{name}={value}" for name, value in ours.items()),
    )


def _beside(one: Object, configuration: Configuration) -> Object:
    return {**one, "metadata": {**one["metadata"], "namespace": configuration.namespace}}
