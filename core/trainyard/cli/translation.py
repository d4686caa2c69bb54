"""The help of all commands in the terminal's language; Typer itself knows English only."""

from __future__ import annotations

from functools import cache
from typing import Any

from trainyard.cli.show import word
from trainyard.words import N_

# Typer's own words, which are in the help of every command
TYPERS = (
    N_("Show this message and exit."),
    N_("Install completion for the current shell."),
    N_("Show completion for the current shell, to copy it or customize the installation."),
)
_PANELS = {
    "ARGUMENTS_PANEL_TITLE": N_("Arguments"),
    "OPTIONS_PANEL_TITLE": N_("Options"),
    "COMMANDS_PANEL_TITLE": N_("Commands"),
    "DEFAULT_STRING": N_("[default: {}]"),
    "REQUIRED_LONG_STRING": N_("[required]"),
}


def translated(command: Any, language: str) -> Any:
    """``command`` (of Typer, with its subcommands) with its help in ``language``."""
    if language != "en":
        _translate(command)
        _translate_panels()
        _fold_what_has_no_spaces()
    return command


def _translate(command: Any) -> None:
    command.help = word(command.help or "")
    command.short_help = word(command.short_help or "") or None
    for parameter in command.params:
        if getattr(parameter, "help", None):
            parameter.help = word(parameter.help)
    option_of = command.get_help_option

    def help_option(context: Any) -> Any:
        option = option_of(context)
        if option is not None:
            option.help = word(TYPERS[0])
        return option

    command.get_help_option = help_option
    for child in getattr(command, "commands", {}).values():
        _translate(child)


def _translate_panels() -> None:
    """The headings are constants of Typer's module, read when help is printed."""
    try:
        from typer import rich_utils
    except ImportError:
        return
    for name, text in _PANELS.items():
        if hasattr(rich_utils, name):
            setattr(rich_utils, name, word(text))


@cache
def _fold_what_has_no_spaces() -> None:
    """Rich takes a Chinese sentence for one word, and cuts a word that is wider than its column."""
    try:
        from typer import rich_utils
    except ImportError:
        return
    made = rich_utils._make_rich_text

    def folded(**asked: Any) -> Any:
        text = made(**asked)
        text.overflow = "fold"  # type: ignore[union-attr]
        return text

    rich_utils._make_rich_text = folded
