"""``trainyard doctor --kubernetes --deployment FILE``: whether a cluster keeps what a deployment counts on, before and after.

Beside what the launcher's doctor asks, it tries things out with small pods: that images come, that policies hold, that
careless pods are refused. Everything it makes is removed again.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

from trainyard.words import N_
from trainyard_spawner.doctor import Finding, show
from trainyard_spawner.kubernetes import doctor as launcher_doctor
from trainyard_spawner.kubernetes.cluster import Cluster, Refused
from trainyard_spawner.kubernetes.configuration import Configuration
from trainyard_spawner.kubernetes.keeping import plural

from trainyard_hub.kubernetes import configuration
from trainyard_hub.kubernetes.configuration import Deployment
from trainyard_hub.kubernetes.everything import launcher_record, objects
from trainyard_hub.kubernetes.main import Where, with_cluster
from trainyard_hub.kubernetes.onto_cluster import path_of
from trainyard_hub.kubernetes.parts import MANAGER
from trainyard_hub.kubernetes.policies import NAMESPACE_LABEL, NAMESPACE_NAME
from trainyard_hub.kubernetes.probes import Fate, image_comes, policy_holds, probe
from trainyard_hub.kubernetes.storage_doctor import storage

FORBIDDEN, NOT_FOUND = 403, 404
Examination = Callable[[Cluster, Deployment], Awaitable[Finding]]


async def collect(cluster: Cluster, deployment: Deployment) -> list[Finding]:
    """Every examination, the launcher's first; one that is refused says so and the others go on."""
    record = Configuration.model_validate(launcher_record(deployment))
    first = [one for one in launcher_doctor.EXAMINATIONS if one[0] != "claims"]
    found = [await _asked(topic, examine(cluster, record)) for topic, examine in first]
    there = await _is_there(cluster, deployment)
    for topic, examine, needs_namespace in EXAMINATIONS:
        if needs_namespace and not there:
            found.append(_later(topic, deployment))
        else:
            found.append(await _asked(topic, examine(cluster, deployment)))
    return found


async def _asked(topic: str, examination: Awaitable[Finding]) -> Finding:
    try:
        return await examination
    except Refused as refused:
        return Finding(topic, "note", N_("This could not be asked: {why}"), values=(("why", refused.message),))


async def _is_there(cluster: Cluster, deployment: Deployment) -> bool:
    try:
        await cluster.get(f"/api/v1/namespaces/{deployment.work}")
    except Refused as refused:
        if refused.status == NOT_FOUND:
            return False
        raise
    return True


def _later(topic: str, deployment: Deployment) -> Finding:
    means = N_("There is no namespace {namespace} yet, so this could not be tried out.")
    step = N_("Make it (kubectl create namespace {namespace}) or apply the deployment, then ask again.")
    return Finding(topic, "note", means, step, (("namespace", deployment.work),))


async def deploying(cluster: Cluster, deployment: Deployment) -> Finding:
    """Whether who asks may make every object of the deployment."""
    every = objects(deployment)
    wanted = {(plural(one["kind"]), one["apiVersion"], one["metadata"].get("namespace", "")) for one in every}
    missing = [one[0] for one in sorted(wanted) if not await _may_make(cluster, *one)]
    if missing:
        values = (("missing", ", ".join(dict.fromkeys(missing))),)
        step = N_("Deploy as an administrator of the cluster, or have these rights given to you.")
        return Finding("deploying", "bad", N_("You may not make: {missing}."), step, values)
    return Finding("deploying", "good", N_("You may make every object of the deployment."))


async def _may_make(cluster: Cluster, resource: str, version: str, namespace: str) -> bool:
    group = version.rpartition("/")[0]
    asked = {"namespace": namespace, "group": group, "resource": resource, "verb": "patch"}
    kind = {"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview"}
    review = {**kind, "spec": {"resourceAttributes": asked}}
    answer = await cluster.post("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", review)
    return bool(answer["status"]["allowed"])


async def pulls(cluster: Cluster, deployment: Deployment) -> Finding:
    """Whether a node can pull each image."""
    images = dict.fromkeys((deployment.image, *deployment.launches.images.values()))
    fates = {image: await image_comes(cluster, deployment, image) for image in images}
    wrong = [f"{image} ({fate.why})" for image, fate in fates.items() if not fate.started]
    if wrong:
        step = N_("Push them to a registry the nodes reach, and name its credentials in pull_secrets.")
        return Finding("pulls", "bad", N_("Images that no node could start: {wrong}."), step, (("wrong", "; ".join(wrong)),))
    return Finding("pulls", "good", N_("All {count} images can be pulled and started."), values=(("count", len(images)),))


async def network(cluster: Cluster, deployment: Deployment) -> Finding:
    """Whether a NetworkPolicy keeps a pod from another."""
    held = await policy_holds(cluster, deployment)
    if isinstance(held, Fate):
        return Finding("network", "note", N_("This could not be tried out: {why}"), values=(("why", held.why),))
    if held:
        return Finding("network", "good", N_("Network policies are enforced: a closed pod was not reached."))
    means = N_("Network policies are not enforced: a closed pod was reached. People's programs can reach each other's ports.")
    step = N_("Install a network that enforces them (Calico, Cilium, …).")
    return Finding("network", "bad", means, step)


async def entrance(cluster: Cluster, deployment: Deployment) -> Finding:
    """Whether policies in other namespaces find the platform's by a label: v1.20 gives none, and `apply` changes no namespace
    that was there before it.
    """
    found = await cluster.get(f"/api/v1/namespaces/{deployment.namespace}")
    known, values = found["metadata"].get("labels") or {}, (("namespace", deployment.namespace), ("platform", deployment.name))
    apart = deployment.network.policies and (deployment.work != deployment.namespace or deployment.group_namespaces)
    marked = known.get(NAMESPACE_LABEL) == deployment.name or known.get(NAMESPACE_NAME) == deployment.namespace
    if apart and not marked:
        means = N_("Launches in other namespaces do not reach the platform: {namespace} has no label they know it by.")
        step = N_("Run: kubectl label namespace {namespace} trainyard.io/platform={platform}")
        return Finding("entrance", "bad", means, step, values)
    return Finding("entrance", "good", N_("Policies let launches reach the platform in {namespace}."), values=values)


async def security(cluster: Cluster, deployment: Deployment) -> Finding:
    """Whether a privileged pod would be refused; it is only asked, not made."""
    careless = probe(deployment, deployment.image, ["true"], "security")
    careless["spec"]["containers"][0]["securityContext"] = {"privileged": True}
    try:
        await cluster.apply(path_of(careless), careless, manager=MANAGER, dry=True)
    except Refused as refused:
        if refused.status != FORBIDDEN:
            raise
        return Finding("security", "good", N_("A privileged pod is refused in {namespace}."), values=_namespace(deployment))
    means = N_("A privileged pod would be let into {namespace}: only the platform's own rules keep pods harmless.")
    step = N_("Kubernetes from v1.23 on asks for pod security by the namespace's labels, which `apply` sets.")
    return Finding("security", "note", means, step, _namespace(deployment))


EXAMINATIONS: tuple[tuple[str, Examination, bool], ...] = (
    ("deploying", deploying, False),
    ("storage", storage, False),
    ("security", security, True),
    ("pulls", pulls, True),
    ("network", network, True),
    ("entrance", entrance, True),
)


def _namespace(deployment: Deployment) -> tuple[tuple[str, str], ...]:
    return (("namespace", deployment.work),)


def main(arguments: list[str], language: str = "en") -> int:
    """Print the findings for ``--deployment FILE`` in ``language``; 1 when something does not work. ``--json`` for programs."""
    file = Path(arguments[arguments.index("--deployment") + 1])
    deployment = configuration.load(file)
    found = with_cluster(Where(file), lambda cluster: collect(cluster, deployment))
    return show(found, arguments, language)
