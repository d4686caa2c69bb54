"""The tutorials that ship in the workspace run from top to bottom, and their numbers are those they speak of."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import matplotlib
import pytest

TUTORIALS = Path(__file__).parents[2] / "images/workspace/examples"


def what_is_left_by(notebook: str) -> dict[str, Any]:
    """The names its cells leave behind."""
    matplotlib.use("Agg")
    names: dict[str, Any] = {}
    for cell in json.loads((TUTORIALS / notebook).read_text())["cells"]:
        if cell["cell_type"] == "code":
            exec(compile("".join(cell["source"]), cell["id"], "exec"), names)
    return names


@pytest.fixture(scope="module")
def left() -> dict[str, Any]:
    return what_is_left_by("datasets.ipynb")


@pytest.fixture(scope="module")
def trained() -> dict[str, Any]:
    return what_is_left_by("training.ipynb")


def test_the_two_wrong_lines_are_found(left: dict[str, Any]) -> None:
    assert [problem.line for problem in left["statistics"].problems] == [26]
    assert [(one.line, one.code) for one in left["found"].problems] == [(25, "picture-missing")]


def test_all_six_formats_are_written_and_hold_the_same(left: dict[str, Any]) -> None:
    assert len(left["read"]) == 6
    assert len(left["batch"].sets) == 12


def test_the_graph_doubles_one_class_and_keeps_the_rest(left: dict[str, Any]) -> None:
    part = next(one for one in left["made"].label_sets if one.name == "part")
    assert {name: count.images for name, count in part.classes.items()} == {"face": 24, "uniform": 13}


def test_the_training_is_stopped_with_a_snapshot_and_goes_on_in_the_same_run(trained: dict[str, Any]) -> None:
    assert (trained["stopped"].exit_code, trained["finished"].exit_code) == (0, 0)
    assert "goes on at epoch" in trained["finished"].log.read_text()


def test_the_training_learns_its_set(trained: dict[str, Any]) -> None:
    assert trained["table"].last("accuracy/validation") > 0.9


def test_what_a_program_prints_becomes_a_curve(trained: dict[str, Any]) -> None:
    assert list(trained["printed"].runs.glob("*/logs/events*"))


@pytest.mark.parametrize("notebook", ["datasets.ipynb", "training.ipynb"])
def test_it_is_kept_without_outputs(notebook: str) -> None:
    cells = json.loads((TUTORIALS / notebook).read_text())["cells"]
    assert not any(cell.get("outputs") or cell.get("execution_count") for cell in cells)
