"""The form of a new search: rows as a space, and what a row lacks told at its name."""

from __future__ import annotations

import json
from typing import Any

import pytest
from trainyard.errors import Invalid
from trainyard.records.searches import NewSearch
from trainyard_widgets.views.search_new import asked, form_of, space_of, suggestions

TRAINING = {"name": "t", "group": "g", "image": "i", "package": "p", "entry": "e"}


def test_a_form_becomes_a_search() -> None:
    rows = [
        {"name": "lr", "kind": "float", "low": "1e-4", "high": "0.1", "step": "", "log": True},
        {"name": "layers", "kind": "int", "low": 1, "high": "4", "step": "2"},
        {"name": "kind", "kind": "choice", "values": "sgd, adam, 3, true"},
    ]
    form = form_of({"space": json.dumps(rows), "tag": " loss ", "direction": "minimize", "prune": "1", "sampler": "random"})
    new = NewSearch.model_validate({**asked(form), "training": TRAINING})
    assert new.space["lr"].model_dump() == {"kind": "float", "low": 1e-4, "high": 0.1, "step": None, "log": True}
    assert new.space["layers"].model_dump()["step"] == 2
    assert new.space["kind"].model_dump()["values"] == ["sgd", "adam", 3, True]
    assert (new.objective.tag, new.pruning and new.pruning.factor, new.trials) == ("loss", 3, 20)


@pytest.mark.parametrize(
    ("row", "field", "words"),
    [
        ({"name": "lr", "kind": "float", "low": "often", "high": "1"}, "space.lr", "often is not a number"),
        ({"name": "lr", "kind": "float", "low": "", "high": "1"}, "space.lr", "– is not a number"),
        ({"name": "n", "kind": "int", "low": "1.5", "high": "2"}, "space.n", "1.5 is not a whole number"),
        ({"name": "n", "kind": "choice", "values": " , "}, "space.n", "list its values"),
        ({"name": " ", "kind": "int"}, "space.", "what the parameter is called"),
    ],
)
def test_what_a_row_lacks_is_told_at_it(row: dict[str, Any], field: str, words: str) -> None:
    with pytest.raises(Invalid, match=words) as refused:
        space_of([row])
    assert refused.value.field == field


def test_numbers_of_the_training_are_suggested_around_what_they_are() -> None:
    found = suggestions('{"optimizer": {"lr": 0.1, "nesterov": true}, "epochs": 5, "name": "x"}')
    assert [(one["name"], one.get("low"), one.get("high")) for one in found] == [
        ("optimizer.lr", 0.01, 1.0), ("optimizer.nesterov", None, None), ("epochs", 2, 10),
    ]  # fmt: skip
    assert suggestions("no JSON") == []


def test_a_broken_address_is_an_empty_form() -> None:
    assert form_of({"space": "{"})["space"] == [] and form_of({"space": "3"})["space"] == []
