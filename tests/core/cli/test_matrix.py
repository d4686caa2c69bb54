"""The table of ``docs/cli.md`` holds every command, every call of the SDK and every REST call, and nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from fastapi import FastAPI
from trainyard.cli.app import app
from trainyard.client import Client
from trainyard_service.api import ROUTERS

DOCUMENT = Path(__file__).parents[3] / "docs" / "cli.md"
PAGE, COMMAND, SDK, REST = 1, 2, 3, 4
WIDGETS = Path(__file__).parents[3] / "widgets" / "trainyard_widgets"
PLUMBING = {"one", "many", "send", "download", "away", "close", "root"}
CALL = re.compile(r"(GET|POST|PUT|PATCH|DELETE) (/\S+)")
FROM_A_PAGE = re.compile(r"""client\.(get|post|put|patch|delete)\(\s*f?"(/[^"]*)\"""")


@pytest.fixture(scope="module")
def rows() -> list[list[str]]:
    """The cells of the table, without its head."""
    table = DOCUMENT.read_text(encoding="utf-8").split("## Each step")[1].split("## Habits")[0]
    lines = [line for line in table.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def quoted(rows: list[list[str]], column: int) -> set[str]:
    return {text for row in rows for text in re.findall(r"`([^`]+)`", row[column])}


def commands(command: Any, before: str = "") -> Iterator[str]:
    for name, child in getattr(command, "commands", {}).items():
        if not child.hidden:
            below = list(commands(child, f"{before}{name} "))
            yield from below or [f"{before}{name}"]


def test_every_command_is_in_the_table(rows: list[list[str]]) -> None:
    assert quoted(rows, COMMAND) == set(commands(typer.main.get_command(app)))


def test_every_call_of_the_sdk_is_in_the_table(rows: list[list[str]]) -> None:
    calls = {name for name in dir(Client) if not name.startswith("_")} - PLUMBING
    assert calls - quoted(rows, SDK) == set()
    assert {text for text in quoted(rows, SDK) if text.isidentifier()} - calls == set()


def test_every_rest_call_is_in_the_table(rows: list[list[str]]) -> None:
    service = FastAPI()
    for router in ROUTERS:
        service.include_router(router)
    offered = {
        f"{method.upper()} {re.sub(r'{[^}]+}', '{}', path)}"
        for path, methods in service.openapi()["paths"].items()
        for method in methods
        if not path.startswith("/internal/")
    }
    told = {" ".join(found).rstrip(",") for row in rows for found in CALL.findall(row[REST].replace("`", " "))} - {
        "POST /hub/signup"
    }
    assert (offered - told, told - offered) == (set(), set())


def test_what_a_page_calls_stands_in_a_row_that_names_a_page(rows: list[list[str]]) -> None:
    called = {
        f"{method.upper()} {re.sub(r'{[^}]+}', '{}', path)}"
        for source in WIDGETS.glob("*.py")
        for method, path in FROM_A_PAGE.findall(source.read_text(encoding="utf-8"))
    }
    without = {
        " ".join(found).rstrip(",") for row in rows if row[PAGE] == "–" for found in CALL.findall(row[REST].replace("`", " "))
    }
    assert "PUT /datasets/{}/public" in called
    assert called & without == set()
