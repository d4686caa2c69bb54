"""Whether the cluster gives the volumes that everybody's files lie on: before a deployment by a small claim that is removed
again, afterwards by the claims themselves.

A claim takes the volume it is bound to along: one that is there already, made by hand, is only looked at and never tried.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Iterable
from contextlib import suppress

from trainyard.words import N_
from trainyard_spawner.doctor import Finding
from trainyard_spawner.kubernetes.cluster import Cluster, Refused
from trainyard_spawner.kubernetes.doctor import wrong_with
from trainyard_spawner.kubernetes.keeping import NOT_FOUND
from trainyard_spawner.kubernetes.quantities import amount

from trainyard_hub.kubernetes.configuration import Deployment
from trainyard_hub.kubernetes.onto_cluster import path_of
from trainyard_hub.kubernetes.parts import Object, metadata
from trainyard_hub.kubernetes.probes import PATIENCE, made, probe, waits_for
from trainyard_hub.kubernetes.storage import MANY, claims

SMALL = "1Gi"
"""Many a class makes nothing smaller."""
AGAIN_SECONDS = 10.0
"""So long a class that failed may try again."""
DEFAULT_CLASS = "storageclass.kubernetes.io/is-default-class"
PROVISIONED = "pv.kubernetes.io/provisioned-by"
CLASSES, VOLUMES = "/apis/storage.k8s.io/v1/storageclasses", "/api/v1/persistentvolumes"
FAILED = ("FailedBinding", "ProvisioningFailed")
WAITS_FOR_POD = "WaitForFirstConsumer"
_ANOTHER = N_("Name a class whose volumes many nodes can write (NFS, CephFS, a cloud's file store), or give storage.source.")


async def storage(cluster: Cluster, deployment: Deployment) -> Finding:
    """Before: whether a claim would be bound. After: whether the shared claims are bound and shared."""
    wanted = [one for one in claims(deployment) if one["kind"] == "PersistentVolumeClaim"]
    there = {one["metadata"]["name"]: await _found(cluster, path_of(one)) for one in wanted}
    if any(there.values()):
        return _bound(there)
    if deployment.storage.source is not None:
        kind = next(iter(deployment.storage.source.volume))
        return Finding("storage", "good", N_("Volumes will be made over {kind}."), values=(("kind", kind),))
    return await _before(cluster, deployment, wanted)


def _bound(there: dict[str, Object | None]) -> Finding:
    if wrong := [f"{name} ({why})" for name, one in there.items() if (why := wrong_with(one))]:
        means = N_("Claims that cannot be used: {wrong}.")
        step = N_("Each must be bound and ReadWriteMany; `kubectl describe pvc` tells why one is not.")
        return Finding("storage", "bad", means, step, (("wrong", ", ".join(wrong)),))
    means = N_("Shared claims are bound and ReadWriteMany: {claims}.")
    return Finding("storage", "good", means, values=(("claims", ", ".join(there)),))


async def _before(cluster: Cluster, deployment: Deployment, wanted: list[Object]) -> Finding:
    classes = (await cluster.get(CLASSES))["items"]
    named = deployment.storage.shared_class
    chosen = usual_class(classes) if named is None else named
    by_hand = [one for one in (await cluster.get(VOLUMES))["items"] if is_free(one, chosen)]
    if by_hand:
        return _by_hand(wanted, by_hand)
    names = [one["metadata"]["name"] for one in classes]
    if chosen not in names:
        means = N_("No storage class can be used; there are: {classes}.")
        return Finding("storage", "bad", means, _ANOTHER, (("classes", ", ".join(names) or "–"),))
    return await _tried(cluster, deployment, chosen)


def usual_class(classes: Iterable[Object]) -> str:
    """The class of claims that name none; empty where they get none."""
    marked = (one["metadata"] for one in classes if (one["metadata"].get("annotations") or {}).get(DEFAULT_CLASS) == "true")
    return next((str(about["name"]) for about in marked), "")


def is_free(volume: Object, wanted: str) -> bool:
    """Whether a claim of the class ``wanted`` (empty: of none) for many nodes could take ``volume``."""
    spec = volume["spec"]
    free = volume["status"].get("phase") == "Available" and "claimRef" not in spec
    return free and spec.get("storageClassName", "") == wanted and MANY in spec["accessModes"]


def _by_hand(wanted: list[Object], volumes: list[Object]) -> Finding:
    taken, short = fitted(wanted, volumes)
    if not short:
        means = N_("Volumes that are there fit the claims: {volumes}. A trial would use them up, so they were not tried.")
        return Finding("storage", "good", means, values=(("volumes", ", ".join(taken)),))
    means = N_("Of the volumes that are there ({volumes}) none is left that is large enough for {claims}.")
    step = N_("Make one for each claim, of the size in the deployment, or name a class that makes them.")
    values = (("volumes", ", ".join(one["metadata"]["name"] for one in volumes)), ("claims", ", ".join(short)))
    return Finding("storage", "bad", means, step, values)


def fitted(wanted: Iterable[Object], volumes: Iterable[Object]) -> tuple[list[str], list[str]]:
    """The volumes that these claims take, the smallest that is large enough each, and the claims for which there is none."""
    left = sorted((amount(one["spec"]["capacity"]["storage"]), one["metadata"]["name"]) for one in volumes)
    taken, short = [], []
    sizes = ((amount(one["spec"]["resources"]["requests"]["storage"]), one["metadata"]["name"]) for one in wanted)
    for size, claim in sorted(sizes):
        fits = next((one for one in left if one[0] >= size), None)
        if fits is None:
            short.append(claim)
        else:
            left.remove(fits)
            taken.append(fits[1])
    return taken, short


async def _tried(cluster: Cluster, deployment: Deployment, chosen: str) -> Finding:
    values = (("chosen", chosen), ("namespace", deployment.work))
    try:
        why = await refusal_of_a_claim(cluster, deployment)
    except Refused as refused:
        if refused.status != NOT_FOUND:
            raise
        means = N_("There is no namespace {namespace} yet, so the storage class {chosen} could not be tried out.")
        step = N_("Make it (kubectl create namespace {namespace}) or apply the deployment, then ask again.")
        return Finding("storage", "note", means, step, values)
    if why:
        means = N_("A small ReadWriteMany claim of the storage class {chosen} was not bound: {why}")
        return Finding("storage", "bad", means, _ANOTHER, (*values, ("why", why)))
    means = N_("A small ReadWriteMany claim of the storage class {chosen} was bound, and removed again.")
    return Finding("storage", "good", means, values=values)


def small_claim(deployment: Deployment) -> Object:
    """What the platform's claims ask for, but small."""
    name = f"{deployment.name}-probe-storage-{secrets.token_hex(3)}"
    about = metadata(deployment, name, "probe", deployment.work)
    shared = deployment.storage.shared_class
    named = {} if shared is None else {"storageClassName": shared}
    wish = {"accessModes": [MANY], "resources": {"requests": {"storage": SMALL}}, **named}
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": about, "spec": wish}


def user_of(claim: Object, deployment: Deployment) -> Object:
    """A pod that is shown ``claim``; that is all some classes wait for."""
    pod = probe(deployment, deployment.image, ["true"], "storage")
    pod["spec"]["containers"][0]["volumeMounts"] = [{"name": "shared", "mountPath": "/mnt"}]
    pod["spec"]["volumes"] = [{"name": "shared", "persistentVolumeClaim": {"claimName": claim["metadata"]["name"]}}]
    return pod


async def refusal_of_a_claim(cluster: Cluster, deployment: Deployment) -> str:
    """Why a small claim is not bound, in the cluster's words; empty: it is."""
    claim = small_claim(deployment)
    async with made(cluster, claim) as path:
        try:
            why = await _until_bound(cluster, claim, "")
            if why != WAITS_FOR_POD:
                return why
            async with made(cluster, user_of(claim, deployment)) as pod:
                return await _until_bound(cluster, claim, pod)
        finally:
            await _leave_no_volume(cluster, path)


async def _until_bound(cluster: Cluster, claim: Object, pod: str) -> str:
    """Why it is not bound, or that it waits for a pod where there is none; empty as soon as it is."""
    deadline = time.monotonic() + PATIENCE
    while True:
        if (await cluster.get(path_of(claim)))["status"].get("phase") == "Bound":
            return ""
        reason, said = await _said(cluster, claim)
        if reason == WAITS_FOR_POD and not pod:
            return WAITS_FOR_POD
        if reason in FAILED:
            deadline = min(deadline, time.monotonic() + AGAIN_SECONDS)
        if time.monotonic() > deadline:
            waits = waits_for(await cluster.get(pod)) if pod and reason not in FAILED else ""
            return waits or said or "nothing happened"
        await asyncio.sleep(0.5)


async def _said(cluster: Cluster, claim: Object) -> tuple[str, str]:
    """The reason and words of the newest event about ``claim``; warnings first, since the others are repeated."""
    about = claim["metadata"]
    path = f"/api/v1/namespaces/{about['namespace']}/events"
    events = (await cluster.get(path, fieldSelector=f"involvedObject.name={about['name']}"))["items"]
    newest: Object = max(events, key=lambda one: (one.get("type") == "Warning", one.get("lastTimestamp") or ""), default={})
    return str(newest.get("reason", "")), str(newest.get("message", ""))


async def _leave_no_volume(cluster: Cluster, path: str) -> None:
    """Let what the class made for the claim go with it, also where the class keeps volumes."""
    with suppress(Refused):
        name = (await cluster.get(path))["spec"].get("volumeName")
        volume = await cluster.get(f"{VOLUMES}/{name}") if name else None
        if volume and PROVISIONED in (volume["metadata"].get("annotations") or {}):
            await cluster.patch(f"{VOLUMES}/{name}", {"spec": {"persistentVolumeReclaimPolicy": "Delete"}})


async def _found(cluster: Cluster, path: str) -> Object | None:
    try:
        return await cluster.get(path)
    except Refused as refused:
        if refused.status == NOT_FOUND:
            return None
        raise
