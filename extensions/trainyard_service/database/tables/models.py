"""Models that are kept: snapshots of trainings and people's own files."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from trainyard_service.database.base import Table, now
from trainyard_service.database.tables.accounts import AccountRow, GroupRow


class ModelRow(Table):
    """A model; its file lies in ``Home.model(id)``. Where it comes from is kept as text: it may outlive its training."""

    __tablename__ = "models"
    __table_args__ = (UniqueConstraint("instance", "epoch", "step"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(index=True)
    kind: Mapped[str]
    description: Mapped[str] = mapped_column(default="")
    owner_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), index=True)
    group_id: Mapped[int | None] = mapped_column(ForeignKey("groups.id"), index=True)
    created: Mapped[datetime] = mapped_column(default=now)
    file: Mapped[str]
    size: Mapped[int] = mapped_column(BigInteger)
    sha256: Mapped[str]
    training: Mapped[str | None] = mapped_column(index=True)
    training_name: Mapped[str | None]
    instance: Mapped[str | None]
    image: Mapped[str | None]
    epoch: Mapped[int | None]
    step: Mapped[int | None] = mapped_column(BigInteger)
    metrics: Mapped[dict[str, Any]] = mapped_column(default=dict)
    owner: Mapped[AccountRow] = relationship()
    group: Mapped[GroupRow | None] = relationship()
