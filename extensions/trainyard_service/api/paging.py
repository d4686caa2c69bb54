"""How lists are cut into pages: ``offset`` and ``limit`` of a query."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Query
from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

LARGEST_PAGE = 500
LARGEST_OFFSET = 2**62
"""What databases count with; together with a page it stays below 2**63."""


@dataclass(frozen=True)
class Window:
    """Which part of a list is asked for."""

    offset: int
    limit: int


def window(
    offset: Annotated[int, Query(ge=0, le=LARGEST_OFFSET)] = 0, limit: Annotated[int, Query(ge=1, le=LARGEST_PAGE)] = 100
) -> Window:
    """The query parameters of every list."""
    return Window(offset, limit)


WindowDep = Annotated[Window, Depends(window)]


def rows_and_total(session: Session, wanted: Select[Any], part: Window) -> tuple[list[Any], int]:
    """The rows of one page and how many there are in all."""
    total = session.scalar(select(func.count()).select_from(wanted.order_by(None).subquery())) or 0
    return list(session.scalars(wanted.offset(part.offset).limit(part.limit))), total
