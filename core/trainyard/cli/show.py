"""How answers are shown: a table for people, JSON for programs, words in the terminal's language."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from trainyard.words import translate

if TYPE_CHECKING:
    from pydantic import BaseModel

_WIDEST = 1000


def language() -> str:
    """The terminal's language: the first of LC_ALL, LC_MESSAGES and LANG that is set decides."""
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        if value := os.environ.get(name):
            return "zh" if value.lower().startswith("zh") else "en"
    return "en"


def say(text: str, **values: Any) -> None:
    """Print a sentence in the terminal's language."""
    print(translate(text, language(), **values), flush=True)


def as_json(value: BaseModel | Sequence[BaseModel] | dict[str, Any]) -> None:
    """Print records as JSON."""
    print(json.dumps(_plain(value), ensure_ascii=False, indent=2))


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return value
    if isinstance(value, Sequence):
        return [item.model_dump(mode="json") for item in value]
    return value.model_dump(mode="json")


def as_table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print rows below their columns' names; markup in names is shown, not obeyed."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None)
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(Text("" if cell is None else str(cell)) for cell in row))
    console = Console()
    if not console.is_terminal:
        # what is piped to a program is never cut or folded
        console.width = _WIDEST
    console.print(table)


def size(count: float | None) -> str:
    """Bytes for people: ``1.5 MiB``."""
    if count is None:
        return ""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if count < 1024:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.1f} TiB"
