"""Brings a deployment onto a cluster, tells what would change, and takes it away again; by server-side apply."""

from __future__ import annotations

import asyncio
import difflib
import json
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from trainyard.errors import Conflict, Unavailable
from trainyard.words import N_
from trainyard_spawner.kubernetes.cluster import Cluster, Refused
from trainyard_spawner.kubernetes.keeping import collection_of
from trainyard_spawner.kubernetes.names import INSTANCE, MANAGED_BY

from trainyard_hub.kubernetes import secrets
from trainyard_hub.kubernetes.configuration import Deployment
from trainyard_hub.kubernetes.everything import DATA_KINDS, objects
from trainyard_hub.kubernetes.parts import MANAGER, Object
from trainyard_hub.kubernetes.text import dump

NOT_FOUND, CONFLICT = 404, 409
GONE_SECONDS = 300.0
ONCE = ("Job",)
"""What did its work once and cannot be changed: it stays as it is, unless it failed; then it is made anew."""
# what the API server writes by itself
_SERVERS_OWN = ("managedFields", "resourceVersion", "uid", "generation", "creationTimestamp", "selfLink")


@dataclass(frozen=True)
class Change:
    """What became of one object: ``added``, ``changed``, ``unchanged``, ``deleted``, ``kept`` or ``absent``."""

    kind: str
    name: str
    namespace: str
    action: str


def path_of(one: Object) -> str:
    """Where the API server has this object."""
    return f"{collection_of(one)}/{one['metadata']['name']}"


async def apply(cluster: Cluster, deployment: Deployment, *, force: bool = False) -> AsyncIterator[Change]:
    """Make or change every object; each is told as it is done.

    Raises:
        Conflict: another tool set a field to something else (``managed-by-another``); ``force`` takes it over.
        Unavailable: the API server refused (``cluster-refused``).
    """
    secret_made = False
    for one in objects(deployment):
        if one["kind"] not in ("Namespace",) and not secret_made:
            yield await _keep_secret(cluster, deployment)
            secret_made = True
        before = await _found(cluster, one)
        if before is not None and _stays(before, one, deployment):
            yield _change(one, "kept")
            continue
        redone = before is not None and one["kind"] in ONCE
        if redone:
            await _deleted(cluster, one, deployment)
            await _until_gone(cluster, [one])
        elif before is not None and "deletionTimestamp" in before["metadata"]:
            raise _is_going(one)
        after = await _applied(cluster, as_bound(one, before), force=force)
        yield _change(one, "changed" if redone else _compared(before, after))


async def diff(cluster: Cluster, deployment: Deployment) -> AsyncIterator[str]:
    """What `apply` would change, an object at a time, as a unified diff."""
    for one in objects(deployment):
        before = await _found(cluster, one)
        if before is not None and _stays(before, one, deployment):
            continue
        if one["kind"] in ONCE:
            before = None
        after = one if before is None else await _applied(cluster, as_bound(one, before), force=True, dry=True)
        if text := compared(one, before, after):
            yield text
    missing = await _missing_keys(cluster, deployment)
    if missing:
        yield f"+ Secret {deployment.namespace}/{secrets.name(deployment)}: {', '.join(missing)}\n"


async def delete(cluster: Cluster, deployment: Deployment, *, with_data: bool = False) -> AsyncIterator[Change]:
    """Take everything away, the last made first, and wait until it is gone; what holds data stays unless ``with_data`` is said.

    Raises:
        Unavailable: something is still there after ``GONE_SECONDS`` (``still-there``).
    """
    every = objects(deployment)
    going = [one for one in reversed(every) if one["kind"] != "Namespace" and (with_data or one["kind"] not in DATA_KINDS)]
    if with_data:
        known = {path_of(one) for one in going}
        going += [one for one in await _made_since(cluster, deployment) if path_of(one) not in known]
        going.append(secrets.secret(deployment, ()))
        going += [one for one in every if one["kind"] == "Namespace"]
    asked = []
    for one in going:
        change = await _deleted(cluster, one, deployment)
        if change.action == "deleted":
            asked.append(one)
        yield change
    for one in every:
        if one not in going:
            yield _change(one, "kept" if await _found(cluster, one) is not None else "absent")
    await _until_gone(cluster, asked)


def compared(wanted: Object, before: Object | None, after: Object) -> str:
    """A unified diff of what is there and what would be; empty when they are the same."""
    about = wanted["metadata"]
    name = "/".join(part for part in (wanted["kind"], about.get("namespace", ""), about["name"]) if part)
    old = [] if before is None else dump(told(before)).splitlines(keepends=True)
    return "".join(difflib.unified_diff(old, dump(told(after)).splitlines(keepends=True), f"{name} (now)", f"{name} (then)"))


def told(one: Object) -> Object:
    """An object without what the API server writes by itself."""
    about = {name: value for name, value in one["metadata"].items() if name not in _SERVERS_OWN}
    return {name: value for name, value in {**one, "metadata": about}.items() if name != "status"}


def as_bound(wanted: Object, before: Object | None) -> Object:
    """A volume as it is wanted, with the reference that the cluster completed when it bound the very claim it names.

    Newer API servers (seen with v1.24, not with v1.20) give that reference to one manager as a whole: ours, with the claim's
    name alone, would be a conflict with theirs at the second apply.
    """
    meant = wanted["spec"].get("claimRef") if wanted["kind"] == "PersistentVolume" else None
    bound = before["spec"].get("claimRef") if meant and before else None
    if not meant or not bound or any(bound.get(name) != value for name, value in meant.items()):
        return wanted
    return {**wanted, "spec": {**wanted["spec"], "claimRef": bound}}


async def _found(cluster: Cluster, one: Object) -> Object | None:
    try:
        return await cluster.get(path_of(one))
    except Refused as refused:
        if refused.status == NOT_FOUND:
            return None
        raise _refusal(one, refused) from None


async def _applied(cluster: Cluster, one: Object, *, force: bool, dry: bool = False) -> Object:
    try:
        return await cluster.apply(path_of(one), one, manager=MANAGER, force=force, dry=dry)
    except Refused as refused:
        if refused.status == CONFLICT and not force:
            raise Conflict(
                "managed-by-another",
                N_("{kind} {name} was changed by another tool: {why}"),
                hint=N_("Take that change back there, or apply with --force, which overwrites it."),
                kind=one["kind"],
                name=one["metadata"]["name"],
                why=refused.message,
            ) from None
        raise _refusal(one, refused) from None


async def _keep_secret(cluster: Cluster, deployment: Deployment) -> Change:
    """Make the Secret, or the keys that are missing of it; a value that is there is never read twice or replaced."""
    bare = secrets.secret(deployment, ())
    missing = await _missing_keys(cluster, deployment)
    before = await _found(cluster, bare)
    if before is None:
        await cluster.post(collection_of(bare), secrets.secret(deployment))
        return _change(bare, "added")
    if missing:
        # only where nobody was faster: the version says which state we saw
        added = {"metadata": {"resourceVersion": before["metadata"]["resourceVersion"]}}
        await cluster.patch(path_of(bare), {**added, "data": secrets.secret(deployment, missing)["data"]})
    return _change(bare, "changed" if missing else "unchanged")


async def _missing_keys(cluster: Cluster, deployment: Deployment) -> list[str]:
    there = await _found(cluster, secrets.secret(deployment, ()))
    known: dict[str, Any] = (there or {}).get("data") or {}
    return [one.key for one in secrets.kept(deployment) if one.key not in known]


async def _deleted(cluster: Cluster, one: Object, deployment: Deployment) -> Change:
    before = await _found(cluster, one)
    if before is None:
        return _change(one, "absent")
    if _is_somebody_elses(before, deployment):
        return _change(one, "kept")
    body = {"propagationPolicy": "Foreground", "preconditions": {"uid": before["metadata"]["uid"]}}
    try:
        await cluster.delete(path_of(one), body)
    except Refused as refused:
        if refused.status != NOT_FOUND:
            raise _refusal(one, refused) from None
    return _change(one, "deleted")


async def _until_gone(cluster: Cluster, going: list[Object]) -> None:
    """Wait: whoever applies again would change what is about to vanish."""
    deadline = time.monotonic() + GONE_SECONDS
    for one in going:
        while await _found(cluster, one) is not None:
            if time.monotonic() > deadline:
                raise Unavailable(
                    "still-there",
                    N_("{kind} {name} was asked to go and is still there after {seconds} seconds."),
                    hint=N_("`kubectl describe` tells what holds it: a pod that does not end, or a volume in use."),
                    kind=one["kind"],
                    name=one["metadata"]["name"],
                    seconds=round(GONE_SECONDS),
                )
            await asyncio.sleep(0.5)


async def _made_since(cluster: Cluster, deployment: Deployment) -> list[Object]:
    """The claims that StatefulSets and the launcher made, which outlive them, and the volumes of those."""
    chosen = f"{INSTANCE}={deployment.name},{MANAGED_BY}=trainyard"
    namespaces = dict.fromkeys((deployment.namespace, deployment.work))
    paths = [f"/api/v1/namespaces/{namespace}/persistentvolumeclaims" for namespace in namespaces]
    claims = [one for path in paths for one in (await cluster.get(path, labelSelector=chosen))["items"]]
    volumes = (await cluster.get("/api/v1/persistentvolumes", labelSelector=chosen))["items"]
    ours = [one for one in volumes if (one["spec"].get("claimRef") or {}).get("namespace") in namespaces]
    told = [("PersistentVolumeClaim", one) for one in claims] + [("PersistentVolume", one) for one in ours]
    return [{"apiVersion": "v1", "kind": kind, "metadata": one["metadata"]} for kind, one in told]


def _is_somebody_elses(there: Object, deployment: Deployment) -> bool:
    """Whether an object of our name was made by others: a namespace that was there before is used and left as it is."""
    known = there["metadata"].get("labels") or {}
    return known.get(INSTANCE) != deployment.name


def _stays(there: Object, wanted: Object, deployment: Deployment) -> bool:
    """Whether what is there is left as it is: somebody else's, and what did its work, or still does it."""
    if _is_somebody_elses(there, deployment):
        return True
    conditions = (there.get("status") or {}).get("conditions") or ()
    return wanted["kind"] in ONCE and not any(one["type"] == "Failed" and one["status"] == "True" for one in conditions)


def _compared(before: Object | None, after: Object) -> str:
    if before is None:
        return "added"
    return "unchanged" if json.dumps(told(before), sort_keys=True) == json.dumps(told(after), sort_keys=True) else "changed"


def _change(one: Object, action: str) -> Change:
    return Change(one["kind"], one["metadata"]["name"], one["metadata"].get("namespace", ""), action)


def _is_going(one: Object) -> Conflict:
    return Conflict(
        "being-deleted",
        N_("{kind} {name} is being deleted."),
        hint=N_("Wait until it is gone, then apply again."),
        kind=one["kind"],
        name=one["metadata"]["name"],
    )


def _refusal(one: Object, refused: Refused) -> Unavailable:
    return Unavailable(
        "cluster-refused-object",
        N_("The cluster refused {kind} {name}: {why}"),
        hint=N_("`trainyard doctor --kubernetes` says which rights and parts are missing."),
        kind=one["kind"],
        name=one["metadata"]["name"],
        why=refused.message or str(refused.status),
    )
