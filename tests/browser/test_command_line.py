"""A newcomer who prefers the terminal, on the whole platform: applies, gets a token from the page, and works from outside."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from tests.core.cli.running import PROGRAM, environment

from .conftest import GROUP, People
from .running import RunningPlatform
from .visitor import PASSWORD, Visitor

NAME = "Tess 终端"
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def trainyard(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """``trainyard(*arguments, typed="", **environment)`` in a shell with a folder of its own."""
    place = tmp_path_factory.mktemp("shell")

    def run(*arguments: str, typed: str = "", **more: str) -> subprocess.CompletedProcess[str]:
        env = environment(XDG_CONFIG_HOME=str(place / "config"), **more)
        command = [*PROGRAM, *arguments]
        return subprocess.run(
            command, env=env, cwd=place, input=typed, capture_output=True, text=True, timeout=400, check=False
        )

    return run


@pytest.fixture(scope="module")
def as_administrator(trainyard: Run, platform: RunningPlatform) -> Run:
    """The same on the platform's own machine, as its administrator."""
    return lambda *arguments, **more: trainyard(*arguments, TRAINYARD_HOME=str(platform.home), **more)


@pytest.fixture(scope="module")
def tess(trainyard: Run, as_administrator: Run, platform: RunningPlatform, chromium: Browser, people: People) -> Iterator[Run]:
    """The commands of somebody who applied, was approved and signed in by terminal; her token is from the account page."""
    applied = trainyard("apply", platform.address, NAME, "--reason", "I like terminals", typed=f"{PASSWORD}\n")
    assert applied.returncode == 0, applied.stderr
    assert as_administrator("accounts", "approve", NAME, "--group", GROUP).returncode == 0
    visitor = Visitor(chromium, platform.address, NAME)
    visitor.sign_in()
    page = visitor.open("account?tab=tokens")
    page.get_by_role("button", name="New token").first.click()
    page.locator("dialog [name=name]").fill("terminal")
    page.get_by_role("button", name="Make token").click()
    secret = page.locator(".ty-secret code")
    expect(secret).to_be_visible()
    signed_in = trainyard("login", platform.address, typed=f"{secret.inner_text()}\n")
    assert signed_in.returncode == 0, signed_in.stderr
    visitor.context.close()
    yield trainyard


def answer(ran: subprocess.CompletedProcess[str]) -> Any:
    """The one JSON document of a command that worked."""
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)


def test_an_application_against_the_rules_is_refused_with_its_field(trainyard: Run, platform: RunningPlatform) -> None:
    ran = trainyard("apply", platform.address, "a/b", "--json", typed=f"{PASSWORD}\n")
    error = json.loads(ran.stderr)["error"]
    assert (ran.returncode, error["code"], error["field"]) == (1, "name-character", "name")


def test_who_signed_in_by_terminal_is_who_they_are(tess: Run) -> None:
    me = answer(tess("whoami", "--json"))
    assert (me["name"], [group["name"] for group in me["groups"]], me["administrator"]) == (NAME, [GROUP], False)
    assert [one["name"] for one in answer(tess("tokens", "list", "--json"))] == ["terminal"]


def test_a_workspace_is_started_renewed_and_stopped(tess: Run) -> None:
    started = answer(tess("workspace", "start", "--group", GROUP, "--wait", "--json"))
    assert started["state"] == "running"
    assert answer(tess("workspace", "renew", "--json"))["ends"] >= started["ends"]
    assert "http://127.0.0.1" in tess("workspace", "status").stdout
    assert answer(tess("workspace", "stop", "--wait", "--json"))["state"] == "stopped"


def test_a_bucket_is_bound_filled_and_becomes_a_dataset(tess: Run, tmp_path: Path) -> None:
    bucket = answer(tess("storage", "bind", "--json"))["bucket"]
    file = tmp_path / "列表 list.jsonl"
    label = {"name": "kind", "type": "classification", "version": "1", "data": [{"class": "猫"}]}
    lines = [{"url": f"s3://{bucket}/pictures/{number}.png", "type": "image", "label": [label]} for number in range(2)]
    file.write_text("\n".join(json.dumps(line, ensure_ascii=False) for line in lines))
    assert tess("bucket", "put", str(file), "lists/").returncode == 0
    assert tess("bucket", "mv", "lists/列表 list.jsonl", "lists/two.jsonl").returncode == 0
    assert [one["key"] for one in answer(tess("bucket", "ls", "lists/", "--json"))] == ["lists/two.jsonl"]
    assert tess("bucket", "get", "lists/two.jsonl", str(tmp_path / "back")).returncode == 0
    assert (tmp_path / "back").read_bytes() == file.read_bytes()
    made = answer(tess("datasets", "create", "two", "--bucket-key", "lists/two.jsonl", "--json"))
    assert (made["state"], made["images"]) == ("ready", 2)
    assert tess("datasets", "delete", "two").returncode == 0
    assert tess("bucket", "rm", "lists/").returncode == 0


def test_the_demo_trains_a_model_worth_having(as_administrator: Run, digits: str, tmp_path: Path) -> None:
    model = tmp_path / "model.tar.gz"
    told = answer(as_administrator("demo", "--keep", str(model), "--json"))
    assert told["accuracy"] >= 0.96
    assert model.stat().st_size > 0


def test_a_blocked_person_is_out_at_once(tess: Run, as_administrator: Run) -> None:
    assert as_administrator("accounts", "block", NAME).returncode == 0
    ran = tess("datasets", "list")
    assert (ran.returncode, ran.stdout, "Traceback" in ran.stderr) == (1, "", False)
