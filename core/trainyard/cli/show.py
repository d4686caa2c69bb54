"""How answers are shown: a table for people, JSON for programs, words in the terminal's language."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from functools import cache
from typing import TYPE_CHECKING, Any, TextIO

from trainyard.sizes import readable
from trainyard.words import messages, translate

if TYPE_CHECKING:
    from pydantic import BaseModel

_WIDEST = 1000
_OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
"""What a terminal obeys instead of showing it: control characters, and those that turn the direction of writing."""


def language() -> str:
    """The terminal's language: the first of LC_ALL, LC_MESSAGES and LANG that is set decides."""
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        if value := os.environ.get(name):
            return "zh" if value.lower().startswith("zh") else "en"
    return "en"


@cache
def _own_words(language: str) -> dict[str, str]:
    return messages("trainyard", language)


def word(text: str) -> str:
    """A heading, a state or a line of help in the terminal's language, as the command line's own room says it.

    Short words such as ``failed`` are said otherwise on other rooms' pages.
    """
    return _own_words(language()).get(text) or translate(text, language())


def shown(text: str) -> str:
    """``text``, which may be somebody else's, with escapes in the place of what a terminal would obey."""
    return _OBEYED.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def say(text: str, **values: Any) -> None:
    """Print a sentence in the terminal's language."""
    print(shown(translate(text, language(), **values)), flush=True)


def say_aside(text: str, **values: Any) -> None:
    """A sentence beside the answer: on standard error, in the terminal's language."""
    print(shown(translate(text, language(), **values)), file=sys.stderr, flush=True)


def done(text: str, *, json: bool, **values: Any) -> None:
    """What was done where there is no record to show: a sentence, or its values as JSON."""
    if json:
        return as_json(values)
    return say(text, **values)


def as_json(value: BaseModel | Sequence[BaseModel] | dict[str, Any]) -> None:
    """Print records as one JSON document; in a terminal that is not UTF-8 as ASCII, which means the same."""
    print(json.dumps(_plain(value), ensure_ascii=not is_utf8(sys.stdout), indent=2))


def is_utf8(stream: TextIO) -> bool:
    """Whether every text can be written to ``stream``."""
    return (stream.encoding or "").lower().replace("-", "") == "utf8"


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return value
    if isinstance(value, Sequence):
        return [item.model_dump(mode="json") for item in value]
    return value.model_dump(mode="json")


def as_table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print rows below their columns' names; markup in names is shown, not obeyed."""
    from rich.table import Table

    table = Table(box=None)
    for column in columns:
        table.add_column(word(column), overflow="fold")
    for row in rows:
        table.add_row(*map(_cell, row))
    _print(table)


def as_fields(fields: Sequence[tuple[str, object]]) -> None:
    """Print one thing: a line for each of its fields that says something."""
    from rich.table import Table

    table = Table(box=None, show_header=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in fields:
        if value is not None and str(value) != "":
            table.add_row(word(name), _cell(value))
    _print(table)


def _cell(value: object) -> Any:
    from rich.text import Text

    if isinstance(value, datetime):
        value = f"{value.astimezone():%Y-%m-%d %H:%M}"
    if isinstance(value, StrEnum):
        value = word(value.value)
    return Text("" if value is None else shown(str(value)))


def _print(table: Any) -> None:
    from rich.console import Console

    console = Console()
    if not console.is_terminal:
        # what is piped to a program is never cut or folded
        console.width = _WIDEST
    console.print(table)


def size(count: float | None) -> str:
    """Bytes for people; nothing where they are not known."""
    return "" if count is None else readable(count)
