"""The platform on a cluster under load: ``make bench-kubernetes``, on the cluster that ``KUBECONFIG`` names.

It takes simulated nodes (kubemark), whose pods turn Running without a container: nodes that are tainted
``simulated=true:NoSchedule``. First the whole platform with a thousand pods (``kubernetes_platform``), then how fast starts
are: of the launcher, as the queue drives it (one start after the other, the truth by its watches), and of the spawner object of
a Hub, in a process of its own. What both are compared with makes the same objects (no pod starts without its Secret), runs
first, until the cluster is through with it, and stays, so that nothing of it is being deleted meanwhile. Rows go to
``benchmarks/results-kubernetes.json``; a ratio above 1 means that we are better.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from trainyard.home import Home
from trainyard.jobs.launch import Identity, LaunchSpec, Resources
from trainyard_spawner.kubernetes import objects
from trainyard_spawner.kubernetes.cluster import Cluster
from trainyard_spawner.kubernetes.configuration import Claim, Configuration
from trainyard_spawner.kubernetes.launcher import KubernetesLauncher
from trainyard_spawner.kubernetes.pod import Parts
from trainyard_spawner.kubernetes.preparing import Beside, prepared

from benchmarks import kubernetes_platform
from benchmarks._simulated import slight
from benchmarks.simulated_cluster import PATIENCE, PLACEMENT, Row, mark_simulated, namespace_over, row, tidied, wait

RESULTS = Path(__file__).parent / "results-kubernetes.json"
JOBS, WORKSPACES, PODS = 500, 200, 1000
QUIET_SECONDS = 5


def on_simulated_nodes(spec: LaunchSpec, parts: Parts, configuration: Configuration) -> Row:
    """The Job of a launch as kubemark's kubelets take it."""
    job = _job(spec, parts, configuration)
    slight(job["spec"]["template"])
    return job


_job, objects.job = objects.job, on_simulated_nodes


@contextmanager
def room() -> Iterator[tuple[Home, Configuration]]:
    """A namespace with a claim over a folder of this machine."""
    name = f"bench-{secrets.token_hex(3)}"
    with tempfile.TemporaryDirectory(prefix="trainyard-bench-") as folder, namespace_over(Path(folder).resolve(), name):
        home = Home(Path(folder).resolve())
        home.launches.mkdir()
        home.address.parent.mkdir(parents=True, exist_ok=True)
        home.address.write_text("http://127.0.0.1:8000")
        claims = (Claim(folder="launches", claim=name, path="launches"),)
        yield home, Configuration(name=name, namespace=name, images={"none:1": "none:1"}, claims=claims, processor=PLACEMENT)


def specification(number: int) -> LaunchSpec:
    """A job that asks for next to nothing."""
    return LaunchSpec(
        key=f"job-{number:05d}",
        image="none:1",
        argv=("true",),
        environment={},
        working_directory=Path("/tmp"),
        resources=Resources(cpu=0.005, memory=8 << 20),
        identity=Identity(name="bench", uid=20001, gid=20001),
    )


def submit(launcher: KubernetesLauncher, numbers: range) -> float:
    """Seconds from the first start to the last pod's running; simulated pods end by themselves after a while."""
    began = time.monotonic()
    mine = {launcher.start(specification(number)).key for number in numbers}
    wait(lambda: sum(one.phase != "starting" for one in launcher.states() if one.key in mine) >= len(mine))
    return time.monotonic() - began


def plain(home: Home, configuration: Configuration, count: int, kind: str) -> float:
    """The same objects made by a loop that asks for the list of pods; ``kind`` is a Job's or a Pod's plural. Returns once the
    cluster writes nothing more about them: ours shall not compete with that.
    """
    where = f"namespaces/{configuration.namespace}"
    path = f"/apis/batch/v1/{where}/jobs" if kind == "jobs" else f"/api/v1/{where}/pods"
    modules = objects.read_code()
    code = objects.code(modules, configuration)
    beside = Beside(code["metadata"]["name"], tuple(sorted(modules)))

    async def listed(cluster: Cluster, path: str, **query: str) -> list[Row]:
        found: list[Row] = (await cluster.get(path, **query))["items"]
        return found

    async def work() -> float:
        cluster = await Cluster.connect(None, None)
        await cluster.post(f"/api/v1/{where}/configmaps", code)
        began = time.monotonic()
        for number in range(count):
            secret, parts = prepared(specification(number), home, configuration, beside)
            await cluster.post(f"/api/v1/{where}/secrets", secret)
            await cluster.post(path, _bare(objects.job(specification(number), parts, configuration), kind))
        while len(await listed(cluster, f"/api/v1/{where}/pods", fieldSelector="status.phase!=Pending")) < count:
            _not_for_ever(began)
            await asyncio.sleep(1)
        seconds = time.monotonic() - began
        written = [None]
        while written != (now := [one["metadata"]["resourceVersion"] for one in await listed(cluster, path)]):
            _not_for_ever(began)
            written = now
            await asyncio.sleep(QUIET_SECONDS)
        await cluster.close()
        return seconds

    return asyncio.run(work())


def _not_for_ever(began: float) -> None:
    if time.monotonic() > began + PATIENCE:
        raise TimeoutError("the cluster did not get there")


def _bare(job: Row, kind: str) -> Row:
    if kind == "jobs":
        return job
    pod, about = job["spec"]["template"], job["metadata"]
    named = {**pod["metadata"], "name": about["name"], "namespace": about["namespace"]}
    return {"apiVersion": "v1", "kind": "Pod", **pod, "metadata": named}


def spawned(home: Home, configuration: Configuration, count: int) -> float:
    """Seconds until so many workspaces ran, started by spawner objects in a process of their own."""
    argv = [sys.executable, "-m", "benchmarks.kubernetes_workspaces"]
    given = [configuration.model_dump_json(), str(home.root), str(count)]
    done = subprocess.run([*argv, *given], stdout=subprocess.PIPE, text=True, check=True)
    return float(json.loads(done.stdout)["seconds"])


def starts(count: int, workspaces: int) -> Iterator[Row]:
    """How fast the launcher starts jobs and the spawner objects workspaces, against a plain loop."""
    tidied()
    with room() as loop, room() as pods_loop, room() as (home, configuration):
        peer = plain(*loop, count, "jobs")
        launcher = KubernetesLauncher(home, configuration)
        launcher.states()
        numbers = (submit(launcher, range(count)), peer)
        launcher.close()
        yield row(f"{count} jobs submitted to all running, against a plain loop", numbers, "s", 0.8)
        peer = plain(*pods_loop, workspaces, "pods")
        numbers = (spawned(home, configuration, workspaces), peer)
        yield row(f"{workspaces} workspaces to all running, against plain pods", numbers, "s", 0.5)


def main() -> int:
    """Measure, print, write down; 1 if a reach was missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=JOBS, help="how many jobs are submitted at once")
    parser.add_argument("--workspaces", type=int, default=WORKSPACES, help="how many workspaces are started at once")
    parser.add_argument("--pods", type=int, default=PODS, help="how many pods there are in all while nothing changes")
    parser.add_argument("--only", choices=("platform", "starts"), help="this half; rows of the other one stay as they are")
    chosen = parser.parse_args()
    if not os.environ.get("KUBECONFIG"):
        print("no cluster: KUBECONFIG is not set", file=sys.stderr)
        return 1
    if not mark_simulated():
        print("no simulated nodes: they are tainted simulated=true:NoSchedule", file=sys.stderr)
        return 1
    halves = {
        "platform": partial(kubernetes_platform.measure, chosen.pods - chosen.workspaces, chosen.workspaces),
        "starts": partial(starts, chosen.jobs, chosen.workspaces),
    }
    rows = []
    for name, half in halves.items():
        if chosen.only in (None, name):
            for one in half():
                rows.append(one)
                _tell(one)
                _write(rows, whole=chosen.only is None)
    return int(any(one["ratio"] < one["reach"] for one in rows))


def _tell(one: Row) -> None:
    verdict = "reached" if one["ratio"] >= one["reach"] else "MISSED"
    numbers = f"{one['ours']:9} {one['peer']:9} {one['unit']:11} ratio {one['ratio']:6} of {one['reach']}"
    print(f"{one['name']:110} {numbers}  {verdict}", flush=True)


def _write(rows: list[Row], *, whole: bool) -> None:
    measured = {one["name"] for one in rows}
    kept = [] if whole else [one for one in json.loads(RESULTS.read_text(encoding="utf-8")) if one["name"] not in measured]
    RESULTS.write_text(json.dumps([*rows, *kept], indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
