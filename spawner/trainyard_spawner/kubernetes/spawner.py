"""The Hub's spawner on a cluster: a KubeSpawner whose pod is made of the service's grant, as every launch's is.

KubeSpawner watches, creates and deletes the pod. The pod, its Secret and what its end means are those of a job, so the service
sees workspaces by the same watch as jobs (``mirror``) and ends them by the same wish (``ending``).
"""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import suppress
from secrets import token_hex
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from kubernetes_asyncio.client import V1ObjectMeta, V1Pod
from trainyard.errors import UserError
from trainyard.home import Home
from trainyard.jobs.launch import LaunchSpec, LaunchState
from trainyard.jobs.states import Cause
from trainyard.words import N_
from traitlets import Instance, default

from trainyard_spawner.admitted import OPTIONS
from trainyard_spawner.checks import check_targets
from trainyard_spawner.early_end import ended_early
from trainyard_spawner.kubernetes import configuration as configurations
from trainyard_spawner.kubernetes import group_namespace, names, objects, workspace_pod
from trainyard_spawner.kubernetes.cluster import Cluster, Refused, away
from trainyard_spawner.kubernetes.creation import give_away, make_once, refused
from trainyard_spawner.kubernetes.keeping import NOT_FOUND, NOT_OURS, create_once, path_of, put_in_place
from trainyard_spawner.kubernetes.preparing import Beside, prepared
from trainyard_spawner.kubernetes.progress import TellingSpawner
from trainyard_spawner.kubernetes.verdicts import state_of, when_deleted
from trainyard_spawner.kubernetes.watching import AWAY
from trainyard_spawner.sandbox import HOME

Object = dict[str, Any]
PORT = 8888
COMMAND = ("python", "-P", "-m", "jupyterhub.singleuser")
"""What every image with JupyterHub has, wherever its programs were installed."""


class WorkspacePodSpawner(TellingSpawner):
    """One workspace per person, in a pod of the cluster that ``kubernetes.yaml`` describes."""

    home = Instance(Home, help="The state folder, part of which claims show to pods.")
    _last_seen: Object | None = None
    _groups = group_namespace.Namespaces()
    _giving: asyncio.Future[None] | None = None

    @default("home")
    def _default_home(self) -> Home:
        return Home(Home.from_environment().root.resolve())

    @default("namespace")
    def _default_namespace(self) -> str:
        return self.configuration.namespace

    @default("component_label")
    def _default_component_label(self) -> str:
        return workspace_pod.component(self.configuration)

    @default("delete_grace_period")
    def _default_delete_grace_period(self) -> int:
        return int(self.graceful_seconds) + names.CERTIFICATE_SECONDS

    # -- life -------------------------------------------------------------------------------------------------------

    async def _start(self) -> str:
        """Ask, create, and wait until the server inside answers; returns where. KubeSpawner's ``start`` holds on to it."""
        self._begin_telling()
        self._tell(5, N_("Asking for resources"))
        self._last_seen = None
        self.namespace = self.configuration.namespace  # the last start's was its group's
        telling = asyncio.create_task(self._tell_events())
        try:
            await self._watch()
            await self._end_forgotten()
            url: str = await super()._start()
            self._tell(80, N_("Starting JupyterLab"))
            if not await self._until_it_answers(f"{url}{self.server.base_url}api"):
                raise ended_early(self.home, self.key, self._seen(None))
        except Exception as error:
            # who cancels a start, as the Hub does for a person or when it took too long, stops what it left, and waits for that
            told = refused(error)
            self._explain(told)
            if isinstance(error, UserError) and error.code == NOT_OURS:
                await self._give_back(self.key)
                self.key = ""
            else:
                with suppress(UserError):  # the Hub asks for it again
                    await self.stop(now=True)
            raise told from error
        finally:
            telling.cancel()
        self._tell(95, N_("Opening the page"))
        return url

    async def get_pod_manifest(self) -> V1Pod:
        """The pod the service grants, once what it reads lies on the cluster; asked for by KubeSpawner's own start.

        Raises:
            tornado.web.HTTPError: the service refuses, or does not answer.
            trainyard.errors.UserError: an image or a folder that this cluster does not know.
        """
        grant = await self._grant()
        self.pod_name, self.image = self.key, configurations.pulled(self.configuration, grant["image"])
        spec = self._specification(grant)
        here = configurations.of_group(self.configuration, spec.group_number)
        self.namespace, self._gpus = here.namespace, spec.resources.gpu
        check_targets(spec.mounts)
        modules = objects.read_code()
        code = objects.code(modules, here)
        beside = Beside(code["metadata"]["name"], tuple(sorted(modules)))
        secret, parts = prepared(spec, self.home, here, beside)
        pod = workspace_pod.workspace_pod(spec, parts, here)
        pod["metadata"]["annotations"] = {**pod["metadata"].get("annotations", {}), names.START: token_hex(8)}
        cluster = Cluster(self.api.api_client)
        if here.source is not None:
            claims = [shown.place.claim for shown in parts.shown]
            if await self._groups.ready(cluster, here, claims):
                _made.discard((here.namespace, beside.code))
        if (here.namespace, beside.code) not in _made:
            await create_once(cluster, path_of(here.namespace, "configmaps"), code)
            _made.add((here.namespace, beside.code))
        await put_in_place(cluster, path_of(here.namespace, "secrets"), secret)
        return V1Pod(api_version="v1", kind="Pod", metadata=V1ObjectMeta(**pod["metadata"]), spec=pod["spec"])

    def is_pod_running(self, pod: Object | None) -> bool:
        """Whether it is; while KubeSpawner waits for that, also the place to notice that it never will.

        Raises:
            trainyard.errors.Unavailable: it has ended, or nobody waits for it any more (``workspace-ended-early``).
        """
        state = self._seen(pod)
        if state is not None and state.phase == "ended":
            raise ended_early(self.home, self.key, state)
        return bool(super().is_pod_running(pod))

    async def stop(self, now: bool = False) -> None:
        """Let the server end, delete its pod, and give back what it held; the pod is never taken away while it still runs."""
        if not (key := self.key):
            return
        await self._watch()
        if others := await self._is_others():
            self.log.warning("%s in %s belongs to another platform and stays", key, self.namespace)
        else:
            await self._wish()
            await self._until_gone(asyncio.ensure_future(super().stop(now=False)))
        await self._give_back(key)
        if not others:
            with suppress(*AWAY):
                await self.api.delete_namespaced_secret(key, self.namespace)
        if self.key == key:
            self.key = ""

    async def poll(self) -> int | None:
        """None while it runs or nobody can tell, else its exit code; then nothing of it is left on the cluster."""
        if not self.key:
            return 0
        try:
            await self._watch()
            state = self._seen(self._pod())
            if state is not None and state.phase != "ended":
                return None
            if self._start_future is None or self._start_future.done():
                await self.stop(now=True)
        except UserError:
            return None
        if state is None:
            return 1
        return state.exit_code if state.exit_code is not None else 128 + (state.signal or 0)

    # -- parts ------------------------------------------------------------------------------------------------------

    async def _is_others(self) -> bool:
        """Whether the pod of this name is another platform's of the namespace, whose people have the same numbers.

        Raises:
            trainyard.errors.Unavailable: the cluster does not tell (``cluster-away``, ``cluster-refused``).
        """
        if self._pod() is not None:
            return False
        try:
            there = await Cluster(self.api.api_client).get(f"{path_of(self.namespace, 'pods')}/{self.pod_name}")
        except Refused as refusal:
            if refusal.status == NOT_FOUND:
                return False
            raise refused(refusal) from refusal
        except AWAY as error:
            raise away(error) from error
        told = (there["metadata"].get("labels") or {}).get(names.INSTANCE)
        return told != self.configuration.name or not names.is_home_of(self.configuration.namespace, there)

    def _seen(self, pod: Object | None) -> LaunchState | None:
        """What the pod says about the launch; of one that is gone, what it said last."""
        self._last_seen = pod or (dict(when_deleted(self._last_seen)) if self._last_seen else None)
        return None if self._last_seen is None else state_of(self._last_seen, [self._last_seen])

    async def _until_gone(self, deletion: asyncio.Future[None]) -> None:
        """Wait for the end of ``deletion``, but not for a node that does not answer: the service has given that one up."""
        while not (await asyncio.wait({deletion}, timeout=1))[0]:
            state = self._seen(self._pod())
            if state is not None and state.cause is Cause.NODE_LOST:
                deletion.cancel()
                return
        deletion.result()

    def _specification(self, grant: Object) -> LaunchSpec:
        """The service's grant, completed by what only the Hub knows."""
        known = {name: value for name, value in grant.items() if name in LaunchSpec.model_fields and value is not None}
        platform_port = urlsplit(self.home.address.read_text(encoding="utf-8").strip()).port or 80
        extra = {
            # JupyterLab's files are the image's own: the Hub has none that would fit
            "argv": (*COMMAND, *OPTIONS),
            "working_directory": HOME,
            "environment": self._environment_at(f"0.0.0.0:{PORT}", grant, platform_port),
            "listen_port": PORT,
            "platform_port": platform_port,
            "grace": self.graceful_seconds,
        }
        return LaunchSpec.model_validate({**known, **extra})

    async def _end_forgotten(self) -> None:
        """End what a Hub started for this person and was killed before it wrote that down: nobody can reach it any more."""
        for pod in list(self.pod_reflector.pods.values()):
            key = pod["metadata"]["labels"].get(names.LAUNCH, "")
            if key.startswith(self._prefix) and names.is_home_of(self.configuration.namespace, pod):
                self.key = self.pod_name = key
                self.namespace = pod["metadata"]["namespace"]
                await self.stop(now=True)

    async def _wish(self) -> None:
        """Write on the pod that its end is wanted, so that whoever reads it does not take it for lost."""
        wished = {names.STOP: json.dumps({"grace": self.graceful_seconds, "at": time.time()})}
        with suppress(*AWAY):
            await self.api.patch_namespaced_pod(self.key, self.namespace, {"metadata": {"annotations": wished}})

    async def _make_create_pod_request(self, pod: V1Pod, request_timeout: int) -> bool:
        """Create the pod; False: try again. KubeSpawner would end one that is there.

        Raises:
            Refused: the API server says no, also where another start's pod has the name.
        """
        cluster, wanted = Cluster(self.api.api_client), self.api.api_client.sanitize_for_serialization(pod)
        try:
            made = await make_once(cluster, path_of(self.namespace, "pods"), wanted)
        except (aiohttp.ClientError, TimeoutError):
            return False
        if made is None:
            return False
        self._giving = asyncio.ensure_future(give_away(cluster, made))
        return True


_made: set[tuple[str, str]] = set()
