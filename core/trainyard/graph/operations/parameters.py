"""The table of an operation's parameters: which values it takes, what it takes by itself, and how each is called."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from trainyard.errors import Invalid
from trainyard.words import N_, quoted

Kind = Literal["range", "number", "choice", "flag"]
Values = dict[str, Any]
"""Checked values by name: a range is ``(low, high)``, a number a float or int, a choice a str, a flag a bool."""


class Choice(NamedTuple):
    """One value of a choice, and how it is called (English, translatable)."""

    value: str
    title: str


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """One parameter of an operation.

    ``range`` is drawn from anew for every picture, evenly between two numbers; ``number`` is what it is. Both lie between
    ``minimum`` and ``maximum``; drawn values are multiples of ``step``, and with ``whole`` they are whole numbers. ``when``
    names a choice of the same operation and the values for which this parameter counts; otherwise it has no effect.
    """

    name: str
    title: str
    kind: Kind
    default: Any
    minimum: float = 0.0
    maximum: float = 0.0
    step: float = 0.01
    whole: bool = False
    choices: tuple[Choice, ...] = ()
    unit: str = ""
    text: str = ""
    when: tuple[str, tuple[str, ...]] | None = None

    def check(self, value: Any) -> Any:
        """``value`` as the operation takes it.

        Raises:
            Invalid: it is of another kind, outside the limits, or a range whose ends are the wrong way round.
        """
        if self.kind == "flag":
            return self._flag(value)
        if self.kind == "choice":
            return self._choice(value)
        return self._range(value) if self.kind == "range" else self._number(value)

    def _flag(self, value: Any) -> bool:
        if isinstance(value, bool):
            return value
        raise self._refusal("parameter-type", N_("{parameter} is {value}; it must be true or false."), value)

    def _choice(self, value: Any) -> str:
        if isinstance(value, str) and any(choice.value == value for choice in self.choices):
            return value
        raise self._refusal("parameter-choice", N_("{parameter} is {value}; it must be one of {choices}."), value)

    def _range(self, value: Any) -> tuple[float, float]:
        if not isinstance(value, list | tuple) or len(value) != 2:
            raise self._refusal(
                "parameter-type", N_("{parameter} is {value}; it must be two numbers, such as {example}."), value
            )
        low, high = (self._number(end) for end in value)
        if low > high:
            raise self._refusal(
                "parameter-order", N_("{parameter} is {value}; its first number must not be above its second."), value
            )
        return low, high

    def _number(self, value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float) or value != value:
            raise self._refusal("parameter-type", N_("{parameter} is {value}; it must be a number."), value)
        if not self.minimum <= value <= self.maximum:
            raise self._refusal(
                "parameter-limits", N_("{parameter} is {value}; it must be between {minimum} and {maximum}."), value
            )
        if self.whole and value != int(value):
            raise self._refusal("parameter-whole", N_("{parameter} is {value}; it must be a whole number."), value)
        return int(value) if self.whole else float(value)

    def _refusal(self, code: str, sentence: str, value: Any) -> Invalid:
        values = {name: _short(number) for name, number in (("minimum", self.minimum), ("maximum", self.maximum))}
        values |= {"example": _short(self.default), "choices": ", ".join(choice.value for choice in self.choices)}
        parameter = quoted(self.title, {})
        return Invalid(code, sentence, field=self.name, parameter=parameter, value=_short(value), **values)


def checked(operation: str, table: Iterable[Parameter], given: Mapping[str, Any]) -> Values:
    """All values of ``operation``: those ``given``, and the defaults for the rest.

    Raises:
        Invalid: an unknown name, or a value that its parameter does not take; ``field`` is the parameter's name.
    """
    parameters = {parameter.name: parameter for parameter in table}
    for name in given:
        if name not in parameters:
            raise Invalid(
                "parameter-unknown",
                N_("The operation {operation} has no parameter {name}; it has: {known}."),
                field=name,
                operation=operation,
                name=name,
                known=", ".join(parameters) or "–",
            )
    return {name: parameter.check(given.get(name, parameter.default)) for name, parameter in parameters.items()}


def _short(value: Any) -> str:
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_short(part) for part in value[:4]) + ("]" if len(value) <= 4 else ", …]")
    return f"{value:g}" if isinstance(value, float) else str(value)[:80]
