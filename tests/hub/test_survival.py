"""Any process of the stack may be killed at any time; the platform heals, workspaces stay, Ctrl-C ends them."""

from __future__ import annotations

import re
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import httpx
import psutil
import pytest
from trainyard_hub.stack.launches import ends_with_platform, is_job
from trainyard_spawner.sandbox_launcher import SandboxLauncher
from websockets.sync.client import connect

from tests.hub.running import HubPlatform, Person, until

pytestmark = pytest.mark.slow


def living(platform: HubPlatform, wanted: Callable[[str], bool]) -> list[str]:
    states = SandboxLauncher(platform.settings.home).states()
    return [state.key for state in states if state.phase != "ended" and wanted(state.key)]


def workspaces(platform: HubPlatform) -> list[str]:
    return living(platform, ends_with_platform)


def plant(platform: HubPlatform) -> Path:
    """Lay what would be run in a person's name into their folder on the share; the file it would write."""
    folder = platform.home / "volume/groups/1/admin"
    code = "open('/workspace/mnt/group/vision/admin/was-run', 'w')"
    for name in ("voila.py", "jupyter_server_config.py", "jupyterhub.py", "trainyard.py", "sitecustomize.py"):
        (folder / name).write_text(code)
    return folder / "was-run"


@pytest.fixture(scope="module")
def admin(platform: HubPlatform) -> Person:
    platform.have_group("vision")
    person = Person(platform)
    assert person.sign_in("admin", platform.secret("administrator-password")).status_code == 200
    have_workspace(platform, person)
    return person


def have_workspace(platform: HubPlatform, person: Person) -> None:
    """One that answers, started where there is none."""
    if not workspaces(platform):
        person.spawn("vision")
    assert until(person.lab_answers), f"{person.seen} {platform.said()}"


@pytest.fixture(scope="module")
def job(platform: HubPlatform, admin: Person) -> str:
    """A training that runs until somebody ends it."""
    group = platform.ask("GET", "/groups/vision")["id"]
    script = platform.home / f"volume/groups/{group}/admin/wait.sh"
    script.write_text("#!/bin/sh\nwhile sleep 1; do echo still here; done\n")
    script.chmod(0o775)
    new = {"name": "long", "group": "vision", "image": "workspace", "package": "1Core2G"}
    begun = platform.ask("GET", "/trainings", search="long")["items"]
    made = (
        begun[0] if begun else platform.ask("POST", "/trainings", {**new, "entry": "/workspace/mnt/group/vision/admin/wait.sh"})
    )
    number: str = made["job"]["id"]
    platform.wait_for("the training", lambda: platform.ask("GET", f"/jobs/{number}")["state"] == "running")
    return number


def test_first_start_tells_address_and_password(platform: HubPlatform) -> None:
    assert f"ready: {platform.address}" in platform.said()
    assert platform.secret("administrator-password") in platform.said()


def test_secrets_are_for_the_owner_only(platform: HubPlatform) -> None:
    secrets = platform.home / "secrets"
    assert secrets.stat().st_mode & 0o777 == 0o700
    assert [path for path in secrets.iterdir() if path.is_file() and path.stat().st_mode & 0o077] == []


def test_no_secret_is_in_an_argument_list(platform: HubPlatform) -> None:
    values = [path.read_text().strip() for path in (platform.home / "secrets").iterdir() if path.is_file()]
    lines = []
    for process in psutil.process_iter():
        try:
            lines.append(" ".join(process.cmdline()))
        except psutil.Error:
            continue
    assert [line for line in lines if any(value in line for value in values if value)] == []


def test_workspace_answers(admin: Person, platform: HubPlatform) -> None:
    assert len(workspaces(platform)) == 1


def test_jupyterlab_is_fetched_once_for_everybody(admin: Person, platform: HubPlatform) -> None:
    page = admin.get("/user/u1/lab").text
    (address,) = re.findall(r'src="(/hub/lab/workspace/[^"]+/main\.[^"]+)"', page)
    answer = httpx.get(platform.address + address, timeout=60)
    assert (answer.status_code, "immutable" in answer.headers["Cache-Control"]) == (200, True)
    assert httpx.get(platform.address + address.replace("main.", "mine."), timeout=60).status_code == 404


@pytest.mark.survival
@pytest.mark.parametrize("name", ["proxy", "hub", "service", "pages", "store"])
def test_killed_process_comes_back(platform: HubPlatform, admin: Person, name: str) -> None:
    before = workspaces(platform)
    old = platform.kill(name)
    assert until(lambda: platform.pid(name) not in (0, old))
    assert until(platform.is_well)
    assert until(admin.lab_answers), admin.seen
    assert workspaces(platform) == before


def test_workspace_answers_while_the_hub_is_away(platform: HubPlatform, admin: Person) -> None:
    platform.manager().command("stopProcess", "hub")
    try:
        # the workspace trusts its own cookie for a while, so that work goes on
        assert until(admin.lab_answers), admin.seen
    finally:
        platform.manager().command("startProcess", "hub")
        assert until(platform.is_well)


@pytest.mark.survival
def test_killed_manager_is_replaced(platform: HubPlatform, admin: Person) -> None:
    manager = platform.manager().process()
    assert manager is not None
    before = workspaces(platform)
    manager.kill()
    assert until(lambda: (found := platform.manager().process()) is not None and found.pid != manager.pid)
    assert until(platform.is_well)
    assert until(admin.lab_answers), admin.seen
    assert workspaces(platform) == before


def test_second_foreground_is_told_about_the_first(platform: HubPlatform) -> None:
    second = subprocess.run(
        [sys.executable, "-m", "trainyard_hub.stack", "run"],
        env=platform.environment,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert second.returncode == 1
    assert f"already running for {platform.home}" in second.stderr


@pytest.mark.survival
def test_killed_foreground_is_taken_over(platform: HubPlatform, admin: Person) -> None:
    before, hub = workspaces(platform), platform.pid("hub")
    platform.kill_foreground()
    platform.forget_what_was_said()
    platform.start()
    assert platform.pid("hub") == hub
    assert until(admin.lab_answers), admin.seen
    assert workspaces(platform) == before


@pytest.mark.survival
def test_foreground_and_manager_killed_together_start_anew(platform: HubPlatform, admin: Person) -> None:
    before = workspaces(platform)
    manager = platform.manager().process()
    assert manager is not None
    platform.kill_foreground()
    manager.kill()
    platform.forget_what_was_said()
    platform.start()
    assert until(admin.lab_answers), admin.seen
    assert workspaces(platform) == before


def test_ctrl_c_ends_platform_and_workspaces(platform: HubPlatform, admin: Person, job: str) -> None:
    platform.be_up()
    have_workspace(platform, admin)
    assert len(workspaces(platform)) == 1
    assert platform.interrupt() == 0
    assert workspaces(platform) == []
    assert platform.manager().process() is None
    assert not platform.is_well()


def test_a_running_job_outlives_ctrl_c(platform: HubPlatform, job: str) -> None:
    assert living(platform, is_job) == [f"job-{job}-1"]


def test_second_start_tells_no_password(platform: HubPlatform, tmp_path_factory: pytest.TempPathFactory) -> None:
    platform.interrupt()
    platform.forget_what_was_said()
    platform.change_to_tls(tmp_path_factory.mktemp("tls"))
    platform.start()
    assert platform.secret("administrator-password") not in platform.said()
    assert platform.is_well()


def test_a_running_job_is_adopted(platform: HubPlatform, job: str) -> None:
    seen = platform.ask("GET", f"/jobs/{job}")
    assert (seen["state"], seen["attempt"]) == ("running", 1)
    assert living(platform, is_job) == [f"job-{job}-1"]


def test_behind_tls_a_workspace_and_the_pages_work(platform: HubPlatform) -> None:
    person = Person(platform)
    # the workspace asks the Hub who comes, over the plain entrance inside the machine
    assert person.sign_in("admin", platform.secret("administrator-password")).url.path == "/services/pages/overview"
    planted = plant(platform)
    have_workspace(platform, person)
    assert not planted.exists()
    assert platform.settings.home.address.read_text() == f"http://127.0.0.1:{platform.port + 2}\n"


def test_behind_tls_a_log_is_followed(platform: HubPlatform, job: str) -> None:
    address = platform.address.replace("https", "wss")
    headers = {"Authorization": f"Bearer {platform.secret('administrator-token')}"}
    follow = f"{address}/services/trainyard/api/v1/jobs/{job}/log/follow"
    with connect(follow, ssl=platform.trust, additional_headers=headers, open_timeout=60) as socket:
        assert b"still here" in socket.recv(120)


def test_without_tls_the_public_port_gives_nothing(platform: HubPlatform) -> None:
    with pytest.raises(httpx.HTTPError):
        httpx.get(f"http://127.0.0.1:{platform.port}/hub/login", timeout=60).raise_for_status()


def test_stop_with_jobs_ends_them_too(platform: HubPlatform, job: str) -> None:
    assert platform.end("--jobs") == 0
    assert living(platform, lambda _: True) == []
    assert platform.manager().process() is None
    with sqlite3.connect(platform.home / "service/service.db") as database:
        assert database.execute("SELECT state FROM jobs WHERE id = ?", [job]).fetchone() == ("stopped",)
