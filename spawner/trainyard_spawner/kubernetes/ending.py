"""Ends launches on a cluster: who is wished to stop, and whose pod will never run or does not answer any more.

A wish is an annotation of the Job, ``{"grace": seconds, "at": seconds since 1970}``, and is then told to the supervisor in the
pod by a program executed there, so that the program gets its grace and the end is written down inside. What does not help is
followed by what does: a pod that does not run, or does not end in time, is deleted, after the Job was told to make no other.
"""

from __future__ import annotations

import asyncio
import json
import logging
import threading
import time
from typing import Any

from trainyard.jobs.states import Cause

from trainyard_spawner.kubernetes import names
from trainyard_spawner.kubernetes.cluster import Cluster, Object, Refused
from trainyard_spawner.kubernetes.configuration import Configuration
from trainyard_spawner.kubernetes.doctor import refusal
from trainyard_spawner.kubernetes.keeping import where
from trainyard_spawner.kubernetes.mirror import Mirror, is_pod
from trainyard_spawner.kubernetes.verdicts import Patience, Verdict, has_ended, hopeless, may_run, state_of

log = logging.getLogger(__name__)
TICK = 1.0
TOLD_SECONDS = 10.0
NEVER = 1e9
NOT_FOUND = 404


class Endings:
    """Sees to the ends of one platform's launches; what it remembers only saves it from doing things twice."""

    def __init__(self, configuration: Configuration, mirror: Mirror) -> None:
        self._configuration = configuration
        self._mirror = mirror
        self._lock = threading.Lock()
        self._watching = False
        self._told: dict[str, tuple[float, float]] = {}
        self._patience = Patience(configuration.start_seconds, configuration.image_seconds)

    def watch(self) -> None:
        """Begin to look after what waits; again is fine."""
        with self._lock:
            first, self._watching = not self._watching, True
        if first:
            self._mirror.spawn(self._look)

    def wish(self, job: Object, grace: float | None) -> None:
        """Write down that the launch is to end, with the shortest grace ever asked for, and begin to see to it."""
        before = wish_of(job)
        graces = [one for one in (before.get("grace") if before else None, grace) if one is not None]
        wished = {"grace": min(graces) if graces else None, "at": before["at"] if before else time.time()}
        if before is None or before["grace"] != wished["grace"]:
            body = {"metadata": {"annotations": {names.STOP: json.dumps(wished)}}}
            try:
                self._mirror.put(self._mirror.run(lambda cluster: cluster.patch(where(job), body)))
            except Refused as refused:
                if refused.status != NOT_FOUND:
                    raise refusal(refused) from None
                return
        self._mirror.spawn(lambda cluster: self._see_to(cluster, job["metadata"]["name"]))

    async def _look(self, cluster: Cluster) -> None:
        """Time passes without an event: once a second everything that waits is looked at, in memory."""
        import aiohttp

        while True:
            await asyncio.sleep(TICK)
            for job, pods in self._mirror.jobs():
                if state_of(job, pods).phase == "ended":
                    self._told.pop(job["metadata"]["uid"], None)
                    continue
                try:
                    await self._consider(cluster, job, pods)
                except (Refused, aiohttp.ClientError, OSError, TimeoutError) as error:
                    log.warning("%s could not be looked after: %r", job["metadata"]["name"], error)

    async def _consider(self, cluster: Cluster, job: Object, pods: list[Object]) -> None:
        several = sorted(pods, key=lambda pod: str(pod["metadata"]["creationTimestamp"]))
        if several and (verdict := hopeless(several[0], time.time(), self._patience)) is not None:
            await self._give_up(cluster, job, pods, verdict)
        elif wish_of(job) is not None:
            await self._see_to(cluster, job["metadata"]["name"])

    async def _see_to(self, cluster: Cluster, key: str) -> None:
        """Bring the end of a launch with a wish one step nearer."""
        found = self._mirror.job(key)
        if found is None or state_of(*found).phase == "ended" or (wished := wish_of(found[0])) is None:
            return
        job, pods = found
        running = [pod for pod in pods if pod["status"].get("phase") == "Running" and not has_ended(pod)]
        # a busy node is late in telling that a program runs; who deletes its pod before that never hears how it ended
        heard_of = running or [pod for pod in pods if may_run(pod)]
        if not heard_of:
            await self._give_up(cluster, job, pods, Verdict(Cause.STOPPED))
            return
        grace = _grace(wished, heard_of[0])
        if time.time() > wished["at"] + grace + 2 * names.CERTIFICATE_SECONDS:
            await self._patch(cluster, job, {"spec": {"parallelism": 0}})
            await self._delete_pods(cluster, heard_of, gracePeriodSeconds=1)
            return
        uid = job["metadata"]["uid"]
        told, at = self._told.get(uid, (NEVER, 0.0))
        if grace < told or time.monotonic() - at > TOLD_SECONDS:
            self._told[uid] = (grace, time.monotonic())
            if not await self._tell(cluster, heard_of[0], grace) and not running:
                await self._give_up(cluster, job, pods, Verdict(Cause.STOPPED))

    async def _tell(self, cluster: Cluster, pod: Object, grace: float) -> bool:
        """Whether its supervisor could be told."""
        import aiohttp

        path = where(pod)
        try:
            command = (*names.COMMAND, "stop", str(grace))
            container = pod["spec"]["containers"][0]["name"]
            async with asyncio.timeout(TOLD_SECONDS), cluster.execute(path, container, command, terminal=False) as socket:
                while (await socket.receive()).type is aiohttp.WSMsgType.BINARY:
                    pass
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            log.warning("%s was not told to stop: %r", pod["metadata"]["name"], error)
            return False
        return True

    async def _give_up(self, cluster: Cluster, job: Object, pods: list[Object], verdict: Verdict) -> None:
        """First the verdict, so that the end is known however this goes on; then no pod and no other one."""
        words = {names.VERDICT: verdict.as_annotation()}
        before = (job["metadata"].get("annotations") or {}).get(names.VERDICT)
        if before is None or (verdict.cause is Cause.NODE_LOST and before != words[names.VERDICT]):
            await self._patch(cluster, job, {"metadata": {"annotations": words}, "spec": {"parallelism": 0}})
        await self._delete_pods(cluster, pods)

    async def _patch(self, cluster: Cluster, job: Object, body: Object) -> None:
        if is_pod(job):
            body = {name: part for name, part in body.items() if name == "metadata"}
        wanted = body.get("spec", {}).get("parallelism")
        if "metadata" not in body and wanted == job["spec"].get("parallelism"):
            return
        try:
            self._mirror.put(await cluster.patch(where(job), body))
        except Refused as refused:
            if refused.status != NOT_FOUND:
                raise
            self._mirror.note(job, body.get("metadata", {}).get("annotations", {}))

    async def _delete_pods(self, cluster: Cluster, pods: list[Object], **how: Any) -> None:
        for pod in pods:
            if "deletionTimestamp" in pod["metadata"]:
                continue
            try:
                await cluster.delete(where(pod), how)
            except Refused as refused:
                if refused.status != NOT_FOUND:
                    raise


def wish_of(job: Object) -> dict[str, Any] | None:
    """The wish written on ``job``: ``grace`` (None: the launch's own) and ``at``; None: nobody wants it to end."""
    try:
        wished: dict[str, Any] = json.loads(job["metadata"]["annotations"][names.STOP])
        return {"grace": wished["grace"], "at": float(wished["at"])}
    except (KeyError, ValueError, TypeError):
        return None


def _grace(wished: dict[str, Any], pod: Object) -> float:
    own = float(pod["spec"].get("terminationGracePeriodSeconds", 0)) - names.CERTIFICATE_SECONDS
    return own if wished["grace"] is None else float(wished["grace"])
