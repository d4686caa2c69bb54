"""Killed with -9 in the middle of formatting and of training, with and without a new ``make run``: hub, service, pages, proxy,
store, process manager, supervisor, job and workspace. Nothing is lost, nothing runs twice, the state shown is true.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from PIL import Image
from trainyard_hub.stack.launches import ends_with_platform, is_job
from trainyard_spawner import files
from trainyard_spawner.sandbox_launcher import SandboxLauncher

from tests.hub.running import HubPlatform, Person, until

pytestmark = [pytest.mark.slow, pytest.mark.survival]
GROUP, PICTURES, TIMES = "vision", 40, 100
STACK = ("proxy", "hub", "service", "pages", "store")
# tries every address and port it is given, and says which answered
SCAN = """
import json, socket, sys
from concurrent.futures import ThreadPoolExecutor
def reached(place):
    try:
        socket.create_connection(tuple(place), 1).close()
        return True
    except OSError:
        return False
gateway = [f"{line.split()[2]}" for line in open("/proc/net/route").readlines()[1:] if line.split()[1] == "00000000"]
near = [".".join(str(int(one[n:n + 2], 16)) for n in (6, 4, 2, 0)) for one in gateway]
hosts, ports = json.loads(sys.argv[1])
places = [(host, port) for host in hosts + near for port in ports]
with ThreadPoolExecutor(100) as pool:
    print("reached", json.dumps([place for place, yes in zip(places, pool.map(reached, places)) if yes]), "end")
"""
WAIT = "#!/bin/sh\nwhile sleep 1; do echo still here; done\n"


def write_list(folder: Path) -> None:
    """Small pictures that are named often, so that formatting them large takes a while."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(PICTURES):
        Image.radial_gradient("L").resize((32, 24)).rotate(9 * number).save(folder / f"{number}.png")
    label = [{"name": "turn", "type": "classification", "version": "1", "data": [{"class": "round"}]}]
    lines = [json.dumps({"url": f"{number}.png", "type": "image", "label": label}) for number in range(PICTURES)]
    (folder / "list.jsonl").write_text("\n".join(lines * TIMES))
    for path in (folder, *folder.iterdir()):
        path.chmod(0o755 if path.is_dir() else 0o644)


@dataclass
class Work:
    """What people have under way; ``training`` runs until somebody ends it, ``formatting`` is made anew when it has ended."""

    platform: HubPlatform
    person: Person
    dataset: str
    _batches: list[dict[str, Any]] = field(default_factory=list)

    def job(self, number: str) -> dict[str, Any]:
        found: dict[str, Any] = self.platform.ask("GET", f"/jobs/{number}")
        return found

    def train(self, name: str) -> str:
        """The job of a new training that runs; one of that name that a first try has begun goes."""
        for old in [one for one in self.platform.ask("GET", "/trainings", search=name)["items"] if one["name"] == name]:
            self.platform.ask("POST", f"/trainings/{old['id']}/stop")
            self.platform.wait_for("its end", lambda old=old: self.job(old["job"]["id"])["ended"])
            self.platform.ask("DELETE", f"/trainings/{old['id']}")
        new = {"name": name, "group": GROUP, "image": "workspace", "package": "1Core2G"}
        entry = f"/workspace/mnt/group/{GROUP}/admin/wait.sh"
        number = str(self.platform.ask("POST", "/trainings", {**new, "entry": entry})["job"]["id"])
        self.platform.wait_for("the training", lambda: self.job(number)["state"] == "running")
        return number

    def formatting(self) -> dict[str, Any]:
        """A batch in its middle."""
        if not self._batches or self.batch(self._batches[-1])["state"] != "running":
            plan = {"formats": ["recordio", "lmdb"], "resize": "640", "seed": 5}
            self._batches.append(self.platform.ask("POST", f"/datasets/{self.dataset}/batches", plan))
        batch = self._batches[-1]
        self.platform.wait_for("the first record", lambda: (self.batch(batch)["progress"] or {"done": 0})["done"] > 0)
        return batch

    def batch(self, batch: dict[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = self.platform.ask("GET", f"/batches/{batch['id']}")
        return found

    def finished(self, batch: dict[str, Any]) -> dict[str, Any]:
        """The batch when it has ended, and ended well."""
        self.platform.wait_for("the batch", lambda: self.batch(batch)["state"] not in ("queued", "starting", "running"))
        done = self.batch(batch)
        assert done["state"] == "finished", done
        assert sum(one["samples"] for one in done["sets"] if one["format"] == "lmdb") == PICTURES * TIMES
        return done

    def hold(self, batch: dict[str, Any]) -> int:
        """Let its program stand still, so that it is in its middle until it is killed; the number of its attempt."""
        attempt = int(self.job(batch["job"])["attempt"])
        self.program(f"job-{batch['job']}-{attempt}").suspend()
        return attempt

    def supervisor(self, key: str) -> int:
        status = files.read_json(self.platform.home / "launches" / key / "status.json")
        assert status is not None
        return int(status["pid"])

    def program(self, key: str) -> psutil.Process:
        """The program itself, once it is there: below the supervisor come bubblewrap, the sandbox's first process, and it."""
        process = psutil.Process(self.supervisor(key))
        while "init" not in " ".join(process.cmdline()[:6]) or "bwrap" in process.name():
            process = child(process)
        return child(process)


def child(process: psutil.Process) -> psutil.Process:
    assert until(process.children), process
    return process.children()[0]


def living(platform: HubPlatform, wanted: Callable[[str], bool]) -> list[str]:
    return sorted(
        one.key for one in SandboxLauncher(platform.settings.home).states() if one.phase != "ended" and wanted(one.key)
    )


@pytest.fixture(scope="module")
def platform() -> Iterator[HubPlatform]:
    running = HubPlatform(TRAINYARD_SERVICE_CAPACITY_CPU="8")
    try:
        running.start()
        yield running
    finally:
        running.stop()


@pytest.fixture(scope="module")
def work(platform: HubPlatform) -> Work:
    platform.have_group(GROUP)
    person = Person(platform)
    assert person.sign_in("admin", platform.secret("administrator-password")).status_code == 200
    if not living(platform, ends_with_platform):
        person.spawn(GROUP)
    assert until(person.lab_answers), f"{person.seen} {platform.said()}"
    own = platform.home / f"volume/groups/{platform.ask('GET', f'/groups/{GROUP}')['id']}/admin"
    write_list(own / "turns")
    (own / "wait.sh").write_text(WAIT)
    (own / "wait.sh").chmod(0o775)
    source = {"kind": "share", "group": GROUP, "path": "admin/turns/list.jsonl"}
    made = platform.ask("POST", "/datasets", {"name": "turns", "source": source})["id"]
    platform.wait_for("the dataset", lambda: platform.ask("GET", f"/datasets/{made}")["state"] == "ready")
    return Work(platform, person, made)


@pytest.fixture(autouse=True)
def up(platform: HubPlatform) -> None:
    """A first try may have left it stopped."""
    platform.be_up()


@pytest.fixture(scope="module")
def training(work: Work) -> str:
    return work.train("long")


async def _said(launcher: SandboxLauncher, key: str, argv: tuple[str, ...]) -> str:
    console = await launcher.console(key, argv, 400, 50)
    heard = b""
    while data := await console.read():
        heard += data
    await console.close()
    return heard.decode()


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="as an ordinary user the network is the machine's")
def test_no_port_of_the_machine_is_reached_from_a_workspace_or_a_job(platform: HubPlatform, work: Work, training: str) -> None:
    listening = {one.laddr.port for one in psutil.net_connections("tcp") if one.status == psutil.CONN_LISTEN}
    ours = {one.address for all_ in psutil.net_if_addrs().values() for one in all_ if one.family == socket.AF_INET}
    assert platform.port in listening
    launcher = SandboxLauncher(platform.settings.home)
    for key in (f"job-{training}-1", *living(platform, ends_with_platform)):
        argv = ("python3", "-c", SCAN, json.dumps([sorted(ours), sorted(listening)]))
        told = re.search(r"reached (.*?) end", asyncio.run(_said(launcher, key, argv)), re.DOTALL)
        assert told, key
        reached = {tuple(place) for place in json.loads(told[1].replace("\r\n", ""))}
        # the way to the platform, on the sandbox's own loopback, and nothing else
        assert reached == {("127.0.0.1", platform.port)}, key


ELSEWHERE = [
    ("GET", "/hub/api/users", {403}),
    ("GET", "/hub/api/proxy", {403}),
    ("POST", "/hub/api/users/u1/tokens", {403, 404}),
    ("DELETE", "/hub/api/users/u1/server", {403, 404}),
    ("GET", "/services/pages/overview", {403}),
    ("GET", "/services/trainyard/api/v1/accounts", {403}),
    ("POST", "/services/trainyard/api/v1/tokens", {403}),
    ("POST", "/services/trainyard/api/v1/workspace/stop", {403}),
]


def test_a_workspaces_token_opens_nothing_elsewhere_and_ends_with_it(platform: HubPlatform, work: Work) -> None:
    if not living(platform, ends_with_platform):
        work.person.spawn(GROUP)
    assert until(work.person.lab_answers), work.person.seen
    (key,) = living(platform, ends_with_platform)
    launcher = SandboxLauncher(platform.settings.home)
    token = asyncio.run(_said(launcher, key, ("printenv", "JUPYTERHUB_API_TOKEN"))).strip()
    client = httpx.Client(base_url=platform.address, headers={"Authorization": f"Bearer {token}"}, timeout=60)
    me = "/services/trainyard/api/v1/me"
    told = client.get(me).json()
    assert (told["restricted"], told["administrator"]) == (True, False)
    for method, path, refused in ELSEWHERE:
        answer = client.request(method, path, json={"name": "stolen"} if method == "POST" else None)
        assert answer.status_code in refused, f"{method} {path}: {answer.status_code}"
    platform.ask("POST", "/workspace/stop")
    assert until(lambda: client.get(me).status_code == 401)
    assert until(lambda: "package" in work.person.get("/hub/spawn").text)
    work.person.spawn(GROUP)
    assert until(work.person.lab_answers), work.person.seen


def test_a_jobs_token_opens_nothing_of_the_hub_or_the_pages(platform: HubPlatform, training: str) -> None:
    token = (platform.home / f"service/private/job-{training}-1/token").read_text()
    client = httpx.Client(base_url=platform.address, headers={"Authorization": f"Bearer {token}"}, timeout=60)
    assert client.get("/services/trainyard/api/v1/me").json()["restricted"] is True
    for path in ("/hub/api/user", "/hub/api/users", "/user/u1/api/status"):
        assert client.get(path).status_code == 403, path
    # a page is nobody's without a session: the browser is sent to sign in
    assert client.get("/services/pages/overview").status_code in (302, 403)


def start_again(platform: HubPlatform) -> None:
    """``make run`` anew, after Ctrl-C."""
    assert platform.interrupt() == 0
    platform.forget_what_was_said()
    platform.start()


@pytest.mark.parametrize("again", [False, True], ids=["goes on", "make run again"])
@pytest.mark.parametrize("name", [*STACK, "manager"])
def test_a_killed_process_of_the_stack_disturbs_no_work(
    platform: HubPlatform, work: Work, training: str, name: str, again: bool
) -> None:
    batch = work.formatting()
    keys = sorted([f"job-{training}-1", f"job-{batch['job']}-1"])
    before = {key: work.supervisor(key) for key in keys}
    if name == "manager":
        manager = platform.manager().process()
        assert manager is not None
        manager.kill()
        assert until(lambda: (found := platform.manager().process()) is not None and found.pid != manager.pid)
    else:
        old = platform.kill(name)
    if again:
        start_again(platform)
    elif name != "manager":
        assert until(lambda: platform.pid(name) not in (0, old))
    assert until(platform.is_well)
    assert {key: work.supervisor(key) for key in keys} == before
    assert set(living(platform, is_job)) <= set(keys)
    assert (work.job(training)["state"], work.job(training)["attempt"]) == ("running", 1)
    told = work.job(batch["job"])
    assert (told["state"], told["attempt"]) in [("running", 1), ("finished", 1)]


def test_what_was_under_way_all_the_while_is_whole(work: Work, training: str) -> None:
    for batch in work._batches:
        assert work.job(work.finished(batch)["job"])["attempt"] == 1
    log = work.platform.home.glob("volume/groups/*/admin/run/train_long_out.log")
    assert next(iter(log)).read_text().count("=== long: attempt") == 1


@pytest.mark.parametrize("again", [False, True], ids=["goes on", "make run again"])
def test_killed_jobs_and_supervisors_are_told_as_they_are(platform: HubPlatform, work: Work, again: bool) -> None:
    """Also when all of them die while the platform is away."""
    name = "second" if again else "first"
    killed, orphaned = work.train(f"{name}-program"), work.train(f"{name}-supervisor")
    alone = work.formatting()
    attempt = work.hold(alone)
    if again:
        assert platform.interrupt() == 0
    work.program(f"job-{killed}-1").kill()
    os.kill(work.supervisor(f"job-{orphaned}-1"), signal.SIGKILL)
    os.kill(work.supervisor(f"job-{alone['job']}-{attempt}"), signal.SIGKILL)
    if again:
        platform.forget_what_was_said()
        platform.start()
    for job, cause in ((killed, "signalled"), (orphaned, "supervisor-lost")):
        platform.wait_for("the truth", lambda job=job: work.job(job)["state"] not in ("running", "starting"))
        told = work.job(job)
        assert (told["state"], told["ending"]["cause"], told["attempt"]) == ("failed", cause, 1)
    done = work.finished(alone)
    assert work.job(done["job"])["attempt"] == attempt + 1


@pytest.mark.parametrize("again", [False, True], ids=["goes on", "make run again"])
def test_formatting_whose_program_was_killed_fails_and_resumes(platform: HubPlatform, work: Work, again: bool) -> None:
    batch = work.formatting()
    attempt = work.hold(batch)
    if again:
        assert platform.interrupt() == 0
    work.program(f"job-{batch['job']}-{attempt}").kill()
    if again:
        platform.forget_what_was_said()
        platform.start()
    platform.wait_for("the truth", lambda: work.batch(batch)["state"] != "running")
    assert (work.batch(batch)["state"], work.job(batch["job"])["ending"]["signal"]) == ("failed", 9)
    assert not any(one["ready"] for one in work.batch(batch)["sets"])
    platform.ask("POST", f"/batches/{batch['id']}/resume")
    work.finished(batch)


@pytest.mark.parametrize("again", [False, True], ids=["goes on", "make run again"])
@pytest.mark.parametrize("victim", ["program", "supervisor"])
def test_a_killed_workspace_is_told_and_starts_again(platform: HubPlatform, work: Work, victim: str, again: bool) -> None:
    if not living(platform, ends_with_platform):
        work.person.spawn(GROUP)
    assert until(work.person.lab_answers), work.person.seen
    (key,) = living(platform, ends_with_platform)
    process = work.program(key) if victim == "program" else psutil.Process(work.supervisor(key))
    if again:
        # Ctrl-C would end the workspace: make run and its process manager die too
        manager = platform.manager().process()
        assert manager is not None
        platform.kill_foreground()
        manager.kill()
    process.kill()
    if again:
        platform.forget_what_was_said()
        platform.start()
    platform.wait_for("the truth", lambda: platform.ask("GET", "/workspace")["state"] == "stopped")
    ending = platform.ask("GET", "/workspace")["ending"]
    assert ending["cause"] == ("signalled" if victim == "program" else "supervisor-lost")
    assert platform.ask("GET", "/usage")["used"]["workspaces"] == 0
    # the Hub looks for itself every few seconds
    assert until(lambda: work.person.get("/hub/spawn").status_code == 200 and "package" in work.person.get("/hub/spawn").text)
    work.person.spawn(GROUP)
    assert until(work.person.lab_answers), work.person.seen
    assert living(platform, ends_with_platform) != [key]


def test_a_hub_killed_while_a_workspace_starts_leaves_one_that_can_be_used(platform: HubPlatform, work: Work) -> None:
    for key in living(platform, ends_with_platform):
        SandboxLauncher(platform.settings.home).stop(key, grace=0)
    assert until(lambda: "package" in work.person.get("/hub/spawn").text)
    with ThreadPoolExecutor() as pool:
        spawning = pool.submit(work.person.spawn, GROUP)
        assert until(lambda: living(platform, ends_with_platform))
        platform.kill("hub")
        spawning.exception(200)
    assert until(platform.is_well)
    assert until(lambda: "package" in work.person.get("/hub/spawn").text)
    work.person.spawn(GROUP)
    assert until(work.person.lab_answers), work.person.seen
    assert len(living(platform, ends_with_platform)) == 1


def test_two_windows_that_start_a_workspace_at_once_start_one(platform: HubPlatform, work: Work) -> None:
    for key in living(platform, ends_with_platform):
        SandboxLauncher(platform.settings.home).stop(key, grace=0)
    assert until(lambda: "package" in work.person.get("/hub/spawn").text)
    other = Person(platform)
    other.sign_in("admin", platform.secret("administrator-password"))
    forms = [(person, person.form()) for person in (work.person, other)]
    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda one: one[0].submit(one[1], GROUP), forms))
    assert until(work.person.lab_answers), work.person.seen
    assert until(other.lab_answers), other.seen
    assert len(living(platform, ends_with_platform)) == 1
