"""The table of parameters fills in what is missing and refuses what an operation does not take."""

from __future__ import annotations

from typing import Any

import pytest
from trainyard.errors import Invalid
from trainyard.graph.operations import OPERATIONS, step


@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_defaults_are_allowed(name: str) -> None:
    assert set(step(name).values) == {parameter.name for parameter in OPERATIONS[name].parameters}


@pytest.mark.parametrize(
    ("name", "given", "field", "code"),
    [
        ("rotate", {"angle": [5, 3]}, "angle", "parameter-order"),
        ("rotate", {"angle": [0, 181]}, "angle", "parameter-limits"),
        ("rotate", {"angle": 5}, "angle", "parameter-type"),
        ("rotate", {"angle": [0, float("nan")]}, "angle", "parameter-type"),
        ("rotate", {"angle": [0, "5"]}, "angle", "parameter-type"),
        ("rotate", {"angle": [False, True]}, "angle", "parameter-type"),
        ("rotate", {"expand": 1}, "expand", "parameter-type"),
        ("rotate", {"degrees": [1, 2]}, "degrees", "parameter-unknown"),
        ("resize", {"width": 0}, "width", "parameter-limits"),
        ("resize", {"width": 10.5}, "width", "parameter-whole"),
        ("resize", {"width": 10**400}, "width", "parameter-limits"),
        ("blur", {"kind": "box"}, "kind", "parameter-choice"),
        ("blur", {"kind": ["gauss"]}, "kind", "parameter-choice"),
        ("crop", {"share": [0, 50]}, "share", "parameter-limits"),
        ("scale", {"factor": [0, 1]}, "factor", "parameter-limits"),
        ("noise", {"share": [-1, 2]}, "share", "parameter-limits"),
    ],
)
def test_what_it_does_not_take_is_refused(name: str, given: dict[str, Any], field: str, code: str) -> None:
    with pytest.raises(Invalid) as refused:
        step(name, given)
    assert (refused.value.field, refused.value.code) == (field, code)


def test_the_message_names_parameter_value_and_rule_in_both_languages() -> None:
    with pytest.raises(Invalid) as refused:
        step("rotate", {"angle": [0, 200]})
    assert refused.value.text("en") == "Angle is 200; it must be between -180 and 180."
    assert refused.value.text("zh") == "角度的值为 200，应在 -180 和 180 之间。"


@pytest.mark.parametrize("probability", [-0.1, 1.1, float("nan"), "1", True, None])
def test_a_probability_is_a_number_from_0_to_1(probability: Any) -> None:
    with pytest.raises(Invalid) as refused:
        step("flip", probability=probability)
    assert refused.value.field == "probability"


def test_an_unknown_operation_is_refused_with_those_there_are() -> None:
    with pytest.raises(Invalid) as refused:
        step("spin")
    assert "rotate" in refused.value.hint_text("en")
