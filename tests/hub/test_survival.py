"""Any process of the stack may be killed at any time; the platform heals, workspaces stay, Ctrl-C ends them."""

from __future__ import annotations

import subprocess
import sys

import psutil
import pytest
from trainyard_hub.stack.launches import is_workspace
from trainyard_spawner.sandbox_launcher import SandboxLauncher

from tests.hub.running import HubPlatform, Person, until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]


def workspaces(platform: HubPlatform) -> list[str]:
    states = SandboxLauncher(platform.settings.home).states()
    return [state.key for state in states if state.phase != "ended" and is_workspace(state.key)]


@pytest.fixture(scope="module")
def admin(platform: HubPlatform) -> Person:
    platform.ask("POST", "/groups", {"name": "vision"})
    platform.ask("PUT", "/groups/vision/members/1", {})
    person = Person(platform)
    assert person.sign_in("admin", platform.secret("administrator-password")).status_code == 200
    person.spawn("vision")
    assert until(person.lab_answers), platform.said()
    return person


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
        assert until(admin.lab_answers, 5), admin.seen
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
        timeout=60,
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


def test_ctrl_c_ends_platform_and_workspaces(platform: HubPlatform, admin: Person) -> None:
    assert len(workspaces(platform)) == 1
    assert platform.interrupt() == 0
    assert workspaces(platform) == []
    assert platform.manager().process() is None
    assert not platform.is_well()


def test_second_start_tells_no_password(platform: HubPlatform) -> None:
    platform.forget_what_was_said()
    platform.start()
    assert platform.secret("administrator-password") not in platform.said()
    assert platform.is_well()
