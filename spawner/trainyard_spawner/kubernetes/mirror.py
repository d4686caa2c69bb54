"""A copy of a platform's Jobs and pods in memory, kept right by one list and one watch for each, in a thread of its own.

A launch is a Job with its pods, or, where it is a workspace, a pod that belongs to no Job; that one stands for its Job too. How
a workspace ended stays known after its pod is gone, for as long as this process lives; so does a Job that somebody else deleted
under its pods, which run on until their node has ended them.

A broken watch goes on from the last version it has seen (bookmarks keep that one young); a version the server does not know
any more (410) means listing again. While the server is away the copy tells what was true last. Requests are made on the same
thread's event loop by ``run`` and ``spawn``.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import AsyncIterator, Callable, Coroutine
from concurrent.futures import TimeoutError as TooLate
from typing import Any, TypeVar

from trainyard_spawner.kubernetes import names
from trainyard_spawner.kubernetes.cluster import Cluster, Object, Refused, away
from trainyard_spawner.kubernetes.configuration import Configuration
from trainyard_spawner.kubernetes.keeping import path_of
from trainyard_spawner.kubernetes.verdicts import annotated, has_ended, when_deleted, when_job_deleted

log = logging.getLogger(__name__)

T = TypeVar("T")
FIRST_SECONDS = 30
LONGEST_PAUSE = 5.0
BREATH = 0.1
GONE = 410
MOST_GONE = 200
MOST_FORGOTTEN = 10_000
"""Of so many launches old news may still come; of those whose end was not heard, as the watch was away, none ever does."""


class Mirror:
    """The launches of one platform as the API server knows them."""

    def __init__(self, configuration: Configuration) -> None:
        self._configuration = configuration
        self._lock = threading.Lock()
        self._jobs: dict[str, Object] = {}
        self._pods: dict[str, dict[str, Object]] = {}
        self._workspaces: dict[str, Object] = {}
        self._gone: dict[str, Object] = {}
        self._forgotten: dict[str, None] = {}
        self._listeners: list[Callable[[str], None]] = []
        self._known = {"jobs": threading.Event(), "pods": threading.Event()}
        self._loop = asyncio.new_event_loop()
        self._cluster: Cluster | None = None
        self._connecting = asyncio.Lock()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._thread = threading.Thread(target=self._loop.run_forever, name="kubernetes", daemon=True)
        self._thread.start()
        self._started = False

    # -- work on the mirror's loop ----------------------------------------------------------------------------------

    def run(self, work: Callable[[Cluster], Coroutine[Any, Any, T]]) -> T:
        """What ``work`` returns.

        Raises:
            Unavailable: the cluster does not answer (``cluster-away``), or there is none (``no-cluster``).
            Refused: it answers with a refusal.
        """
        return asyncio.run_coroutine_threadsafe(self._work(work), self._loop).result()

    def spawn(self, work: Callable[[Cluster], Coroutine[Any, Any, None]]) -> None:
        """Begin ``work`` and let it go on; its trouble is logged."""
        self._loop.call_soon_threadsafe(self._begin, work)

    def close(self) -> None:
        """End watches, connections and the thread."""
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(FIRST_SECONDS)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    # -- what is known ----------------------------------------------------------------------------------------------

    def wait(self) -> None:
        """Until both lists have been read once.

        Raises:
            Unavailable: the cluster does not answer.
        """
        with self._lock:
            first, self._started = not self._started, True
        if first:
            self.run(_connection)
            for kind in self._known:
                self.spawn(lambda cluster, kind=kind: self._follow(cluster, kind))  # type: ignore[misc]
        for event in self._known.values():
            if not event.wait(FIRST_SECONDS):
                raise away(f"no list of {names.LAUNCH} within {FIRST_SECONDS} s")

    def job(self, key: str) -> tuple[Object, list[Object]] | None:
        """The Job of a launch and its pods."""
        with self._lock:
            job = self._jobs.get(key) or self._workspaces.get(key) or self._gone.get(key)
            return None if job is None else (job, self._pods_of(job))

    def jobs(self) -> list[tuple[Object, list[Object]]]:
        """All of them, by key."""
        with self._lock:
            return [(job, self._pods_of(job)) for _, job in sorted({**self._gone, **self._workspaces, **self._jobs}.items())]

    def put(self, job: Object) -> None:
        """A Job that was made or changed just now, before the watch tells of it."""
        with self._lock:
            several = self._workspaces if is_pod(job) else self._jobs
            known = several.get(job["metadata"]["name"])
            if known is None or _version(known) < _version(job):
                several[job["metadata"]["name"]] = job

    def note(self, job: Object, annotations: dict[str, str]) -> None:
        """What cannot be written on a Job that is gone."""
        with self._lock:
            if (known := self._gone.get(job["metadata"]["name"])) is not None:
                self._gone[job["metadata"]["name"]] = annotated(known, annotations)

    def forget(self, job: Object) -> None:
        """A Job that was deleted just now: what the watch still has to tell of it is old."""
        with self._lock:
            self._forgotten[job["metadata"]["uid"]] = None
            while len(self._forgotten) > MOST_FORGOTTEN:
                del self._forgotten[next(iter(self._forgotten))]
            for several in (self._jobs, self._workspaces, self._gone):
                several.pop(job["metadata"]["name"], None)
            self._pods.pop(job["metadata"]["uid"], None)
        self._tell(job["metadata"]["name"])

    def changes(self) -> AsyncIterator[str]:
        """Keys as they change, from this call on; to be called, and read, on an event loop."""
        loop = asyncio.get_running_loop()
        queue: asyncio.Queue[str] = asyncio.Queue()

        def hear(key: str) -> None:
            loop.call_soon_threadsafe(queue.put_nowait, key)

        with self._lock:
            self._listeners.append(hear)
        return self._stream(queue, hear)

    # -- inside -----------------------------------------------------------------------------------------------------

    async def _stream(self, queue: asyncio.Queue[str], hear: Callable[[str], None]) -> AsyncIterator[str]:
        try:
            while True:
                yield await queue.get()
        finally:
            with self._lock:
                self._listeners.remove(hear)

    async def _work(self, work: Callable[[Cluster], Coroutine[Any, Any, T]]) -> T:
        import aiohttp

        try:
            return await work(await self._connected())
        except (aiohttp.ClientError, OSError, TimeoutError, TooLate) as error:
            raise away(error) from error

    async def _connected(self) -> Cluster:
        async with self._connecting:
            if self._cluster is None:
                self._cluster = await Cluster.connect(self._configuration.kubeconfig, self._configuration.context)
            return self._cluster

    def _begin(self, work: Callable[[Cluster], Coroutine[Any, Any, None]]) -> None:
        task = self._loop.create_task(self._logged(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _logged(self, work: Callable[[Cluster], Coroutine[Any, Any, None]]) -> None:
        try:
            await self._work(work)
        except Exception:
            log.exception("work on the cluster failed")

    async def _close(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._cluster is not None:
            await self._cluster.close()

    async def _follow(self, cluster: Cluster, kind: str) -> None:
        """For ever: list where nothing is known, then watch; pause longer each time it goes wrong in a row."""
        import aiohttp

        version, pause = "", 0.0
        while True:
            try:
                if not version:
                    version = await self._list(cluster, kind)
                async for event in cluster.watch(self._path(kind), **self._chosen(), resourceVersion=version):
                    version = event["object"]["metadata"]["resourceVersion"]
                    pause = 0.0
                    if event["type"] != "BOOKMARK" and self._is_ours(event["object"]):
                        self._hear(kind, event["type"], event["object"])
                await asyncio.sleep(BREATH)
                continue
            except Refused as refused:
                version = "" if refused.status == GONE else version
                trouble: Exception = refused
            except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
                trouble = error
            if pause:
                log.warning("the watch of %s is away: %r", kind, trouble)
            await asyncio.sleep(pause)
            pause = min(LONGEST_PAUSE, pause * 2 or 0.1)

    async def _list(self, cluster: Cluster, kind: str) -> str:
        found = await cluster.get(self._path(kind), **self._chosen())
        ours = [one for one in found["items"] if self._is_ours(one)]
        before = self._keys(kind)
        with self._lock:
            if kind == "jobs":
                known, self._jobs = self._jobs, {one["metadata"]["name"]: one for one in ours if not self._is_over(one)}
                for name in known.keys() - self._jobs.keys():
                    self._leave(known[name])
            else:
                self._read_pods(ours)
        self._known[kind].set()
        for key in before | self._keys(kind):
            self._tell(key)
        return str(found["metadata"]["resourceVersion"])

    def _read_pods(self, found: list[Object]) -> None:
        before, self._workspaces, self._pods = self._workspaces, {}, {}
        for pod in found:
            self._hear_pod("ADDED", pod)
        for name, pod in before.items():
            if name not in self._workspaces:
                self._hear_pod("DELETED", pod)

    def _keys(self, kind: str) -> set[str]:
        with self._lock:
            if kind == "jobs":
                return set(self._jobs)
            owned = {pod["metadata"]["labels"][names.LAUNCH] for pods in self._pods.values() for pod in pods.values()}
            return owned | set(self._workspaces)

    def _hear(self, kind: str, what: str, one: Object) -> None:
        with self._lock:
            if kind == "jobs":
                self._hear_job(what, one)
            else:
                self._hear_pod(what, one)
        self._tell(one["metadata"]["labels"][names.LAUNCH])

    def _hear_job(self, what: str, job: Object) -> None:
        name, uid = job["metadata"]["name"], job["metadata"]["uid"]
        known = self._jobs.get(name)
        if what == "DELETED" or self._is_over(job):
            if known is not None and known["metadata"]["uid"] == uid:
                del self._jobs[name]
                self._leave(known)
            if name not in self._gone:
                self._pods.pop(uid, None)
            self._forgotten.pop(uid, None)
        elif known is None or _version(known) <= _version(job):
            self._jobs[name] = job

    def _hear_pod(self, what: str, pod: Object) -> None:
        owner, name = _owner(pod), pod["metadata"]["name"]
        if owner in self._forgotten:
            return
        if not owner:
            self._hear_workspace(what, pod)
            return
        pods = self._pods.setdefault(owner, {})
        # how it ended stays known for as long as its Job does
        if what != "DELETED" or (has_ended(pod) and self._may_have(owner, pod["metadata"]["labels"][names.LAUNCH])):
            pods[name] = pod
            return
        pods.pop(name, None)
        if not pods:
            del self._pods[owner]

    def _may_have(self, owner: str, name: str) -> bool:
        """Whether the Job with this uid is there, or may be because Jobs have not been read yet."""
        known = self._jobs.get(name) or self._gone.get(name)
        return not self._known["jobs"].is_set() or (known is not None and known["metadata"]["uid"] == owner)

    def _hear_workspace(self, what: str, pod: Object) -> None:
        name, uid = pod["metadata"]["name"], pod["metadata"]["uid"]
        known = self._workspaces.get(name)
        if uid in self._forgotten:
            if what == "DELETED":
                self._forgotten.pop(uid, None)
        elif what != "DELETED":
            if known is None or _version(known) <= _version(pod):
                self._workspaces[name] = pod
        else:
            self._workspaces.pop(name, None)
            self._remember(dict(when_deleted(pod)))

    def _leave(self, job: Object) -> None:
        """What to know of a Job that was deleted: its pods tell the end; without one there is nothing to tell."""
        if self._pods.get(job["metadata"]["uid"]):
            self._remember(dict(when_job_deleted(job)))

    def _remember(self, one: Object) -> None:
        self._gone[one["metadata"]["name"]] = one
        while len(self._gone) > MOST_GONE:
            oldest = self._gone.pop(next(iter(self._gone)))
            self._pods.pop(oldest["metadata"]["uid"], None)

    def _is_over(self, job: Object) -> bool:
        return job["metadata"]["uid"] in self._forgotten or "deletionTimestamp" in job["metadata"]

    def _is_ours(self, one: Object) -> bool:
        return not self._configuration.group_namespaces or names.is_home_of(self._configuration.namespace, one)

    def _pods_of(self, job: Object) -> list[Object]:
        if is_pod(job):
            return [job]
        return list(self._pods.get(job["metadata"]["uid"], {}).values())

    def _tell(self, key: str) -> None:
        with self._lock:
            listeners = list(self._listeners)
        for hear in listeners:
            try:
                hear(key)
            except RuntimeError:  # its loop has ended without a word
                with self._lock:
                    if hear in self._listeners:
                        self._listeners.remove(hear)

    def _path(self, kind: str) -> str:
        everywhere = bool(self._configuration.group_namespaces)
        return path_of("" if everywhere else self._configuration.namespace, kind)

    def _chosen(self) -> dict[str, str]:
        return {"labelSelector": names.selector(self._configuration.name)}


def is_pod(one: Object) -> bool:
    """Whether what stands for a launch is a workspace's pod and no Job."""
    return "containers" in one["spec"]


async def _connection(_: Cluster) -> None:
    """Nothing more than that a cluster was found."""


def _owner(pod: Object) -> str:
    """The uid of the Job a pod belongs to; empty for a workspace's."""
    return next((str(one["uid"]) for one in pod["metadata"].get("ownerReferences") or () if one["kind"] == "Job"), "")


def _version(one: Object) -> int:
    """Versions are opaque by contract and numbers in etcd; what is no number is never newer."""
    text = str(one["metadata"].get("resourceVersion", ""))
    return int(text) if text.isdigit() else 0
