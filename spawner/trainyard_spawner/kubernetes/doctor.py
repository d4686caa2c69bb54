"""``trainyard doctor --kubernetes``: whether a cluster has what launches need, asked of its API server; nothing is changed."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Awaitable, Callable
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from trainyard.errors import Unavailable, UserError
from trainyard.home import Home
from trainyard.jobs.launch import Finding as Told
from trainyard.words import N_

from trainyard_spawner.doctor import Finding, show
from trainyard_spawner.kubernetes.cluster import Cluster, Refused, away
from trainyard_spawner.kubernetes.configuration import Configuration, load, place_of

if TYPE_CHECKING:
    from trainyard_spawner.kubernetes.mirror import Mirror

OLDEST = (1, 20)
CLOCK_SECONDS = 5.0
RIGHTS = (
    ("batch", "jobs", ("create", "get", "list", "watch", "patch", "delete")),
    ("", "pods", ("create", "get", "list", "watch", "patch", "delete")),
    ("", "events", ("list", "watch")),
    ("", "pods/exec", ("create", "get")),
    ("", "secrets", ("create", "list", "patch", "delete")),
    ("", "configmaps", ("create",)),
    ("", "services", ("create", "list", "patch", "delete")),
    ("networking.k8s.io", "networkpolicies", ("create", "patch", "delete")),
    ("", "persistentvolumeclaims", ("list",)),
)
CLAIMS = (("", "persistentvolumeclaims", ("create",)),)
"""What is needed too where claims of groups are made when a launch needs them."""
VOLUMES = (("", "persistentvolumes", ("create", "get", "patch")),)
"""What these claims lie over belongs to no namespace: the right is one of the whole cluster."""
EVERYWHERE = (
    *RIGHTS,
    *CLAIMS,
    *VOLUMES,
    ("", "namespaces", ("create", "get")),
    ("", "resourcequotas", ("create",)),
    ("", "limitranges", ("create",)),
    ("kueue.x-k8s.io", "localqueues", ("create",)),
)
"""What launches need in the whole cluster where groups have namespaces of their own, with all that may be made in each."""
READ_SECRET = ("", "secrets", "get")
"""What is needed of those that images are pulled with where they are copied into namespaces of groups."""
Examination = Callable[[Cluster, Configuration], Awaitable[Finding]]


def refusal(refused: Refused) -> Unavailable:
    """What a person is told when the API server says no."""
    return Unavailable(
        "cluster-refused",
        N_("The cluster refused: {why}"),
        hint=N_("An administrator can ask `trainyard doctor --kubernetes` what is missing."),
        why=refused.message or f"{refused.status} {refused.reason}",
    )


def findings(mirror: Mirror, configuration: Configuration, language: str) -> tuple[Told, ...]:
    """Everything there is to say about the cluster, in ``language``."""
    try:
        found = mirror.run(lambda cluster: collect(cluster, configuration))
    except UserError as error:
        found = [_away(error)]
    return tuple(
        Told(topic=one.topic, state=one.state, means=one.text(language), next_step=one.step(language)) for one in found
    )


def main(arguments: list[str], language: str = "en") -> int:
    """Print the findings in ``language``; ``--json`` for programs. Returns 1 when something does not work.

    Raises:
        trainyard.errors.UserError: there is no usable configuration.
    """
    configuration = load(place_of(Home.from_environment()))
    return show(asyncio.run(_examined(configuration)), arguments, language)


async def _examined(configuration: Configuration) -> list[Finding]:
    import aiohttp

    try:
        cluster = await Cluster.connect(configuration.kubeconfig, configuration.context)
        try:
            return await collect(cluster, configuration)
        finally:
            await cluster.close()
    except UserError as error:
        return [_away(error)]
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        return [_away(away(error))]


def _away(error: UserError) -> Finding:
    return Finding("cluster", "bad", error.message, error.hint, tuple(error.values.items()))


async def collect(cluster: Cluster, configuration: Configuration) -> list[Finding]:
    """Every examination; one that is refused says so and the others go on."""
    found = []
    for topic, examine in EXAMINATIONS:
        try:
            found.append(await examine(cluster, configuration))
        except Refused as refused:
            found.append(Finding(topic, "note", N_("This could not be asked: {why}"), values=(("why", refused.message),)))
    return found


async def version(cluster: Cluster, _: Configuration) -> Finding:
    """Which Kubernetes answers."""
    told = await cluster.get("/version")
    values = (("version", str(told["gitVersion"])),)
    found = re.match(r"v(\d+)\.(\d+)", str(told["gitVersion"]))
    if found is None or (int(found[1]), int(found[2])) == (0, 0):
        return Finding("version", "note", N_("A Kubernetes of unknown version answers ({version})."), values=values)
    if (int(found[1]), int(found[2])) < OLDEST:
        return Finding("version", "bad", N_("Kubernetes {version} is too old."), N_("v1.20 or newer is needed."), values)
    return Finding("version", "good", N_("Kubernetes {version} answers."), values=values)


async def rights(cluster: Cluster, configuration: Configuration) -> Finding:
    """Whether we may do what launches need, asked of the API server's own authorizer."""
    missing = [
        f"{verb} {resource}"
        for namespace, needed in _needed(configuration)
        for group, resource, verbs in needed
        for verb in verbs
        if not await _may(cluster, namespace, (group, resource, verb))
    ]
    missing += [
        f"get secrets {name}"
        for name in (configuration.pull_secrets if configuration.group_namespaces else ())
        if not await _may(cluster, configuration.namespace, READ_SECRET, name)
    ]
    if missing:
        return Finding(
            "rights",
            "bad",
            N_("In the namespace {namespace} these rights are missing: {missing}."),
            N_("docs/kubernetes.md shows the Role to be bound."),
            (("namespace", configuration.namespace), ("missing", ", ".join(missing))),
        )
    return Finding(
        "rights", "good", N_("All rights are there in {namespace}."), values=(("namespace", configuration.namespace),)
    )


def _needed(configuration: Configuration) -> tuple[tuple[str, tuple[tuple[str, str, tuple[str, ...]], ...]], ...]:
    """The rights by the namespace they are needed in; empty: in the whole cluster."""
    if configuration.group_namespaces:
        return (("", EVERYWHERE),)
    if configuration.source:
        return ((configuration.namespace, (*RIGHTS, *CLAIMS)), ("", VOLUMES))
    return ((configuration.namespace, RIGHTS),)


async def claims(cluster: Cluster, configuration: Configuration) -> Finding:
    """Whether the claims are there, bound, and writable from many nodes, or readable where a bucket is only read; those of
    groups are made with their groups.
    """
    path = f"/api/v1/namespaces/{configuration.namespace}/persistentvolumeclaims"
    there = {one["metadata"]["name"]: one for one in (await cluster.get(path))["items"]}
    wanted = [one.claim for one in configuration.places if "{" not in one.claim]
    read = {one.claim for one in configuration.buckets if one.read_only} - {one.claim for one in configuration.claims}
    wrong = [f"{name} ({why})" for name in wanted if (why := wrong_with(there.get(name), read_only=name in read))]
    if wrong:
        return Finding(
            "claims",
            "bad",
            N_("Claims that cannot be used: {wrong}."),
            N_("Each must be bound and ReadWriteMany, or ReadOnlyMany for a bucket that is only read, and hold what is named."),
            (("wrong", ", ".join(wrong)),),
        )
    return Finding("claims", "good", N_("All claims are bound: {claims}."), values=(("claims", ", ".join(wanted)),))


async def gpus(cluster: Cluster, configuration: Configuration) -> Finding:
    """How many GPUs the nodes offer."""
    nodes = (await cluster.get("/api/v1/nodes"))["items"]
    amounts = {node["metadata"]["name"]: gpus_of(node, configuration.gpu_resource) for node in nodes}
    values = (("resource", configuration.gpu_resource), ("nodes", len(nodes)), ("count", sum(amounts.values())))
    if not sum(amounts.values()):
        means = N_("None of {nodes} nodes offers {resource}: everything runs on processors.")
        return Finding("gpu", "note", means, N_("Install the device plug-in, or set gpu_resource."), values)
    return Finding("gpu", "good", N_("{count} {resource} on {nodes} nodes."), values=values)


async def clock(cluster: Cluster, _: Configuration) -> Finding:
    """Whether the API server's clock and ours agree: times of launches are told by its nodes."""
    before = time.time()
    date = await cluster.date()
    apart = abs(parsedate_to_datetime(date).timestamp() + 0.5 - (before + time.time()) / 2)
    values = (("seconds", round(apart)),)
    if apart > CLOCK_SECONDS:
        means = N_("The cluster's clock and this machine's are {seconds} s apart.")
        return Finding("clock", "bad", means, N_("Let both follow a time server."), values)
    return Finding("clock", "good", N_("The clocks agree."))


async def images(_: Cluster, configuration: Configuration) -> Finding:
    """Whether anything can be started at all."""
    if not configuration.images:
        means = N_("kubernetes.yaml names no image, so nothing can be started.")
        return Finding("images", "bad", means, N_("Name at least one under `images`."))
    values = (("images", ", ".join(sorted(configuration.images))),)
    return Finding("images", "good", N_("Images that may be started: {images}."), values=values)


EXAMINATIONS: tuple[tuple[str, Examination], ...] = (
    ("version", version),
    ("rights", rights),
    ("claims", claims),
    ("gpu", gpus),
    ("clock", clock),
    ("images", images),
)


def gpus_of(node: dict[str, Any], resource: str) -> int:
    """How many a node offers; none while nothing new is scheduled there."""
    if node["spec"].get("unschedulable"):
        return 0
    return int(node["status"].get("allocatable", {}).get(resource, 0))


def wrong_with(claim: dict[str, Any] | None, *, read_only: bool = False) -> str:
    """What keeps a claim from being used, in one word; empty: nothing."""
    if claim is None:
        return "missing"
    if claim["status"].get("phase") != "Bound":
        return str(claim["status"].get("phase", "not bound"))
    modes, fitting = claim["spec"]["accessModes"], {"ReadWriteMany", *(("ReadOnlyMany",) if read_only else ())}
    return "" if fitting & set(modes) else ", ".join(modes)


async def _may(cluster: Cluster, namespace: str, asked: tuple[str, str, str], name: str = "") -> bool:
    group, resource, verb = asked
    kind, _, part = resource.partition("/")
    about = {"group": group, "resource": kind, "subresource": part, "name": name}
    attributes = {"namespace": namespace, "verb": verb, **about}
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": attributes},
    }
    answer = await cluster.post("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", review)
    return bool(answer["status"]["allowed"])
