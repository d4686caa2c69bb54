"""The whole platform beside a cluster with a thousand pods: what service and Hub take, ask, and know after a restart.

It is the platform of ``make run`` with the cluster's launcher; jobs are submitted to the service, workspaces started for people
who have signed in to the Hub. Pods run on simulated nodes (``_simulated`` says in what the processes differ for that): there is
no supervisor in them and no server, so nothing writes samples of use, and a stand-in answers for all servers at once.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import sqlite3
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import psutil
import yaml
from jupyterhub import __version__ as hub_version
from trainyard.jobs.launch import ON_CLUSTER

from benchmarks import _simulated
from benchmarks.simulated_cluster import PLACEMENT, Row, kubectl, namespace_over, restart_api_server, row, tidied, wait
from tests.hub.running import HIDDEN, HubPlatform

IDLE_SECONDS = 240
"""As long as a watch lasts: each is begun anew once."""
SETTLE_SECONDS = 30
AT_ONCE = 4
IMAGE, PACKAGE, GROUP, PASSWORD = "workspace:2026.11", "1Core2G", "bench", "a password that is long enough"
FREE_APPLICATIONS = 50
"""So many people may apply from one address."""


_PLATFORMS = re.compile(r'resource="(?:jobs|pods|events)",.*verb="(?:LIST|WATCH)"')

BEGUN_TOGETHER = "Simulated nodes that begin in one moment share a runtime and end each other's pods: start them one by one."


class _Answering(BaseHTTPRequestHandler):
    """What the Hub asks a server that has come up."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("X-JupyterHub-Version", hub_version)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def stand_in() -> Iterator[str]:
    """The address of what answers for all workspaces."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Answering)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()


class SimulatedPlatform(HubPlatform):
    """A platform of this machine whose launches are pods of simulated nodes."""

    program = (sys.executable, "-P", _simulated.__file__, _simulated.STACK)

    def __init__(self, answering: str) -> None:
        super().__init__(
            TRAINYARD_SERVICE_LAUNCHER=ON_CLUSTER,
            TRAINYARD_SERVICE_CAPACITY_CPU="100000",
            TRAINYARD_SERVICE_CAPACITY_MEMORY=str(2**50),
            TRAINYARD_SERVICE_PACKAGES=json.dumps([PACKAGE]),
            **{_simulated.STAND_IN: answering},
        )
        (self.home / "images").unlink()  # the environments of one machine are not for a cluster
        self.name = f"bench-{secrets.token_hex(3)}"
        told = {
            "name": self.name,
            "namespace": self.name,
            "kubeconfig": os.environ["KUBECONFIG"],
            "images": {IMAGE: "none:1"},
            "claims": [{"folder": folder, "claim": self.name, "path": folder} for folder in ("launches", "volume")],
            "processor": json.loads(PLACEMENT.model_dump_json()),
        }
        (self.home / "kubernetes.yaml").write_text(yaml.safe_dump(told))

    def asked(self) -> list[str]:
        """Every request to the API server so far, of service and Hub."""
        files = (_simulated.asked_of(self.home, module) for module in (_simulated.SERVICE, _simulated.HUB))
        return [line for file in files if file.exists() for line in file.read_text().splitlines()]

    def running(self, table: str) -> set[str]:
        """Keys of the launches that run, of ``jobs`` or ``workspaces``, by the service's books: asking it would be load."""
        jobs = "'job-' || id || '-' || attempt FROM jobs WHERE state = 'running'"
        return self._books(jobs if table == "jobs" else "key FROM workspaces WHERE ended IS NULL")

    def failed(self) -> int:
        """How many jobs have; nothing in a simulated pod can."""
        return len(self._books("id FROM jobs WHERE state = 'failed'"))

    def _books(self, what: str) -> set[str]:
        database = f"file:{self.home}/service/service.db?mode=ro"
        with closing(sqlite3.connect(database, uri=True, timeout=60)) as connection:
            return {str(key) for (key,) in connection.execute(f"SELECT {what}")}

    def hub(self, method: str, path: str, **more: Any) -> httpx.Response:
        """A call to the Hub's own interface, as the service makes them."""
        headers = {"Authorization": f"token {self.secret('service-hub-token')}"}
        return httpx.request(method, f"{self.settings.hub_api_url}{path}", headers=headers, timeout=120, **more)

    def process(self, name: str) -> psutil.Process:
        """One process of the stack."""
        return psutil.Process(self.pid(name))


@dataclass(frozen=True)
class Idle:
    """What a platform took while nothing changed: requests an hour, what was asked how often, how many lists and watches of a
    namespace the API server counted itself, and of each process its share of a core and MiB.
    """

    requests: float
    shares: dict[str, float]
    memory: dict[str, float]
    asked: Counter[str]
    counted: int


def idle(platform: SimulatedPlatform) -> Idle:
    """Look away for a while."""
    processes = {name: platform.process(name) for name in ("service", "hub")}
    before = {name: _used(process) for name, process in processes.items()}
    counted, made, began = _counted(), Counter(platform.asked()), time.monotonic()
    time.sleep(IDLE_SECONDS)
    passed, asked = time.monotonic() - began, Counter(platform.asked()) - made
    return Idle(
        asked.total() * 3600 / passed,
        {name: 100 * (_used(process) - before[name]) / passed for name, process in processes.items()},
        {name: process.memory_info().rss / 2**20 for name, process in processes.items()},
        asked,
        _counted() - counted,
    )


def _counted() -> int:
    """Lists and watches in one namespace that the API server has answered: who is no platform asks for those of all."""
    numbers = kubectl("get", "--raw", "/metrics").splitlines()
    several = (line for line in numbers if line.startswith("apiserver_request_total{") and 'scope="namespace"' in line)
    return sum(int(float(line.rpartition(" ")[2])) for line in several if _PLATFORMS.search(line))


def _used(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def submit(platform: SimulatedPlatform, count: int) -> float:
    """Seconds from the first job's submission to the last one's running, by the service's books.

    Raises:
        RuntimeError: pods have ended by themselves.
    """

    def one(number: int) -> None:
        new = {"name": f"job{number}", "group": GROUP, "image": IMAGE.partition(":")[0], "package": PACKAGE}
        platform.ask("POST", "/trainings", {**new, "entry": "sleep 86400"})

    began = time.monotonic()
    with ThreadPoolExecutor(AT_ONCE) as several:
        list(several.map(one, range(count)))

    def all_run() -> bool:
        if failed := platform.failed():
            raise RuntimeError(f"{failed} pods ended by themselves. {BEGUN_TOGETHER}")
        return len(platform.running("jobs")) >= count

    wait(all_run)
    return time.monotonic() - began


def people(platform: SimulatedPlatform, count: int) -> list[str]:
    """Names, for the Hub, of so many people of the group who have signed in."""
    internal = {"Authorization": f"Bearer {platform.secret('internal-token')}"}

    def apply(number: int) -> None:
        who = {"name": f"person{number}", "password": PASSWORD, "address": f"10.0.0.{number // FREE_APPLICATIONS}"}
        url = f"{platform.settings.service_url}/api/v1/internal/applications"
        httpx.post(url, json=who, headers=internal, timeout=60).raise_for_status()

    def let_in(account: Row) -> str:
        platform.ask("POST", f"/accounts/{account['id']}/approve", {"group": GROUP})
        sign_in(platform, account["name"])
        return f"u{account['id']}"

    with ThreadPoolExecutor(AT_ONCE) as several:
        list(several.map(apply, range(count)))
        applied: list[Row] = []
        while page := platform.ask("GET", "/accounts", state="applied", limit=100, offset=len(applied))["items"]:
            applied += page
        return list(several.map(let_in, applied))


def sign_in(platform: SimulatedPlatform, name: str) -> None:
    """Make the person known to the Hub. The page behind the form is not opened: two hundred of those are another benchmark."""
    with httpx.Client(base_url=platform.address, timeout=120) as client:
        token = HIDDEN.search(client.get("/hub/login").text)
        assert token is not None
        answer = client.post("/hub/login", data={"username": name, "password": PASSWORD, "_xsrf": token[1]})
        assert answer.is_redirect, answer.text


def start_workspaces(platform: SimulatedPlatform, names: list[str]) -> float:
    """Seconds until the Hub has started them all, as many at once as it lets."""
    options = {"group": GROUP, "image": IMAGE, "package": PACKAGE, "datasets": []}

    def one(name: str) -> None:
        while (answer := platform.hub("POST", f"/users/{name}/server", json=options)).status_code == 429:
            time.sleep(1)
        assert answer.is_success, answer.text

    began = time.monotonic()
    with ThreadPoolExecutor(AT_ONCE) as several:
        list(several.map(one, names))
    wait(lambda: ready(platform) >= set(names))
    return time.monotonic() - began


def ready(platform: SimulatedPlatform) -> set[str]:
    """Whose server runs, as the Hub knows it."""
    found: set[str] = set()
    offset = 0
    while page := platform.hub("GET", "/users", params={"limit": 200, "offset": offset}).json():
        found |= {one["name"] for one in page if one["servers"].get("", {}).get("ready")}
        offset += len(page)
    return found


def measure(jobs: int, workspaces: int) -> Iterator[Row]:
    """The rows, with so many jobs and workspaces."""
    tidied()
    with stand_in() as answering:
        platform = SimulatedPlatform(answering)
        with namespace_over(platform.home, platform.name):
            try:
                platform.start()
                platform.have_group(GROUP)
                platform.ask("PUT", f"/groups/{GROUP}/quota", {"jobs": 10 * (jobs + workspaces)})
                names = people(platform, workspaces)
                none = _before(platform, names[0])
                began = submit(platform, jobs), start_workspaces(platform, names)
                print(f"{jobs} jobs ran after {began[0]:.0f} s, {workspaces} workspaces after {began[1]:.0f} s", flush=True)
                what = f"{jobs} running jobs and {workspaces} workspaces"
                yield from _beside(platform, what, none)
                if (back := restarted(platform, names[-1])) is not None:
                    yield row(f"API server ready again to the right state, {what}, against 10 s", (back, 10), "s", 1.0)
            finally:
                kubectl("delete", "jobs,pods", "--all", "-n", platform.name, "--wait=false")
                platform.stop()


def _before(platform: SimulatedPlatform, person: str) -> Idle:
    """The platform without a pod; from its first workspace on the Hub watches the cluster, so there was one."""
    start_workspaces(platform, [person])
    platform.hub("DELETE", f"/users/{person}/server")
    wait(lambda: not platform.hub("GET", f"/users/{person}").json()["servers"])
    return _settled(platform, "without a pod")


def _settled(platform: SimulatedPlatform, when: str) -> Idle:
    time.sleep(SETTLE_SECONDS)
    found = idle(platform)
    print(f"{when}: {found}", flush=True)
    return found


def _beside(platform: SimulatedPlatform, what: str, none: Idle) -> Iterator[Row]:
    """What the platform takes with all pods."""
    all_there = _settled(platform, f"with {what}")
    numbers = (all_there.requests, none.requests)
    yield row(f"API requests an hour of service and Hub, idle, {what}, against none", numbers, "requests/h", 0.8)
    for name in ("service", "hub"):
        yield row(f"a core's share of the {name}, idle, {what}, against 50 %", (all_there.shares[name], 50), "%", 1.0)
        yield row(f"memory of the {name}, {what}, against 500 MiB", (all_there.memory[name], 500), "MiB", 1.0)


def restarted(platform: SimulatedPlatform, person: str) -> float | None:
    """Seconds from the API server's being ready again until service and Hub know of a Job and a workspace that were deleted in
    that moment, and that all others run; None where it cannot be restarted.
    """
    jobs, people, workspaces = platform.running("jobs"), ready(platform), platform.running("workspaces")
    job = min(jobs)
    workspace = next(key for key in workspaces if key.startswith(f"workspace-{person.removeprefix('u')}-"))
    if not restart_api_server():
        return None
    began = time.monotonic()
    kubectl("delete", "job", job, "-n", platform.name, "--wait=false")
    # by force: a Hub waits for the end of what is being deleted, and that is the node's time
    kubectl("delete", "pod", workspace, "-n", platform.name, "--force", "--grace-period=0", "--wait=false")
    known = {
        "the service of jobs": lambda: platform.running("jobs") == jobs - {job},
        "the service of workspaces": lambda: platform.running("workspaces") == workspaces - {workspace},
        "the Hub": lambda: ready(platform) == people - {person},
    }
    for who, is_right in known.items():
        wait(is_right)
        print(f"{who} was right after {time.monotonic() - began:.1f} s", flush=True)
    return time.monotonic() - began
