"""The rooms keep to themselves: who may import whom, and how later parts of core build on earlier ones."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOMS = {
    "trainyard": ROOT / "core",
    "trainyard_service": ROOT / "extensions",
    "trainyard_pages": ROOT / "extensions",
    "trainyard_server": ROOT / "extensions",
    "trainyard_spawner": ROOT / "spawner",
    "trainyard_widgets": ROOT / "widgets",
    "trainyard_hub": ROOT / "hub_config",
}
MAY_ALSO_IMPORT = {"trainyard_hub": {"trainyard_spawner"}}
CORE_ORDER = ("records", "datasets", "graph", "formats", "jobs", "metrics", "training", "models")


def modules(package: str) -> Iterator[Path]:
    return (path for path in (ROOMS[package] / package).rglob("*.py") if "node_modules" not in path.parts)


def imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names.add(node.module)
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return names


@pytest.mark.parametrize("package", ROOMS)
def test_a_room_imports_only_core_and_itself(package: str) -> None:
    allowed = {"trainyard", package} | MAY_ALSO_IMPORT.get(package, set())
    wrong = {
        f"{path.relative_to(ROOT)}: {name}"
        for path in modules(package)
        for name in imported(path)
        if name.split(".")[0] in ROOMS and name.split(".")[0] not in allowed
    }
    assert not wrong


@pytest.mark.parametrize("part", CORE_ORDER[1:])
def test_a_part_of_core_imports_no_later_part(part: str) -> None:
    # records name the states of jobs, which is a leaf module without imports of ours
    later = CORE_ORDER[CORE_ORDER.index(part) + 1 :]
    wrong = {
        f"{path.relative_to(ROOT)}: {name}"
        for path in (ROOMS["trainyard"] / "trainyard" / part).rglob("*.py")
        for name in imported(path)
        for other in later
        if name.startswith(f"trainyard.{other}") and name != "trainyard.jobs.states"
    }
    assert not wrong


def test_every_module_begins_with_a_sentence() -> None:
    silent = [
        str(path.relative_to(ROOT))
        for package in ROOMS
        for path in modules(package)
        if "migrations/versions" not in str(path) and not ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    ]
    assert not silent
