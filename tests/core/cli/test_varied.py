"""What is varied, as it is written on a command line."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import TypeAdapter
from trainyard.cli.varied import space_of
from trainyard.errors import Invalid
from trainyard.records.searches import Dimension


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("lr=1e-4..0.1:log", {"kind": "float", "low": 1e-4, "high": 0.1, "log": True}),
        ("dropout=0..0.5:step=0.1", {"kind": "float", "low": 0, "high": 0.5, "log": False, "step": 0.1}),
        ("net.layers=1..4", {"kind": "int", "low": 1, "high": 4, "log": False}),
        ("width=16..128:log", {"kind": "int", "low": 16, "high": 128, "log": True}),
        ("x=-1.5..2", {"kind": "float", "low": -1.5, "high": 2, "log": False}),
        ("batch=32,64", {"kind": "choice", "values": [32, 64]}),
        ("kind=sgd, adam,true,null,0.5", {"kind": "choice", "values": ["sgd", "adam", True, None, 0.5]}),
        ("one=7", {"kind": "choice", "values": [7]}),
    ],
)
def test_ranges_and_values_are_read(written: str, read: dict[str, Any]) -> None:
    name = written.partition("=")[0]
    assert space_of([written]) == {name: read}
    TypeAdapter(Dimension).validate_python(read)


@pytest.mark.parametrize(
    "written",
    ["lr", "=1..2", "lr=", "lr=a..b", "lr=1..", "lr=0..1:stp=0.1", "lr=0.1..1:lgo", "lr=nan..1", "lr=0..inf", "lr=0..1e999"],
)
def test_what_cannot_be_read_is_told(written: str) -> None:
    with pytest.raises(Invalid, match="cannot be read"):
        space_of([written])


def test_a_text_with_dots_is_a_value() -> None:
    assert space_of(["list=../a.txt,../b.txt"]) == {"list": {"kind": "choice", "values": ["../a.txt", "../b.txt"]}}


def test_the_same_parameter_twice_is_refused_and_not_the_last_taken() -> None:
    with pytest.raises(Invalid, match="lr is varied twice"):
        space_of(["lr=1,2", "lr=3,4"])
