"""A form's fields as the record that REST takes; a broken rule is told at its field before anything is sent."""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError
from trainyard.errors import Invalid, UserError
from trainyard.words import N_

T = TypeVar("T")
_MESSAGES = {
    "missing": N_("This is needed."),
    "string_too_short": N_("This is needed."),
    "string_too_long": N_("This is too long: at most {max_length} characters."),
    "greater_than": N_("This must be more than {gt}."),
    "greater_than_equal": N_("This must be at least {ge}."),
    "less_than_equal": N_("This must be at most {le}."),
    "too_short": N_("Choose at least one."),
    "string_pattern_mismatch": N_("This is not written as expected."),
    "float_parsing": N_("This is not a number."),
    "int_parsing": N_("This is not a whole number."),
}


def filled_in(kind: TypeAdapter[T], form: dict[str, Any]) -> T:
    """The record that ``form`` describes.

    Raises:
        Invalid: the first broken rule, with its field.
    """
    try:
        return kind.validate_python(form)
    except UserError:
        raise
    except ValidationError as problem:
        raise first_problem(problem) from problem


def first_problem(problem: ValidationError) -> Invalid:
    """The first broken rule as a refusal; a rule that is a UserError of ours keeps its own words."""
    error = problem.errors()[0]
    ours = error.get("ctx", {}).get("error")
    if isinstance(ours, UserError):
        return Invalid(ours.code, ours.message, hint=ours.hint, field=_field(error), **ours.values)
    message = _MESSAGES.get(error["type"])
    if message:
        return Invalid("form-invalid", message, field=_field(error), **_limits(error))
    return Invalid("form-invalid", N_("This cannot be used: {reason}."), field=_field(error), reason=error["msg"])


def _field(error: Any) -> str | None:
    names = [part for part in error["loc"] if isinstance(part, str)]
    return names[-1] if names else None


def _limits(error: Any) -> dict[str, Any]:
    return {key: value for key, value in error.get("ctx", {}).items() if key != "error"}
