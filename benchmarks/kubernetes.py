"""The launcher of a cluster under load: ``make bench-kubernetes``, on the cluster that ``KUBECONFIG`` names.

It takes simulated nodes (kubemark), whose pods turn Running without a container: nodes that are tainted
``simulated=true:NoSchedule``. What is measured is the launcher, as the queue drives it (one start after the other, the truth by
its watches), and the spawner object of a Hub, in a process of its own. What both are compared with makes the same objects (no
pod starts without its Secret), runs first, until the cluster is through with it, and stays, so that nothing of it is being
deleted meanwhile. Rows go to ``benchmarks/results-kubernetes.json``; a ratio above 1 means that we are better.
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
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
from trainyard.home import Home
from trainyard.jobs.launch import Identity, LaunchSpec, Resources
from trainyard_spawner.kubernetes import objects
from trainyard_spawner.kubernetes.cluster import Cluster
from trainyard_spawner.kubernetes.configuration import Claim, Configuration, Placement
from trainyard_spawner.kubernetes.launcher import KubernetesLauncher
from trainyard_spawner.kubernetes.pod import Parts
from trainyard_spawner.kubernetes.preparing import Beside, prepared

from benchmarks.kubernetes_workspaces import bare_mounts

RESULTS = Path(__file__).parent / "results-kubernetes.json"
JOBS, WORKSPACES, PODS = 500, 200, 1000
IDLE_SECONDS = 250
"""A little longer than a watch lasts, so that each is begun anew once."""
PATIENCE = 560
QUIET_SECONDS = 5
LABEL = "trainyard.io/simulated"
PLACEMENT = Placement(node_selector={LABEL: "true"}, tolerations=({"key": "simulated", "operator": "Exists"},))
Row = dict[str, Any]


def on_simulated_nodes(spec: LaunchSpec, parts: Parts, configuration: Configuration) -> Row:
    """The Job of a launch without parts of volumes: kubemark's kubelets have not implemented those."""
    job = _job(spec, parts, configuration)
    bare_mounts(job["spec"]["template"])
    return job


_job, objects.job = objects.job, on_simulated_nodes
asked: Counter[int] = Counter()
"""How many requests each connection pool of ours has made."""
_open = Cluster._open


def _counted(cluster: Cluster, *given: Any, **named: Any) -> Any:
    asked[id(cluster)] += 1
    return _open(cluster, *given, **named)


setattr(Cluster, "_open", _counted)  # noqa: B010 (a method of another shape)


def kubectl(*arguments: str, given: str | None = None) -> str:
    """What kubectl prints."""
    return subprocess.run(["kubectl", *arguments], input=given, capture_output=True, text=True, check=True).stdout


def mark_simulated() -> int:
    """Give simulated nodes a label that pods can choose; how many there are."""
    nodes = json.loads(kubectl("get", "nodes", "-o", "json"))["items"]
    found = [one for one in nodes if any(taint["key"] == "simulated" for taint in one["spec"].get("taints") or ())]
    for one in found:
        kubectl("label", "--overwrite", "node", one["metadata"]["name"], f"{LABEL}=true")
    return len(found)


@contextmanager
def room() -> Iterator[tuple[Home, Configuration]]:
    """A namespace with a claim over a folder of this machine."""
    name = f"bench-{secrets.token_hex(3)}"
    with tempfile.TemporaryDirectory(prefix="trainyard-bench-") as folder:
        common = {"accessModes": ["ReadWriteMany"], "storageClassName": ""}
        volume = {**common, "capacity": {"storage": "1Gi"}, "hostPath": {"path": folder}}
        claim = {**common, "volumeName": name, "resources": {"requests": {"storage": "1Gi"}}}
        made = [
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}},
            {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": name}, "spec": volume},
            {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": name, "namespace": name}, "spec": claim},
        ]
        kubectl("apply", "-f", "-", given=json.dumps({"apiVersion": "v1", "kind": "List", "items": made}))
        home = Home(Path(folder).resolve())
        home.launches.mkdir()
        home.address.parent.mkdir(parents=True, exist_ok=True)
        home.address.write_text("http://127.0.0.1:8000")
        claims = (Claim(folder="launches", claim=name, path="launches"),)
        try:
            yield (
                home,
                Configuration(name=name, namespace=name, images={"none:1": "none:1"}, claims=claims, processor=PLACEMENT),
            )
        finally:
            kubectl("delete", "namespace", name, "--wait=false")
            kubectl("delete", "pv", name, "--wait=false")


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


def wait(reached: Callable[[], bool]) -> None:
    """Look five times a second."""
    deadline = time.monotonic() + PATIENCE
    while not reached():
        if time.monotonic() > deadline:
            raise TimeoutError("the cluster did not get there")
        time.sleep(0.2)


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


@contextmanager
def hub(home: Home, configuration: Configuration, count: int) -> Iterator[tuple[psutil.Process, float]]:
    """The process of the spawner objects, and the seconds until so many workspaces ran."""
    argv = [sys.executable, "-m", "benchmarks.kubernetes_workspaces"]
    given = [configuration.model_dump_json(), str(home.root), str(count)]
    process = subprocess.Popen([*argv, *given], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield psutil.Process(process.pid), json.loads(process.stdout.readline())["seconds"]
    finally:
        process.communicate(timeout=60)


def requests(launcher: KubernetesLauncher) -> int:
    """How many this launcher has made so far."""
    return asked[id(launcher._mirror._cluster)]


def used(process: psutil.Process) -> float:
    """Processor seconds of this process."""
    times = process.cpu_times()
    return float(times.user + times.system)


def restart(launcher: KubernetesLauncher, kubeconfig: Path) -> float | None:
    """Seconds from the API server's being ready again to a job, deleted meanwhile, being gone here too."""
    remembered = kubeconfig.parent / "pids/kube-apiserver"
    if not remembered.is_file():
        return None
    pid = int(remembered.read_text())
    argv = Path(f"/proc/{pid}/cmdline").read_bytes().decode().rstrip("\0").split("\0")
    psutil.Process(pid).kill()
    time.sleep(5)
    log = (kubeconfig.parent / "logs/kube-apiserver").open("ab")
    remembered.write_text(f"{subprocess.Popen(argv, stdout=log, stderr=log, start_new_session=True).pid}\n")
    ready = ["kubectl", "get", "--raw", "/readyz"]
    wait(lambda: subprocess.run(ready, capture_output=True, check=False).returncode == 0)
    began = time.monotonic()
    namespace = launcher._configuration.namespace
    kubectl("delete", "job", specification(0).key, "-n", namespace, "--wait=false")
    wait(lambda: launcher.state(specification(0).key) is None)
    return time.monotonic() - began


def row(name: str, numbers: tuple[float, float], unit: str, reach: float) -> Row:
    """One comparison; less is better."""
    mine, peer = numbers
    return {
        "name": name, "ours": round(mine, 2), "peer": round(peer, 2), "unit": unit,
        "ratio": round(peer / mine, 3) if mine else 0.0, "reach": reach,
    }  # fmt: skip


def megabytes(process: psutil.Process) -> float:
    """What it has in memory."""
    return float(process.memory_info().rss / 2**20)


def measure(count: int, workspaces: int, pods: int) -> Iterator[Row]:
    """All rows, with so many jobs, workspaces, and pods in all."""
    wait(lambda: "Terminating" not in kubectl("get", "namespaces"))  # what goes away asks much of the API server
    with room() as loop, room() as pods_loop, room() as (home, configuration):
        peer = plain(*loop, count, "jobs")
        launcher = KubernetesLauncher(home, configuration)
        launcher.states()
        numbers = (submit(launcher, range(count)), peer)
        yield row(f"{count} jobs submitted to all running, against a plain loop", numbers, "s", 0.8)
        peer = plain(*pods_loop, workspaces, "pods")
        with hub(home, configuration, workspaces) as (hub_process, seconds):
            yield row(f"{workspaces} workspaces to all running, against plain pods", (seconds, peer), "s", 0.5)
            submit(launcher, range(count, pods - workspaces))
            time.sleep(15)  # the controllers write down the last starts
            yield from idle(launcher, hub_process, pods)
            back = restart(launcher, Path(os.environ["KUBECONFIG"]))
            if back is not None:
                yield row("API server ready again to the correct state, against 10 s", (back, 10), "s", 1.0)
        launcher.close()


def idle(launcher: KubernetesLauncher, hub_process: psutil.Process, pods: int) -> Iterator[Row]:
    """What service and Hub take while nothing changes, beside a launcher that has no launch at all."""
    none = KubernetesLauncher(launcher.home, launcher._configuration.model_copy(update={"name": "nobody"}))
    none.states()
    processes = {"the launcher": psutil.Process(), "the spawners": hub_process}
    before = {name: used(process) for name, process in processes.items()}
    made, began = {one: requests(one) for one in (launcher, none)}, time.monotonic()
    time.sleep(IDLE_SECONDS)
    passed = time.monotonic() - began
    hourly = [(requests(one) - made[one]) * 3600 / passed for one in (launcher, none)]
    yield row(f"API requests an hour while idle, {pods} pods against none", (hourly[0], hourly[1]), "requests/h", 0.8)
    for name, process in processes.items():
        share = 100 * (used(process) - before[name]) / passed
        yield row(f"a core's share of the process of {name} with {pods} idle pods, against 50 %", (share, 50), "%", 1.0)
        resident = megabytes(process)
        yield row(f"memory of the process of {name} with {pods} pods, against 500 MiB", (resident, 500), "MiB", 1.0)
    none.close()


def main() -> int:
    """Measure, print, write down; 1 if a reach was missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=JOBS, help="how many jobs are submitted at once")
    parser.add_argument("--workspaces", type=int, default=WORKSPACES, help="how many workspaces are started at once")
    parser.add_argument("--pods", type=int, default=PODS, help="how many pods there are in all while nothing changes")
    chosen = parser.parse_args()
    if not os.environ.get("KUBECONFIG"):
        print("no cluster: KUBECONFIG is not set", file=sys.stderr)
        return 1
    if not mark_simulated():
        print("no simulated nodes: they are tainted simulated=true:NoSchedule", file=sys.stderr)
        return 1
    rows = []
    for one in measure(chosen.jobs, chosen.workspaces, chosen.pods):
        rows.append(one)
        verdict = "reached" if one["ratio"] >= one["reach"] else "MISSED"
        numbers = f"{one['ours']:9} {one['peer']:9} {one['unit']:11} ratio {one['ratio']:6} of {one['reach']}"
        print(f"{one['name']:80} {numbers}  {verdict}", flush=True)
        RESULTS.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")
    return int(any(one["ratio"] < one["reach"] for one in rows))


if __name__ == "__main__":
    sys.exit(main())
