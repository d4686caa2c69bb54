"""Find the place of a value inside a line of JSON, so that a person is told the column and not only the name."""

from __future__ import annotations

import json
import re
from types import EllipsisType

Step = str | int | EllipsisType
Steps = tuple[Step, ...]
"""The way to a value: names of fields and places in lists from 0; ``...`` means "some value of an object"."""

_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d+)\]|(\[\.\.\.\])")
_SPACE = re.compile(r"[ \t\r\n]*")
_decoder = json.JSONDecoder()


def column_of_byte(line: bytes, byte: int) -> int:
    """The column (characters from 1) of the byte at ``byte`` (from 0)."""
    return len(line[:byte].decode("utf-8", "replace")) + 1


def steps_of(path: str) -> Steps:
    """``$.label[0].name`` → ``("label", 0, "name")``; ``[...]`` becomes ``...``."""
    steps: list[Step] = []
    for name, index, anything in _STEP.findall(path.removeprefix("$")):
        steps.append(... if anything else int(index) if index else name)
    return tuple(steps)


def column_of_steps(line: bytes, steps: Steps) -> int:
    """The column of the value that ``steps`` lead to; 0 where they cannot be followed to their end.

    With ``...`` among them, the column is that of the object whose value is meant.
    """
    text = line.decode("utf-8", "replace")
    position = _skip(text, 0)
    try:
        for step in steps:
            if isinstance(step, EllipsisType):
                break
            position = _into_array(text, position, step) if isinstance(step, int) else _into_object(text, position, step)
    except (ValueError, IndexError, RecursionError):
        return 0
    return position + 1


def _skip(text: str, position: int) -> int:
    match = _SPACE.match(text, position)
    return match.end() if match else position


def _into_object(text: str, position: int, name: str) -> int:
    """Where the value of ``name`` starts; the last one when a name comes twice, as parsers take it."""
    found = -1
    position = _skip(text, _expect(text, position, "{"))
    while text[position] != "}":
        key, position = _decoder.raw_decode(text, position)
        position = _skip(text, _expect(text, _skip(text, position), ":"))
        if key == name:
            found = position
        position = _after_value(text, position)
    if found < 0:
        raise ValueError(name)
    return found


def _into_array(text: str, position: int, index: int) -> int:
    position = _skip(text, _expect(text, position, "["))
    for _ in range(index):
        position = _after_value(text, position)
    return position


def _after_value(text: str, position: int) -> int:
    """Where the next key or value starts, past the value at ``position`` and its comma."""
    position = _skip(text, _decoder.raw_decode(text, position)[1])
    return _skip(text, position + 1) if text[position] == "," else position


def _expect(text: str, position: int, mark: str) -> int:
    if text[position] != mark:
        raise ValueError(mark)
    return position + 1
