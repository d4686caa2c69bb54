"""What is varied, as it is written on a command line: ``lr=1e-4..0.1:log``, ``layers=1..4``, ``batch=32,64,128``."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable
from typing import Any

from trainyard.errors import Invalid
from trainyard.words import N_

_RANGE = re.compile(r"(?P<low>[^.:,]+(?:\.\d[^.:,]*)?)\.\.(?P<high>[^:,]+?)(?P<more>(?::(?:log|step=[^:,]+))*)")
_LIKE_A_RANGE = re.compile(r"[+-]?\.?\d[^,]*\.\.[^,]*")
_WHOLE = re.compile(r"[+-]?\d+")


def space_of(written: Iterable[str]) -> dict[str, dict[str, Any]]:
    """The space of a search, as ``NewSearch.space``.

    Raises:
        Invalid: one cannot be read, or two vary the same parameter.
    """
    space: dict[str, dict[str, Any]] = {}
    for one in written:
        name, equals, values = (part.strip() for part in one.partition("="))
        if not (equals and name and values):
            raise _unreadable(one)
        if name in space:
            sentence, hint = N_("{name} is varied twice."), N_("Give all its values at once, such as {name}=32,64,128.")
            raise Invalid("vary-twice", sentence, hint=hint, field="vary", name=name)
        space[name] = _dimension(one, values)
    return space


def _dimension(one: str, values: str) -> dict[str, Any]:
    found = _RANGE.fullmatch(values)
    if found is None:
        if _LIKE_A_RANGE.fullmatch(values):
            raise _unreadable(one)
        return {"kind": "choice", "values": [_value(part.strip()) for part in values.split(",")]}
    step = re.search(r"step=([^:]+)", found["more"])
    texts = [found["low"], found["high"], *([step[1]] if step else [])]
    try:
        whole = all(_WHOLE.fullmatch(text.strip()) for text in texts)
        numbers: list[float] = [int(text) if whole else float(text) for text in texts]
    except ValueError:
        raise _unreadable(one) from None
    if not all(map(math.isfinite, numbers)):
        raise _unreadable(one)
    read = {"kind": "int" if whole else "float", "low": numbers[0], "high": numbers[1], "log": ":log" in found["more"]}
    return read | ({"step": numbers[2]} if step else {})


def _value(text: str) -> Any:
    """A number, true, false or null as JSON has them; anything else is a text."""
    try:
        value = json.loads(text)
    except ValueError:
        return text
    if isinstance(value, float) and not math.isfinite(value):
        return text
    return value if isinstance(value, str | int | float | bool) or value is None else text


def _unreadable(text: str) -> Invalid:
    return Invalid(
        "vary-unreadable",
        N_("What is varied cannot be read: {written}"),
        hint=N_("Write lr=1e-4..0.1:log, layers=1..4, dropout=0..0.5:step=0.1 or batch=32,64,128."),
        field="vary",
        written=text,
    )
