"""Say in a person's words why a line of a list is refused: what stands where, which rule it breaks, what to write instead.

msgspec finds what is wrong and names the place as a path such as ``$.label[0].data[1].bbox``; this module turns its
short technical text into a ``Problem``. A step ``[...]`` of such a path means "some value of an object": the value is
searched for that the complaint fits.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator
from types import EllipsisType
from typing import Any, NamedTuple

from trainyard.datasets.locate import Steps, column_of_byte, column_of_steps, steps_of
from trainyard.datasets.sample import LabelSet, Problem
from trainyard.words import N_

_BYTE = r" \(byte (\d+)\)$"
_AT = r" - at `(\$[^`]*)`$"
_LONGEST_SHOWN = 60
_KINDS = {type(None): "null", bool: "bool", int: "int", float: "float", str: "str", list: "array", dict: "object"}
_CHOICES = {1: "image, video", 3: "classification, detection, face"}

_TYPES = {
    "str": N_("{field} is {value}; it must be text. Write it in double quotes."),
    "int | str": N_("{field} is {value}; it must be text. Write it in double quotes."),
    "float": N_("{field} is {value}; it must be a number. Write it with digits, without a unit."),
    "int": N_("{field} is {value}; it must be a whole number. Write it with digits, without a point."),
    "bool": N_("{field} is {value}; it must be true or false. Write one of these without quotes."),
    "array": N_("{field} is {value}; it must be a list. Put its entries between [ and ]."),
    "object": N_("{field} is {value}; it must be an object. Put its fields between {{ and }}."),
    "object | array": N_("{field} is {value}; it must be a list of label sets. Put them between [ and ]."),
}
_LINE = N_("The line is {value}; it must be one object with a url. Write one such as {example} on each line.")
_FLAT_BOX = N_("{field} is {value}; every point of a box is a list of two numbers. Write [[10, 20], [110, 220]].")
_EXAMPLE = '{"url": "1.jpg"}'
_ONCE = ("url", "label")
_TWICE = N_("{field} comes twice in the line, and one of the two would be lost. Delete one, or make one of both.")
_UNKNOWN = N_("A field has a value that cannot be used: {what}. Correct it.")
_TOO_DEEP = N_("The line nests its brackets too deeply. Put lists and objects no deeper than a label needs.")
_TOLD_BEHIND = ("trailing characters", "invalid escape character")  # msgspec tells the byte behind these
_SYNTAX = (
    ("truncated", N_("The line breaks off before its object is closed. Write each object whole, on one line.")),
    ("trailing characters", N_("Something stands behind the end of the object. Write one object a line and nothing else.")),
    ("trailing comma", N_("A comma stands before a closing bracket. Delete the comma.")),
    ("object keys", N_("The name of a field must stand in double quotes. Write it like \"url\".")),
    ("expected ':'", N_("A colon is missing behind the name of a field. Write it like \"url\": \"1.jpg\".")),
    ("expected ',' or '}'", N_("A comma or }} is missing here. Separate the fields by commas and close the object by }}.")),
    ("expected ',' or ']'", N_("A comma or ] is missing here. Separate the entries by commas and close the list by ].")),
    ("invalid number", N_("This is not a number. Write numbers like 12 or 0.5, without leading zeros.")),
    ("escape", N_("A backslash in text begins a code that is none. Write a backslash as two: \\\\.")),
    ("surrogate", N_("A backslash in text begins a code that is none. Write a backslash as two: \\\\.")),
    ("invalid character", N_("This character cannot stand here. Put text into double quotes, and write a tab in it as \\t.")),
)  # fmt: skip


class _Rule(NamedTuple):
    """A complaint of msgspec: its form, our code and sentence, and whether a value (with the match) deserves it."""

    form: str
    code: str
    message: str
    fits: Callable[[Any, re.Match[str]], bool]


_RULES = (
    _Rule(
        r"Object missing required field `(?P<name>.+)`",
        "field-missing",
        N_("{field} has no {name}. Add it: every such object needs one."),
        lambda value, match: isinstance(value, dict) and match["name"] not in value,
    ),
    _Rule(
        r"Expected `str` of length >= 1",
        "field-empty",
        N_("{field} is empty. Write where the picture lies, such as pictures/1.jpg or s3://bucket/1.jpg."),
        lambda value, match: value == "",
    ),
    _Rule(
        r"Expected `str` of length <= (?P<limit>\d+)",
        "field-too-long",
        N_("{field} has {length} characters; at most {limit} are allowed. Choose a shorter path."),
        lambda value, match: isinstance(value, str) and len(value) > int(match["limit"]),
    ),
    _Rule(
        r"Expected `array` of length 2(, got \d+)?",
        "point",
        N_("{field} is {value}; a point has two numbers, x and y in pixels. Write it like [10, 20]."),
        lambda value, match: isinstance(value, list) and len(value) != 2,
    ),
    _Rule(
        r"Expected `array` of length >= 2",
        "box-points",
        N_("{field} is {value}; a box needs at least two points. Write opposite corners like [[10, 20], [110, 220]]."),
        lambda value, match: isinstance(value, list) and len(value) < 2,
    ),
    _Rule(
        r"Invalid enum value .*",
        "field-choice",
        N_("{field} is {value}; it must be one of: {choices}. Write one of these."),
        lambda value, match: isinstance(value, str),
    ),
    _Rule(
        r"(Number|Integer value) out of range",
        "number",
        N_("{field} is a number too large to be stored. Write a smaller one."),
        lambda value, match: isinstance(value, float) and math.isinf(value),
    ),
    _Rule(
        r"Expected `(?P<kind>.+)`, got `(?P<got>.+)`",
        "field-type",
        "",
        lambda value, match: _KINDS.get(type(value)) == match["got"],
    ),
)


def field_problem(number: int, data: bytes, error: Exception) -> Problem:
    """The problem of a field that is missing or has a wrong type or value; ``data`` is valid JSON."""
    at = re.search(_AT, str(error))
    steps = steps_of(at[1] if at else "$")
    what = re.sub(_AT, "", str(error))
    for rule in _RULES:
        if match := re.fullmatch(rule.form, what):
            return _problem(number, data, rule, match, steps)
    values = {"what": what.replace("`", "")}
    return Problem(number, column_of_steps(data, steps), shown_path(steps), "field", _UNKNOWN, values)


def syntax_problem(number: int, data: bytes, error: Exception) -> Problem:
    """The problem of a line that is not JSON, with the column where reading stopped."""
    if isinstance(error, RecursionError):
        return Problem(number, 0, "", "json", _TOO_DEEP)
    if isinstance(error, UnicodeDecodeError):
        column = column_of_byte(data, _first_bad_byte(data))
        return _encoding_problem(number, column, data)
    match = re.search(_BYTE, str(error))
    what = re.sub(_BYTE, "", str(error)).removeprefix("JSON is malformed: ")
    byte = int(match[1]) - what.startswith(_TOLD_BEHIND) if match else len(data)
    column = column_of_byte(data, min(byte, len(data)))
    for part, message in _SYNTAX:
        if part in what:
            return Problem(number, column, "", "json", message, {"what": what})
    return Problem(number, column, "", "json", N_("This is not valid JSON: {what}. Correct the line here."), {"what": what})


def _encoding_problem(number: int, column: int, data: bytes) -> Problem:
    try:
        data.decode("gb2312")  # both bytes of a character are high ones, which is rare in anything else
    except UnicodeDecodeError:
        return Problem(number, column, "", "encoding", N_("The line is not valid UTF-8. Save the list in this encoding."))
    message = N_("The line is not valid UTF-8; it may be written in {encoding}. Save the list as UTF-8.")
    return Problem(number, column, "", "encoding", message, {"encoding": "GBK"})


def twice_problem(number: int, data: bytes) -> Problem | None:
    """The problem of a line that names its url or its labels twice; every reader of JSON would pass over one of the two."""
    found = [name for name in _ONCE if data.count(b'"%s"' % name.encode()) > 1]
    if not found:
        return None
    names = list[str]()

    def outermost(pairs: list[tuple[str, Any]]) -> None:
        names[:] = [name for name, _ in pairs]

    try:
        json.loads(data, object_pairs_hook=outermost)
    except (ValueError, RecursionError):
        return None
    for name in found:
        if names.count(name) > 1:
            column = column_of_byte(data, data.rfind(b'"%s"' % name.encode()))
            return Problem(number, column, name, "field-twice", _TWICE, {"field": name})
    return None


def shown_path(steps: Steps) -> str:
    """``label[0].data[1].bbox``; empty for the line itself."""
    text = "".join(f".{step}" if isinstance(step, str) else f"[{'...' if step is ... else step}]" for step in steps)
    return text.removeprefix(".")


def shown_value(value: Any) -> str:
    """``value`` as JSON, cut to 60 characters."""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"


def _problem(number: int, data: bytes, rule: _Rule, match: re.Match[str], steps: Steps) -> Problem:
    line = _decoded(data)
    steps, value = next(_places(line, steps, lambda found: rule.fits(found, match)), (steps, None))
    field = shown_path(steps)
    values: dict[str, Any] = {"field": field, "value": shown_value(value), **match.groupdict()}
    if not steps:
        return Problem(number, 1, "", rule.code, _LINE, values | {"example": _EXAMPLE})
    if isinstance(value, str):
        values |= {"length": len(value), "choices": _CHOICES.get(len(steps), "")}
    message = rule.message or _type_message(steps, match)
    return Problem(number, column_of_steps(data, steps), field, rule.code, message, values)


def _type_message(steps: Steps, match: re.Match[str]) -> str:
    kind = match["kind"].removesuffix(" | null")
    if kind == "array" and len(steps) > 1 and steps[-2] in ("bbox", "pts") and match["got"] in ("int", "float"):
        return _FLAT_BOX
    return _TYPES.get(kind, _TYPES["object"])


def place_of(data: bytes, i: int, labels: LabelSet, j: int | None = None) -> Steps:
    """Where the ``i``-th label set of a line, or its ``j``-th entry, is written in either schema; ``()`` if not found."""
    line = _decoded(data) or {}
    label = line.get("label")
    if isinstance(label, list):
        return ("label", i) if j is None else ("label", i, "data", j)
    kind, entry = ("detect", ("bbox", j)) if labels.type == "detection" else ("class", ())
    for holder, way in ((label, ("label",)), (line, ())):
        if isinstance(holder, dict) and labels.name in (holder.get(kind) or {}):
            return (*way, kind, labels.name, *(entry if j is not None else ()))
    return ()


def _decoded(data: bytes) -> Any:
    """The line as plain objects; None where it nests too deeply. Numbers of hundreds of digits are infinite."""
    try:
        return json.loads(data.decode(), parse_int=lambda digits: int(digits) if len(digits) < 300 else math.inf)
    except (ValueError, RecursionError):
        return None


def _places(value: Any, steps: Steps, fits: Callable[[Any], bool], walked: Steps = ()) -> Iterator[tuple[Steps, Any]]:
    """Where ``steps`` lead from ``value`` on to something that ``fits``, with what stands there."""
    if not steps:
        if fits(value):
            yield walked, value
        return
    step, rest = steps[0], steps[1:]
    if isinstance(value, list) and isinstance(step, int) and step < len(value):
        yield from _places(value[step], rest, fits, (*walked, step))
    elif isinstance(value, dict):
        for key in value if isinstance(step, EllipsisType) else {step} & value.keys():
            yield from _places(value[key], rest, fits, (*walked, key))


def _first_bad_byte(data: bytes) -> int:
    try:
        data.decode()
    except UnicodeDecodeError as error:
        return error.start
    return 0
