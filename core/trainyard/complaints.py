"""What pydantic complains about, as a sentence that names the field: the same words in the service and on the command line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from trainyard.errors import Invalid
from trainyard.words import N_

_PLACES = ("body", "query", "path", "header")
_SENTENCES = {
    "missing": N_("{field} is missing."),
    "extra_forbidden": N_("{field} is not known here."),
    "string_too_short": N_("{field} has at least {min_length} characters."),
    "string_too_long": N_("{field} has at most {max_length} characters."),
    "string_pattern_mismatch": N_("{field} does not have the form {pattern}."),
    "string_type": N_("{field} must be text."),
    "int_parsing": N_("{field} must be a whole number."),
    "int_type": N_("{field} must be a whole number."),
    "float_parsing": N_("{field} must be a number."),
    "float_type": N_("{field} must be a number."),
    "bool_parsing": N_("{field} must be true or false."),
    "bool_type": N_("{field} must be true or false."),
    "greater_than": N_("{field} must be more than {gt}."),
    "greater_than_equal": N_("{field} must be {ge} or more."),
    "less_than": N_("{field} must be less than {lt}."),
    "less_than_equal": N_("{field} must be {le} or less."),
    "enum": N_("{field} must be one of {expected}."),
    "literal_error": N_("{field} must be one of {expected}."),
    "json_invalid": N_("The request is not valid JSON: {error}."),
    "too_short": N_("{field} has at least {min_length} entries."),
    "finite_number": N_("{field} must be a finite number."),
}
_OTHER = N_("{field} is not right: {reason}")


def complaint(errors: Sequence[Any], code: str = "invalid") -> Invalid:
    """The first of the complaints (``ValidationError.errors()``) as a refusal that names the field."""
    first = errors[0]
    # what stands there for text that is no JSON is the place in the text
    field = "" if first["type"] == "json_invalid" else ".".join(str(part) for part in first["loc"] if part not in _PLACES)
    told = {name: _plain(value) for name, value in first.get("ctx", {}).items()}
    values = {"reason": str(first["msg"]).removeprefix("Value error, "), **told, "field": field or "body"}
    error = Invalid(code, _SENTENCES.get(first["type"], _OTHER), field=field or None)
    # the placeholder {field} and the argument field share a name; the values win when the sentence is filled
    error.values = values
    return error


def _plain(value: Any) -> Any:
    """A bound as a person writes it: 0 and not 0.0."""
    return int(value) if isinstance(value, float) and value.is_integer() else value
