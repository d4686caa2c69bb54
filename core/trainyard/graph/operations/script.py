"""What was done to a picture as one line, ``augment(rotate/[12.3],flop)``, and back.

Arguments are those of the operation's drawn type in order; trailing ones that are as by default are left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, NamedTuple, get_type_hints

from trainyard.errors import Invalid
from trainyard.graph.operations.operation import Operation
from trainyard.graph.operations.registry import OPERATIONS
from trainyard.words import N_

_WHOLE = re.compile(r"augment\((.*)\)", re.DOTALL)
_ONE = re.compile(r"([a-z-]+)(?:/\[([^\[\]]*)\])?(?:,|$)")


class Chosen(NamedTuple):
    """One operation with what was drawn for it."""

    operation: Operation[Any]
    drawn: Any


def describe(chosen: Iterable[Chosen]) -> str:
    """The line for a sample's ``ops``."""
    return f"augment({','.join(_described(one) for one in chosen)})"


def replay(line: str) -> tuple[Chosen, ...]:
    """What ``describe`` wrote, ready to be rendered again.

    Raises:
        Invalid: it is not such a line, or names an operation or a value that there is not.
    """
    whole = _WHOLE.fullmatch(line.strip())
    if whole is None:
        raise _unreadable(line)
    inside, chosen, position = whole[1], [], 0
    while position < len(inside):
        found = _ONE.match(inside, position)
        if found is None:
            raise _unreadable(inside[position:])
        chosen.append(_read(found[1], found[2]))
        position = found.end()
    return tuple(chosen)


def _described(one: Chosen) -> str:
    values, defaults = list(one.drawn), one.drawn._field_defaults
    for name in reversed(one.drawn._fields):
        if name not in defaults or defaults[name] != values[-1]:
            break
        values.pop()
    return f"{one.operation.name}/[{','.join(_word(value) for value in values)}]" if values else one.operation.name


def _word(value: Any) -> str:
    if isinstance(value, bool):
        return str(int(value))
    return repr(value).removesuffix(".0") if isinstance(value, float) else str(value)


def _read(name: str, arguments: str | None) -> Chosen:
    operation = OPERATIONS.get(name)
    if operation is None:
        raise Invalid("operation-unknown", N_("There is no operation {name}."), field="ops", name=name)
    words = arguments.split(",") if arguments else []
    fields, hints = operation.drawn._fields, get_type_hints(operation.drawn)
    if len(words) > len(fields):
        raise _unreadable(f"{name}/[{arguments}]")
    try:
        values = {field: _value(word, hints[field]) for field, word in zip(fields, words, strict=False)}
        drawn = operation.drawn(**values)
    except (TypeError, ValueError):
        raise _unreadable(f"{name}/[{arguments or ''}]") from None
    _within(operation, values)
    return Chosen(operation, drawn)


def _value(word: str, hint: type) -> Any:
    return bool(int(word)) if hint is bool else hint(word.strip())


def _within(operation: Operation[Any], values: dict[str, Any]) -> None:
    for parameter in operation.parameters:
        if parameter.name in values:
            value = values[parameter.name]
            parameter.check((value, value) if parameter.kind == "range" else value)


def _unreadable(part: str) -> Invalid:
    return Invalid(
        "ops-unreadable",
        N_("{part} is not a line of operations."),
        hint=N_("Write it like augment(rotate/[12.3],flop)."),
        field="ops",
        part=part[:80],
    )
