"""``trainyard doctor``: a sentence for each thing a machine offers or lacks, the next step, and an exit code."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from trainyard.errors import Conflict
from trainyard_spawner import cgroups, doctor, gpus, network, permission
from trainyard_spawner.doctor import Finding, collect

TOPICS = ["user", "sandbox", "limits", "network", "names", "fuse", "gpu", "disk"]


@pytest.fixture
def on(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Pretend that this machine is another one."""
    return monkeypatch.setattr


def refuse(error: Exception) -> Callable[..., Any]:
    def refusing(*_: object, **__: object) -> None:
        raise error

    return refusing


def test_this_machine_is_told_topic_by_topic_in_both_languages() -> None:
    found = collect()
    assert [one.topic for one in found] == TOPICS
    assert [one.topic for one in found if one.state not in doctor.SIGNS] == []
    assert [one.topic for one in found if "{" in one.text("en") + one.step("en")] == []
    assert [one.topic for one in found if one.text("zh") == one.text("en")] == []


def test_this_machine_runs_the_platform() -> None:
    assert [one.text("en") for one in collect() if one.state == "bad"] == []


def test_programs_get_the_same_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    code = doctor.main(["--json"])
    told = json.loads(capsys.readouterr().out)
    assert (code, [one["topic"] for one in told]) == (0, TOPICS)
    assert {tuple(sorted(one)) for one in told} == {("means", "next_step", "state", "topic", "values")}


def test_people_get_a_sign_a_sentence_and_the_next_step(on: Callable[..., None], capsys: pytest.CaptureFixture[str]) -> None:
    on(doctor, "collect", lambda: [Finding("disk", "note", "{free} GiB.", "Buy {free} more.", (("free", 3),))])
    assert doctor.main([]) == 0
    assert capsys.readouterr().out.splitlines() == ["· disk     3 GiB.", "           → Buy 3 more."]


def test_what_does_not_work_is_exit_code_1(on: Callable[..., None]) -> None:
    on(
        doctor,
        "check_sandbox",
        refuse(Conflict("sandbox-forbidden", "No: {reason}", hint="Run {command}", reason="x", command="y")),
    )
    found = doctor.sandboxes()
    assert (found.state, found.text("en"), found.step("en"), doctor.main(["--json"])) == ("bad", "No: x", "Run y", 1)


def test_ubuntus_apparmor_is_answered_with_the_administrators_command(on: Callable[..., None], tmp_path: Path) -> None:
    rule = tmp_path / "apparmor"
    rule.write_text("1\n")
    on(permission, "APPARMOR", rule)
    on(permission, "bwrap_path", lambda: "/usr/bin/false")
    found = doctor.sandboxes()
    assert (found.state, "AppArmor" in found.text("en"), "apparmor_parser -r" in found.step("en")) == ("bad", True, True)


@pytest.mark.parametrize(("euid", "state"), [(0, "good"), (1000, "note")])
def test_root_or_not_is_told_with_what_it_leaves_open(on: Callable[..., None], euid: int, state: str) -> None:
    on(os, "geteuid", lambda: euid)
    found = doctor.user()
    assert (found.state, bool(found.next_step)) == (state, state == "note")


def test_limits_without_control_groups_say_what_is_done_instead(on: Callable[..., None]) -> None:
    on(cgroups, "find_parent", lambda _: None)
    assert (doctor.limits().state, "summed each second" in doctor.limits().text("en")) == ("note", True)


def test_controllers_that_are_missing_are_named(on: Callable[..., None]) -> None:
    parent = cgroups.Parent("v2", dict.fromkeys(["memory"], Path("/")))
    on(cgroups, "find_parent", lambda _: parent)
    assert "v2" in doctor.limits().text("en")
    assert "pids" in doctor.limits().text("en")


@pytest.mark.root
def test_a_kernel_that_refuses_networks_is_quoted(on: Callable[..., None]) -> None:
    on(network, "install", refuse(network.NoNetwork("no veth")))
    assert (doctor.networks().state, "no veth" in doctor.networks().text("en")) == ("note", True)


def test_resolvers_on_loopback_help_no_sandbox(on: Callable[..., None], tmp_path: Path) -> None:
    resolver = tmp_path / "resolv.conf"
    resolver.write_text("nameserver 127.0.0.53\n")
    on(doctor, "RESOLVERS", (resolver,))
    on(os, "geteuid", lambda: 0)
    assert doctor.names().state == "note"


def test_cards_are_named_with_their_memory(on: Callable[..., None]) -> None:
    on(gpus, "find", lambda: (type("Card", (), {"name": "H200", "memory": 141 << 30})(),))
    assert doctor.graphics().text("en") == "GPUs, given out whole: H200 (141 GiB)."


def test_a_full_disk_is_what_does_not_work(on: Callable[..., None]) -> None:
    on(doctor, "LEAST_DISK", 1 << 60)
    found = doctor.disk()
    assert (found.state, "is full" in found.text("en"), "trainyard disk" in found.step("en")) == ("bad", True, True)


def test_a_small_disk_is_a_note_with_a_way_out(on: Callable[..., None]) -> None:
    on(doctor, "ENOUGH_DISK", 1 << 60)
    assert (doctor.disk().state, "TRAINYARD_HOME" in doctor.disk().step("en")) == ("note", True)


@pytest.mark.root
@pytest.mark.rootless
def test_an_ordinary_user_is_told_what_their_platform_leaves_open() -> None:
    with tempfile.TemporaryDirectory(prefix="trainyard-doctor-") as folder:
        os.chmod(folder, 0o777)  # noqa: PTH101
        env = {"PATH": os.environ["PATH"], "HOME": folder, "LANG": "zh_CN.UTF-8", "TRAINYARD_HOME": f"{folder}/home"}
        become = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]
        ran = subprocess.run(
            [*become, sys.executable, "-m", "trainyard.cli", "doctor", "--json"],
            env=env, cwd=folder, capture_output=True, timeout=240, check=False,
        )  # fmt: skip
    told = {one["topic"]: one for one in json.loads(ran.stdout)}
    assert (told["user"]["state"], told["network"]["state"], "普通用户" in told["user"]["means"]) == ("note", "note", True)
    assert ran.returncode == int(told["sandbox"]["state"] == "bad")
