"""Who did what to which thing, when, with what result."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Mapped, mapped_column

from trainyard_service.database.base import Serial, Table, now


class AuditRow(Table):
    """One state-changing call; ``who`` is kept as text, it outlives the account. ``result`` is ``ok`` or an error code."""

    __tablename__ = "audit"
    __table_args__ = {"sqlite_autoincrement": True}

    id: Mapped[int] = mapped_column(Serial, primary_key=True)
    at: Mapped[datetime] = mapped_column(default=now, index=True)
    who: Mapped[str] = mapped_column(index=True)
    action: Mapped[str] = mapped_column(index=True)
    target: Mapped[str] = mapped_column(default="")
    result: Mapped[str] = mapped_column(default="ok")
    detail: Mapped[dict[str, Any]] = mapped_column(default=dict)
