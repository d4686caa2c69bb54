"""Claims: the shared ones of everybody's files, and volumes over storage that is there already. Pure functions."""

from __future__ import annotations

from trainyard_spawner.kubernetes.group_namespace import part

from trainyard_hub.kubernetes.configuration import Deployment
from trainyard_hub.kubernetes.parts import Object, labels, metadata, named

VOLUME, LAUNCHES = "volume", "launches"
MANY, ONE = "ReadWriteMany", "ReadWriteOnce"


def claim_name(deployment: Deployment, what: str) -> str:
    """What the claim of a folder is called; the launcher knows it by the same name."""
    return named(deployment, what)


def group_claim_name(deployment: Deployment, group: int | str) -> str:
    """What the claim of one group's share is called."""
    return named(deployment, f"group-{group}")


def claims(deployment: Deployment) -> list[Object]:
    """The shared claims, in every namespace whose pods need them, each after the volume it is bound to."""
    namespaces = tuple(dict.fromkeys((deployment.namespace, deployment.work)))
    sizes = {VOLUME: deployment.storage.volume, LAUNCHES: deployment.storage.launches}
    made = [
        one for namespace in namespaces for what, size in sizes.items() for one in _claim(deployment, namespace, what, size)
    ]
    for group in deployment.named_groups:
        made += _group_claim(deployment, group)
    return made


def single_claim(deployment: Deployment, component: str, size: str) -> Object:
    """A claim template for what one pod has to itself."""
    storage_class = deployment.storage.single_class
    return {
        "metadata": {"name": "data", "labels": labels(deployment, component)},
        "spec": {
            "accessModes": [ONE],
            "resources": {"requests": {"storage": size}},
            **({} if storage_class is None else {"storageClassName": storage_class}),
        },
    }


def _claim(deployment: Deployment, namespace: str, what: str, size: str) -> list[Object]:
    name = claim_name(deployment, what)
    source = deployment.storage.source
    if source is None:
        return [_shared(deployment, name, namespace, size)]
    return _bound(deployment, (name, namespace, size), part(source, what))


def _group_claim(deployment: Deployment, group: int) -> list[Object]:
    source = deployment.storage.source
    assert source is not None  # the configuration says so
    name = group_claim_name(deployment, group)
    return _bound(deployment, (name, deployment.work, deployment.storage.volume), part(source, f"{VOLUME}/groups/{group}"))


def _shared(deployment: Deployment, name: str, namespace: str, size: str) -> Object:
    storage_class = deployment.storage.shared_class
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": metadata(deployment, name, "storage", namespace),
        "spec": {
            "accessModes": [MANY],
            "resources": {"requests": {"storage": size}},
            **({} if storage_class is None else {"storageClassName": storage_class}),
        },
    }


def _bound(deployment: Deployment, claim: tuple[str, str, str], volume: Object) -> list[Object]:
    """A volume over ``volume`` and the one claim that may have it."""
    name, namespace, size = claim
    source = deployment.storage.source
    volume_name = f"{namespace}-{name}"
    options = {"mountOptions": list(source.mount_options)} if source and source.mount_options else {}
    persistent: Object = {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": volume_name, "labels": labels(deployment, "storage")},
        "spec": {
            "accessModes": [MANY],
            "capacity": {"storage": size},
            "persistentVolumeReclaimPolicy": "Retain",
            "storageClassName": "",
            "claimRef": {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "name": name, "namespace": namespace},
            **options,
            **volume,
        },
    }
    wanted = _shared(deployment, name, namespace, size)
    wanted["spec"] |= {"storageClassName": "", "volumeName": volume_name}
    return [persistent, wanted]
