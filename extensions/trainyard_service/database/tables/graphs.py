"""Graphs that are kept as templates."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column, relationship
from trainyard.records.graphs import TemplateVisibility

from trainyard_service.database.base import Table, now
from trainyard_service.database.tables.accounts import AccountRow, GroupRow


class GraphTemplateRow(Table):
    """A graph somebody keeps. Its owner sees it, the members of ``group_id`` if it has one, everybody if it is public."""

    __tablename__ = "graph_templates"

    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(index=True)
    description: Mapped[str] = mapped_column(default="")
    visibility: Mapped[str] = mapped_column(default=TemplateVisibility.PRIVATE)
    owner_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), index=True)
    group_id: Mapped[int | None] = mapped_column(ForeignKey("groups.id"), index=True)
    graph: Mapped[dict[str, Any]]
    created: Mapped[datetime] = mapped_column(default=now)
    owner: Mapped[AccountRow] = relationship()
    group: Mapped[GroupRow | None] = relationship()
