"""A command that was typed wrongly, in words of ours: Typer's own are English only."""

from __future__ import annotations

import re
from typing import Any

from typer.exceptions import TyperException

from trainyard.errors import UserError
from trainyard.words import N_

# what Typer says of a command that it does not know, suggestions after it
_COMMAND = re.compile(r"No such command '(.*?)'")
_TOO_MUCH = re.compile(r"Got unexpected extra argument\(s\) \((.*)\)", re.DOTALL)
_NO_VALUE = "requires an argument"


class WronglyUsed(UserError):
    """Arguments that do not fit together; exit code 2."""

    def __init__(self, message: str, /, **values: Any) -> None:
        super().__init__("wrongly-used", message, **values)


def wrongly_used(error: TyperException) -> UserError:
    """What Typer refused, with the command's help as the next step."""
    context = getattr(error, "ctx", None)
    hint = N_("`{command} --help` tells how it is used.") if context is not None else ""
    sentence, values = _sentence(error)
    refused = WronglyUsed(sentence, hint=hint)
    # a rule of a record has a placeholder {field}, which is an argument's name too
    refused.values = {"command": context.command_path if context is not None else "", **values}
    return refused


def _sentence(error: Any) -> tuple[str, dict[str, Any]]:
    kind, name = type(error).__name__, _name(error)
    if kind == "NoSuchOption":
        similar = ", ".join(sorted(error.possibilities or ()))
        if similar:
            return N_("There is no option {name}; is it {similar}?"), {"name": error.option_name, "similar": similar}
        return N_("There is no option {name}."), {"name": error.option_name}
    if kind == "UsageError" and (named := _COMMAND.match(error.message)):
        return N_("There is no command {name}."), {"name": named[1]}
    if kind == "MissingParameter":
        return N_("{name} is missing."), {"name": name}
    if kind == "UsageError" and (extra := _TOO_MUCH.match(error.message)):
        return N_("{words} is more than this takes."), {"words": extra[1]}
    if kind == "BadOptionUsage" and _NO_VALUE in error.message:
        return N_("{name} needs a value behind it."), {"name": error.option_name}
    if name and (broken := _rule_of(error)) is not None:
        return broken.message, {**broken.values, "field": name}
    if name and error.message:
        return N_("{name} cannot be this: {reason}"), {"name": name, "reason": error.message}
    return N_("This is not how it is used: {reason}"), {"reason": error.format_message()}


def _rule_of(error: Any) -> UserError | None:
    """The rule that the value breaks, in the words that records have for it."""
    from pydantic import ValidationError

    from trainyard.complaints import complaint

    cause = error.__cause__ or error.__context__
    return complaint(cause.errors()) if isinstance(cause, ValidationError) else None


def _name(error: Any) -> str:
    """What the person typed it as: ``NAME`` of an argument, ``--group`` of an option."""
    parameter = getattr(error, "param", None)
    if parameter is None:
        return ""
    return str(parameter.opts[-1]) if parameter.param_type_name == "option" else str(parameter.name).upper()
