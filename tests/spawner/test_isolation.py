"""What a program in a sandbox cannot see or do, and what happens when its supervisor is killed."""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from trainyard.jobs.launch import Identity, LaunchSpec
from trainyard.jobs.states import Cause
from trainyard_spawner import files, memory
from trainyard_spawner.sandbox_launcher import SandboxLauncher

from tests.contracts.launcher import run, says, wait_for

Make = Callable[..., LaunchSpec]
BOB = Identity(name="bob", uid=20002, gid=20002, groups=(30001,))


def told(launcher: SandboxLauncher, spec: LaunchSpec) -> list[str]:
    """The lines a launch wrote."""
    run(launcher, spec)
    assert spec.output is not None
    return spec.output.read_text().splitlines()


def test_nothing_of_the_platforms_environment_goes_in(
    launcher: SandboxLauncher, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JUPYTERHUB_API_TOKEN", "of-somebody-else")
    names = {line.partition("=")[0] for line in told(launcher, make("env", environment={"MINE": "1"}))}
    assert names <= {
        *("MINE", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "VIRTUAL_ENV", "OMP_NUM_THREADS"),
        *("PYTHONDONTWRITEBYTECODE", "PATH", "PWD", "SHLVL", "_"),
    }


def test_the_state_folder_and_the_machines_users_are_not_there(launcher: SandboxLauncher, make: Make) -> None:
    places = f"{launcher.home.root} /root /home /var /etc/shadow /opt/trainyard/trainyard_service"
    assert told(launcher, make(f"ls -d {places} 2>/dev/null; cut -d: -f1 /etc/passwd")) == ["root", "alice", "nobody"]


def test_only_own_processes_are_seen(launcher: SandboxLauncher, make: Make) -> None:
    launcher.start(make("sleep 60", key="other", output=launcher.home.group_share(1) / "other.log"))
    wait_for(launcher, "other", "running")
    assert "sleep" not in " ".join(told(launcher, make("cat /proc/[0-9]*/comm")))


def test_the_first_process_cannot_be_read(launcher: SandboxLauncher, make: Make) -> None:
    lines = told(launcher, make("cat /proc/1/environ /proc/1/mem >/dev/null 2>&1 || echo refused; ls /proc/1/fd 2>/dev/null"))
    assert lines == ["refused"]


def test_nothing_gives_more_rights(launcher: SandboxLauncher, make: Make) -> None:
    lines = told(launcher, make("grep -E '^(NoNewPrivs|CapEff|CapPrm|CapInh)' /proc/self/status | tr -d '\\t'"))
    assert lines == ["CapInh:0000000000000000", "CapPrm:0000000000000000", "CapEff:0000000000000000", "NoNewPrivs:1"]


def test_system_and_image_cannot_be_written(launcher: SandboxLauncher, make: Make) -> None:
    command = "for d in / /usr /etc /opt/image /opt /workspace; do touch $d/x 2>/dev/null && echo $d; done; echo end"
    assert told(launcher, make(command)) == ["end"]


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives each person a user id")
def test_a_token_is_read_by_its_person_only(launcher: SandboxLauncher, make: Make) -> None:
    command = "cat /run/trainyard/token; stat -c %a /run/trainyard/token; id -u"
    files_inside = {Path("/run/trainyard/token"): "tyj_secret\n"}
    spec = make(command, files=files_inside, identity=BOB, output=launcher.home.launches / "bob.log")
    assert told(launcher, spec) == ["tyj_secret", "400", "20002"]


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="as an ordinary user the network is the machine's")
def test_a_port_of_another_sandbox_of_the_same_person_is_not_ours(launcher: SandboxLauncher, make: Make) -> None:
    serve = "python -m http.server 8123 --bind 127.0.0.1"
    launcher.start(make(f"echo up; {serve}", key="serves", output=launcher.home.group_share(1) / "serves.log"))
    says(launcher.home.group_share(1) / "serves.log", "up")
    assert told(launcher, make("(echo > /dev/tcp/127.0.0.1/8123) 2>/dev/null || echo refused")) == ["refused"]


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="an ordinary user's platform has no such port itself")
def test_a_platform_at_a_port_that_is_not_for_everybody_is_reached(launcher: SandboxLauncher, make: Make) -> None:
    with socket.create_server(("127.0.0.1", 0)) as platform:
        launcher.home.address.parent.mkdir(parents=True, exist_ok=True)
        launcher.home.address.write_text(f"http://127.0.0.1:{platform.getsockname()[1]}")
        launcher.start(make("exec 3<>/dev/tcp/127.0.0.1/443; echo hello >&3; cat <&3", platform_port=443))
        platform.settimeout(120)
        with platform.accept()[0] as program:
            assert program.recv(5) == b"hello"
    assert wait_for(launcher, "launch", "ended").exit_code == 0


def test_a_killed_supervisor_takes_the_program_along_and_says_so(launcher: SandboxLauncher, make: Make) -> None:
    launcher.start(make("echo ready; sleep 600 & sleep 600"))
    wait_for(launcher, "launch", "running")
    status = files.read_json(launcher.home.launches / "launch" / "status.json")
    assert status is not None
    everything = memory.tree(status["sandbox"]["pid"])
    os.kill(status["pid"], signal.SIGKILL)
    ended = wait_for(launcher, "launch", "ended")
    assert ended.cause is Cause.SUPERVISOR_LOST
    deadline = time.monotonic() + 120
    while any(memory.start_time(pid) for pid in everything):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_another_launcher_finds_what_runs_and_ends_it(launcher: SandboxLauncher, make: Make) -> None:
    launcher.start(make("sleep 600"))
    wait_for(launcher, "launch", "running")
    successor = SandboxLauncher(launcher.home, networks="none" if os.geteuid() == 0 else "shared")
    successor.remove_leftovers()
    assert [state.phase for state in successor.states()] == ["running"]
    successor.stop("launch", grace=0)
    assert wait_for(successor, "launch", "ended").cause is Cause.STOPPED


def test_a_stop_while_it_starts_is_not_lost(launcher: SandboxLauncher, make: Make) -> None:
    launcher.start(make("sleep 600"))
    launcher.stop("launch", grace=0)
    assert wait_for(launcher, "launch", "ended").cause is Cause.STOPPED
