"""What was measured on the volume, and what administrators prefer."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from trainyard_service.database.base import Table, now


class FolderUseRow(Table):
    """What one folder that people write to took when it was last measured: a part of a group's share, or a home.

    ``place`` is its path below the volume; without ``account_id`` nobody in particular is charged, without ``group_id`` it is
    a home, charged to the group that its owner joined first.
    """

    __tablename__ = "folder_uses"

    place: Mapped[str] = mapped_column(primary_key=True)
    group_id: Mapped[int | None] = mapped_column(ForeignKey("groups.id", ondelete="CASCADE"), index=True)
    account_id: Mapped[int | None] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"), index=True)
    bytes: Mapped[int] = mapped_column(BigInteger, default=0)
    files: Mapped[int] = mapped_column(BigInteger, default=0)
    at: Mapped[datetime] = mapped_column(default=now)


class PreferenceRow(Table):
    """Something an administrator changed on a page, or the service remembers, by name."""

    __tablename__ = "preferences"

    key: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[dict[str, Any]] = mapped_column(default=dict)
    at: Mapped[datetime] = mapped_column(default=now)
