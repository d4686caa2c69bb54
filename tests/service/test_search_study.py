"""What Optuna is asked, from rows alone: the same rows give the same answer, whoever asks and however often."""

from __future__ import annotations

from typing import Any

import pytest
from trainyard.errors import Invalid
from trainyard.records.searches import NewSearch, TrialState, with_values
from trainyard_service.database.tables.searches import TrialRow
from trainyard_service.searches import checks, study

TRAINING = {"name": "t", "group": "vision", "image": "workspace", "package": "1Core2G", "entry": "x"}
LR, LAYERS, KIND = {"kind": "float", "low": 1e-4, "high": 1, "log": True}, {"kind": "int", "low": 1, "high": 4}, ["sgd", "adam"]
MANY = {"kind": "int", "low": 1, "high": 200}
SPACE = {"optimizer.lr": LR, "layers": LAYERS, "optimizer.kind": {"kind": "choice", "values": KIND}}


def asked(space: Any = SPACE, **more: Any) -> NewSearch:
    objective = {"tag": "loss/validation", "direction": "minimize"}
    return NewSearch.model_validate({"training": TRAINING, "space": space, "objective": objective, **more})


def ended(number: int, proposal: study.Proposal, value: float | None, state: TrialState = TrialState.COMPLETE) -> TrialRow:
    row = TrialRow(search_id="s", number=number, state=state, parameters=proposal.parameters, memory=proposal.memory)
    row.value, row.rungs = value, []
    return row


def searched(new: NewSearch, count: int) -> list[TrialRow]:
    """Trials one after the other, whose loss is the distance of the learning rate from 0.01."""
    rows: list[TrialRow] = []
    for number in range(1, count + 1):
        proposal = study.propose(new, rows)
        rows.append(ended(number, proposal, abs(proposal.parameters["optimizer.lr"] - 0.01)))
    return rows


@pytest.mark.parametrize("sampler", ["random", "tpe", "cma-es", "grid"])
def test_the_same_rows_give_the_same_proposal(sampler: str) -> None:
    space = SPACE if sampler != "grid" else {**SPACE, "optimizer.lr": {"kind": "choice", "values": [0.1, 0.01]}}
    new = asked(space, sampler=sampler, seed=7)
    rows = searched(new, 12)
    again = [study.propose(new, rows[:place]).parameters for place in range(12)]
    assert again == [row.parameters for row in rows]
    if sampler != "grid":
        other = asked(space, sampler=sampler, seed=8)
        assert study.propose(other, rows[:3]).parameters != rows[3].parameters


def test_a_grid_tries_every_combination_once() -> None:
    space = {"lr": {"kind": "float", "low": 0.1, "high": 0.3, "step": 0.1}, "layers": LAYERS}
    new, rows = asked(space, sampler="grid", trials=100), []
    assert study.combinations(new) == checks.most(new) == 12
    for number in range(1, 13):
        proposal = study.propose(new, rows)
        rows.append(ended(number, proposal, None, TrialState.RUNNING if number % 2 else TrialState.FAILED))
    assert {(row.parameters["lr"], row.parameters["layers"]) for row in rows} == {
        (lr, layers) for lr in (0.1, 0.2, 0.3) for layers in (1, 2, 3, 4)
    }


def test_values_are_of_the_kinds_that_were_asked_for() -> None:
    for row in searched(asked(seed=3), 5):
        assert isinstance(row.parameters["optimizer.lr"], float) and 1e-4 <= row.parameters["optimizer.lr"] <= 1
        assert row.parameters["layers"] in (1, 2, 3, 4) and isinstance(row.parameters["layers"], int)
        assert row.parameters["optimizer.kind"] in KIND


def test_cma_es_goes_on_from_what_it_kept_with_its_trials() -> None:
    new = asked({"optimizer.lr": LR, "momentum": {"kind": "float", "low": 0, "high": 1}}, sampler="cma-es", seed=1)
    rows = searched(new, 40)
    assert any(name.startswith("cma:optimizer") for row in rows for name in row.memory)
    first, last = (sorted(row.value or 0 for row in part)[5] for part in (rows[:10], rows[-10:]))
    assert last < first


def test_only_the_better_part_passes_a_rung() -> None:
    new = asked(pruning={"first": 2, "factor": 2})
    proposal = study.propose(new, [])
    rows = [ended(number, proposal, None, TrialState.RUNNING) for number in (1, 2, 3, 4)]
    rows[0].rungs, rows[1].rungs = [0.5], [0.9]
    assert study.rung(new, 0) == 2 and study.rung(new, 1) == 4
    assert study.goes_on(new, rows, rows[2], 0.4)
    assert not study.goes_on(new, rows, rows[3], 0.95)
    assert not study.goes_on(new, rows, rows[3], float("nan"))
    assert not study.goes_on(new, rows, rows[3], None)


def test_the_parameter_that_decides_is_the_important_one() -> None:
    new = asked(sampler="random", seed=5)
    found = study.importances(new, searched(new, 40))
    assert max(found, key=lambda name: found[name]) == "optimizer.lr"
    assert sum(found.values()) == pytest.approx(1)
    assert study.importances(new, searched(new, 3)) == {}


def test_where_all_trials_reach_the_same_no_parameter_decides() -> None:
    new, rows = asked(sampler="random", seed=5), list[TrialRow]()
    for number in range(1, 9):
        rows.append(ended(number, study.propose(new, rows), 0.5))
    assert study.importances(new, rows) == {}


def test_values_go_where_their_dots_lead() -> None:
    base = {"optimizer": {"kind": "sgd", "lr": 1}, "epochs": 3}
    assert with_values(base, {"optimizer.lr": 0.1, "net.depth": 2}) == {
        "optimizer": {"kind": "sgd", "lr": 0.1}, "epochs": 3, "net": {"depth": 2},
    }  # fmt: skip
    assert base["optimizer"]["lr"] == 1  # type: ignore[index]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"space": {"lr": {**LR, "low": 0}}}, "begins above 0"),
        ({"space": {"lr": {"kind": "float", "low": 2, "high": 1}}}, "above the highest"),
        ({"space": {"lr": {**LR, "step": 0.1}}}, "has no step"),
        ({"space": {"a..b": LR}}, "no name of a parameter"),
        ({"space": {"a": LAYERS, "a.b": LR}}, "lies inside"),
        ({"space": {"k": {"kind": "choice", "values": [1, 1.0]}}}, "listed twice"),
        ({"space": {"entry.lr": LR}, "training": {**TRAINING, "parameters": {"entry": 3}}}, "not an object"),
        ({"space": {"lr": LR}, "sampler": "grid"}, "a step, or a list"),
        ({"space": {"a": MANY, "b": MANY}, "sampler": "grid"}, "40000 combinations"),
        ({"space": {"lr": LR, "k": {"kind": "choice", "values": [1, 2]}}, "sampler": "cma-es"}, "two ranges"),
        ({"training": {**TRAINING, "dry_run": True}}, "not one batch"),
    ],
)  # fmt: skip
def test_a_search_that_could_not_be_made_is_refused_with_the_rule(change: Any, words: str) -> None:
    new = NewSearch.model_validate({**asked().model_dump(mode="json"), **change})
    with pytest.raises(Invalid, match=words):
        checks.check(new)
