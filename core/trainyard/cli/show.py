"""How answers are shown: a table for people, JSON for programs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydantic import BaseModel


def as_json(value: BaseModel | Sequence[BaseModel]) -> None:
    """Print records as JSON."""
    plain = [item.model_dump(mode="json") for item in value] if isinstance(value, Sequence) else value.model_dump(mode="json")
    print(json.dumps(plain, ensure_ascii=False, indent=2))


def as_table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print rows below their columns' names; markup in names is shown, not obeyed."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(*columns, box=None)
    for row in rows:
        table.add_row(*(Text("" if cell is None else str(cell)) for cell in row))
    Console().print(table)
