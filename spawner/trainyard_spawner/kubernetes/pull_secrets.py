"""The Secrets that images are pulled with, in the namespaces of groups: copies that follow those of the platform's own one.

A Secret of that name that is not ours stays as it is, and is what images are pulled with there.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping

from trainyard_spawner.kubernetes import names
from trainyard_spawner.kubernetes.cluster import Cluster, Object, Refused
from trainyard_spawner.kubernetes.configuration import Configuration
from trainyard_spawner.kubernetes.keeping import FORBIDDEN, NOT_FOUND, create_once, path_of, put_in_place

log = logging.getLogger(__name__)


async def follow(cluster: Cluster, configuration: Configuration, ours: Mapping[str, str]) -> None:
    """Make the copies what their originals are now; ``ours`` are the labels that tell them. Who starts a launch comes by here,
    so an original that is missing, or that we may not read, is told in the log only: the image may be on the node.

    Raises:
        trainyard_spawner.kubernetes.cluster.Refused: the API server does not let us.
    """
    for name in configuration.pull_secrets:
        try:
            original = await cluster.get(f"{path_of(configuration.home, 'secrets')}/{name}")
        except Refused as refused:
            if refused.status not in (FORBIDDEN, NOT_FOUND):
                raise
            log.warning("the pull Secret %s is not copied to %s: %s", name, configuration.namespace, refused.message)
            continue
        await _copy(cluster, copy_of(original, configuration.namespace, ours))


def copy_of(original: Object, namespace: str, ours: Mapping[str, str]) -> Object:
    """The Secret in ``namespace`` with what ``original`` holds."""
    about = {"name": original["metadata"]["name"], "namespace": namespace, "labels": dict(ours)}
    version = {names.COPIED: original["metadata"]["resourceVersion"]}
    held = {"type": original["type"], "data": original.get("data") or {}}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {**about, "annotations": version}, **held}


async def _copy(cluster: Cluster, wanted: Object) -> None:
    about = wanted["metadata"]
    path = path_of(about["namespace"], "secrets")
    try:
        # an empty change tells what is there to who may not read Secrets
        found = await cluster.patch(f"{path}/{about['name']}", {})
    except Refused as refused:
        if refused.status != NOT_FOUND:
            raise
        await create_once(cluster, path, wanted)
        return
    labels, annotations = (found["metadata"].get(name) or {} for name in ("labels", "annotations"))
    if not about["labels"].items() <= labels.items() or about["annotations"].items() <= annotations.items():
        return
    if found["type"] != wanted["type"]:
        await put_in_place(cluster, path, wanted)
        return
    data = {**dict.fromkeys(found.get("data") or {}), **wanted["data"]}
    await cluster.patch(f"{path}/{about['name']}", {"metadata": {"annotations": about["annotations"]}, "data": data})
