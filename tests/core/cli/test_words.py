"""The help of every command, every heading and every state is there in Chinese."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer
from trainyard import cli
from trainyard.cli.app import app
from trainyard.jobs.states import JobState
from trainyard.records.accounts import AccountState
from trainyard.records.datasets import DatasetState
from trainyard.records.jobs import JobKind
from trainyard.records.searches import Direction, SearchState, TrialState
from trainyard.records.trainings import InstanceState, ModelKind
from trainyard.words import messages

SOURCES = sorted(Path(cli.__file__).parent.glob("*.py"))
STATES = (JobState, AccountState, DatasetState, JobKind, InstanceState, ModelKind, SearchState, TrialState, Direction)


def helps(command: Any) -> Iterator[str]:
    yield command.help or ""
    yield from (getattr(parameter, "help", None) or "" for parameter in command.params)
    for child in getattr(command, "commands", {}).values():
        yield from helps(child)


def headings() -> Iterator[str]:
    for node in (node for path in SOURCES for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("as_table", "as_fields"):
            yield from (name for name in _names(node.args[0]) if name)


def _names(argument: ast.expr) -> Iterator[str]:
    """The columns of a table, or the first of each field's pair."""
    for element in getattr(argument, "elts", []):
        first = element.elts[0] if isinstance(element, ast.Tuple) else element
        if isinstance(first, ast.Constant):
            yield str(first.value)


def test_all_help_is_in_chinese() -> None:
    known = messages("trainyard", "zh")
    assert sorted({text for text in helps(typer.main.get_command(app)) if text and text not in known}) == []


def test_all_headings_and_states_are_in_chinese() -> None:
    known = messages("trainyard", "zh")
    words = {*headings(), *(state.value for kind in STATES for state in kind)}
    assert sorted(word for word in words if word not in known) == []


def test_every_command_and_option_says_what_it_is() -> None:
    def nameless(command: Any, path: str) -> Iterator[str]:
        if not command.help:
            yield path
        yield from (
            f"{path} {parameter.name}"
            for parameter in command.params
            if parameter.param_type_name == "option" and not getattr(parameter, "help", None)
        )
        for name, child in getattr(command, "commands", {}).items():
            yield from nameless(child, f"{path} {name}")

    assert list(nameless(typer.main.get_command(app), "trainyard")) == []
