"""Settings given in the environment are looked at before anything starts: a misspelt name and a value that cannot be read."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence

from pydantic import BaseModel, ValidationError

from trainyard.complaints import complaint
from trainyard.errors import Invalid
from trainyard.words import N_


def refuse_wrong(parts: Sequence[type[BaseModel]], environment: Mapping[str, str]) -> None:
    """Look at the settings classes ``parts`` of one process, which share a prefix and read the same environment.

    Raises:
        Invalid: a name with their prefix belongs to none of them, or a value is none that the setting may have.
    """
    known = {name for part in parts for name in names(part)}
    prefix = _prefix(parts[0])
    for name in sorted(environment):
        if name.startswith(prefix) and name not in known:
            raise _unknown(name, known)
    for part in parts:
        try:
            part()
        except ValidationError as error:
            raise unreadable(part, error) from error
        except ValueError as error:
            raise Invalid("setting-unreadable", N_("The settings cannot be read: {reason}."), reason=str(error)) from error


def names(part: type[BaseModel]) -> set[str]:
    """The environment variables that ``part`` reads."""
    return {field.alias or f"{_prefix(part)}{name.upper()}" for name, field in part.model_fields.items()}


def unreadable(part: type[BaseModel], error: ValidationError) -> Invalid:
    """``error`` as a refusal that names the environment variable."""
    first = error.errors()[0]
    name, *inside = map(str, first["loc"])
    variable = name if name in names(part) else f"{_prefix(part)}{name.upper()}"
    return complaint([{**first, "loc": (variable, *inside)}], "setting-unreadable")


def _unknown(name: str, known: Iterable[str]) -> Invalid:
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.85)
    hint = N_("Did you mean {near}?") if near else N_("docs/settings.md lists them all.")
    return Invalid("setting-unknown", N_("There is no setting {name}."), hint=hint, name=name, near="".join(near))


def _prefix(part: type[BaseModel]) -> str:
    return str(part.model_config.get("env_prefix", ""))
