"""Starts launches as Jobs of a cluster; the Jobs are all the state there is.

Every Job has the launch's key for its name, so whoever starts it twice starts it once. What is wanted of it (a stop) and what
nobody inside can write down (an image that cannot be pulled) are annotations, so that any service may go on where another one
was killed. The truth comes from one watch (``mirror``), translated by tables (``verdicts``).
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING

from trainyard.errors import Conflict
from trainyard.home import Home
from trainyard.jobs.launch import Finding, Identity, LaunchSpec, LaunchState, Mount, Node, Resources
from trainyard.words import N_

from trainyard_spawner.checks import check_mounts
from trainyard_spawner.kubernetes import configuration as configurations
from trainyard_spawner.kubernetes import doctor, gangs, group_namespace, kueue, names, nodes, objects, volumes
from trainyard_spawner.kubernetes.cluster import Cluster, Object, Refused
from trainyard_spawner.kubernetes.configuration import Configuration
from trainyard_spawner.kubernetes.console import PodConsole
from trainyard_spawner.kubernetes.ending import Endings
from trainyard_spawner.kubernetes.gates import Gates
from trainyard_spawner.kubernetes.keeping import EXISTS, NOT_FOUND, create_once, delete, path_of, put_in_place, where
from trainyard_spawner.kubernetes.left_secrets import LeftSecrets
from trainyard_spawner.kubernetes.mirror import Mirror
from trainyard_spawner.kubernetes.preparing import Beside, prepared
from trainyard_spawner.kubernetes.verdicts import state_of

if TYPE_CHECKING:
    from trainyard.jobs.launch import Console, Launcher

log = logging.getLogger(__name__)


class KubernetesLauncher:
    """The launcher of one cluster's namespace, for a platform inside or outside of it."""

    def __init__(self, home: Home, configuration: Configuration | None = None) -> None:
        self._home = Home(home.root.resolve())
        self._configuration = configuration or configurations.load(configurations.place_of(self._home))
        self._mirror = Mirror(self._configuration)
        self._endings = Endings(self._configuration, self._mirror)
        self._left_secrets = LeftSecrets(self._configuration, self._mirror)
        self._gates = Gates(self._mirror, self._configuration)
        self._starting = threading.Lock()
        self._ran: dict[str, tuple[float, float]] = {}
        self._code: dict[str, tuple[str, tuple[str, ...]]] = {}
        self._kueue: bool | None = None
        self._groups = group_namespace.Namespaces()

    @property
    def home(self) -> Home:
        """The state folder, part of which claims show to pods."""
        return self._home

    # -- the contract -----------------------------------------------------------------------------------------------

    def expect(self, key: str, identity: Identity, mounts: Sequence[Mount]) -> None:
        """Make the launch's folder on its claim, which the Hub of a cluster neither sees nor could give away."""
        check_mounts(mounts)
        volumes.remove_folder(self._home.launches, key)
        volumes.make_folder(self._home.launches, key, identity)
        volumes.show_kept(self._home, key)

    def start(self, spec: LaunchSpec) -> LaunchState:
        """Start ``spec``; when its key is known already, only tell the state."""
        if (known := self.state(spec.key)) is not None:
            return known
        configurations.pulled(self._configuration, spec.image)
        check_mounts(spec.mounts)
        volumes.lay_out(spec, self._home, self._configuration.places)
        with self._starting:
            if (known := self.state(spec.key)) is None:
                try:
                    self._make(spec)
                except Refused as refused:
                    raise doctor.refusal(refused) from None
        return known or LaunchState(key=spec.key, phase="starting")

    def stop(self, key: str, *, grace: float | None = None) -> None:
        """Ask the launch to end: the wish is written on its Job before this returns; unknown keys are fine."""
        with self._starting:
            found = self._known().job(key)
        if found is not None and state_of(*found).phase != "ended":
            self._endings.wish(found[0], grace)

    def state(self, key: str) -> LaunchState | None:
        """The truth about one launch, or None when nothing is known of it."""
        found = self._known().job(key)
        return None if found is None else self._told(*found)

    def states(self) -> list[LaunchState]:
        """The truth about every launch that has not been forgotten."""
        return [self._told(*found) for found in self._known().jobs()]

    def devices(self) -> tuple[str, ...]:
        """One id for each GPU of the cluster's nodes: they are counted here and given out by the cluster."""
        amounts = [doctor.gpus_of(node, self._configuration.gpu_resource) for node in self._nodes()]
        return tuple(f"gpu-{number}" for number in range(sum(amounts)))

    def device_types(self) -> dict[str, str]:
        """Nothing: which card a pod gets is the cluster's decision."""
        return {}

    def nearest(self, asked: Resources) -> Node | None:
        """The node that comes nearest to ``asked`` where a pod could get so much on none; None where it could."""
        return nodes.nearest(self._nodes(), asked, self._configuration)

    def findings(self, language: str) -> tuple[Finding, ...]:
        """What the doctor says of the cluster."""
        return doctor.findings(self._mirror, self._configuration, language)

    def cpu_seconds(self, key: str) -> float | None:
        """None: the cluster's API does not tell it."""
        return None

    def changes(self) -> AsyncIterator[str]:
        """Keys of launches as they change."""
        return self._known().changes()

    async def console(self, key: str, argv: tuple[str, ...], columns: int, rows: int) -> Console:
        """Run ``argv`` on a terminal inside a running launch."""
        state, pod = self.state(key), self._pod(key)
        if state is None or state.phase != "running" or pod is None:
            raise Conflict(
                "not-running",
                N_("There is no terminal, because {key} is not running."),
                hint=N_("Start it again, then open the terminal."),
                key=key,
            )
        return await PodConsole.open(self._configuration, pod, argv, (columns, rows))

    def forget(self, key: str) -> None:
        """Remove what an ended launch left behind.

        Raises:
            Conflict: it is still running (``still-running``).
        """
        found = self._known().job(key)
        if found is not None and state_of(*found).phase != "ended":
            raise Conflict("still-running", N_("{key} is still running."), hint=N_("Stop it first."), key=key)
        volumes.keep(self._home, key)
        volumes.remove_folder(self._home.launches, key)
        if found is not None:
            self._remove(found[0])  # last: who is killed before finds it again by its Job
        self._gates.close(key)
        self._ran.pop(key, None)

    def close(self) -> None:
        """End what this process holds; launches go on."""
        self._gates.close_all()
        self._mirror.close()

    def _nodes(self) -> list[Object]:
        try:
            found: list[Object] = self._mirror.run(lambda cluster: cluster.get("/api/v1/nodes"))["items"]
        except Refused as refused:
            raise doctor.refusal(refused) from None
        return found

    # -- starting ---------------------------------------------------------------------------------------------------

    def _known(self) -> Mirror:
        self._mirror.wait()
        self._endings.watch()
        self._left_secrets.watch()
        return self._mirror

    def _make(self, spec: LaunchSpec) -> None:
        here, made = configurations.of_group(self._configuration, spec.group_number), False
        layout = volumes.lay_out(spec, self._home, here.places)
        if here.source is not None:
            own = volumes.place_of(self._home.launches / spec.key, self._home, here.claims)
            claims = [shown.place.claim for shown in layout.shown] + ([own.claim] if own else [])
            if self._mirror.run(lambda cluster: self._groups.ready(cluster, here, claims)):
                self._code.pop(here.namespace, None)
        try:
            others = self._mirror.run(lambda cluster: gangs.meet(cluster, spec, here)) if spec.gang else {}
            secret, parts = prepared(spec, self._home, here, Beside(*self._with_code(here), others))
            volumes.make_folder(self._home.launches, spec.key, spec.identity)
            if spec.key.startswith(names.KEPT):
                volumes.show_kept(self._home, spec.key)
            wanted = self._admitted(objects.job(spec, parts, here))
            job = self._mirror.run(lambda cluster: self._create(cluster, secret, wanted))
            made = True
        finally:
            if not made and gangs.leads(spec):
                # there is no Job these could end with
                self._mirror.spawn(lambda cluster: gangs.leave_nothing(cluster, spec.gang, here))
        self._mirror.put(job)
        self._mirror.spawn(lambda cluster: self._give_away(cluster, job, spec, here))

    def _admitted(self, job: Object) -> Object:
        """The Job, handed to Kueue where that is wished and installed."""
        queue = self._configuration.kueue_queue
        if queue and self._kueue is None:
            self._kueue = self._mirror.run(kueue.find)
        return kueue.handed_over(job, queue) if queue and self._kueue else job

    def _with_code(self, here: Configuration) -> tuple[str, tuple[str, ...]]:
        """The ConfigMap with the supervisor's code, made where it is missing."""
        if here.namespace not in self._code:
            modules = objects.read_code()
            wanted = objects.code(modules, here)
            self._mirror.run(lambda cluster: create_once(cluster, path_of(here.namespace, "configmaps"), wanted))
            self._code[here.namespace] = wanted["metadata"]["name"], tuple(sorted(modules))
        return self._code[here.namespace]

    async def _create(self, cluster: Cluster, secret: Object, job: Object) -> Object:
        """The Job; its Secret comes first, so that the pod does not wait for it, and ends with the Job."""
        name, namespace = secret["metadata"]["name"], secret["metadata"]["namespace"]
        secrets, jobs = path_of(namespace, "secrets"), path_of(namespace, "jobs")
        # one that is there is of a start that was killed before it made the Job, or of a Job just forgotten
        await put_in_place(cluster, secrets, secret)
        try:
            made = await cluster.post(jobs, job)
        except Refused as refused:
            if refused.status != EXISTS:
                await delete(cluster, f"{secrets}/{name}")
                raise
            made = await cluster.get(f"{jobs}/{name}")
        return made

    async def _give_away(self, cluster: Cluster, job: Object, spec: LaunchSpec, here: Configuration) -> None:
        """What was made beside the Job ends with it."""
        await cluster.patch(f"{path_of(here.namespace, 'secrets')}/{spec.key}", objects.owner(job))
        if gangs.leads(spec):
            await gangs.belong(cluster, spec, job, here)

    def _remove(self, job: Object) -> None:
        path = where(job)
        body = {"propagationPolicy": "Background", "preconditions": {"uid": job["metadata"]["uid"]}}
        try:
            self._mirror.run(lambda cluster: cluster.delete(path, body))
        except Refused as refused:
            if refused.status not in (NOT_FOUND, EXISTS):
                raise doctor.refusal(refused) from None
        self._mirror.forget(job)

    # -- the truth --------------------------------------------------------------------------------------------------

    def _pod(self, key: str) -> str | None:
        """The path of the launch's running pod."""
        found = self._known().job(key)
        return _running(found[1]) if found else None

    def _told(self, job: Object, pods: list[Object]) -> LaunchState:
        """The truth, with what this process adds: for how long it runs, and where it is reached."""
        state = state_of(job, pods)
        if state.phase != "running":
            return state
        more = {"running_for": self._running_for(state), "address": self._address(job, pods)}
        return state.model_copy(update={name: value for name, value in more.items() if value is not None})

    def _running_for(self, state: LaunchState) -> float | None:
        """The node's clock once, ours from then on."""
        if state.started_at is None:
            return None
        before, seen = self._ran.setdefault(state.key, (max(0.0, time.time() - state.started_at), time.monotonic()))
        return before + time.monotonic() - seen

    def _address(self, job: Object, pods: list[Object]) -> str | None:
        """Where a program that listens is reached; None for one that does not."""
        annotations = job["metadata"].get("annotations") or {}
        if names.LISTENS not in annotations or (pod := _running(pods)) is None:
            return None
        return self._gates.address(job["metadata"]["name"], pod, int(annotations[names.LISTENS]))


def _running(pods: list[Object]) -> str | None:
    """The path of the running pod."""
    return next((where(pod) for pod in pods if pod["status"].get("phase") == "Running"), None)


if TYPE_CHECKING:

    def _fits(launcher: KubernetesLauncher) -> Launcher:
        return launcher
