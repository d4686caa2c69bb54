"""Bound storage spaces and uploads under way."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from trainyard_service.database.base import Table, now


class StorageRow(Table):
    """A person's bound bucket. Keys are Fernet tokens; in the embedded store they open this bucket only."""

    __tablename__ = "storages"

    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"), primary_key=True)
    endpoint: Mapped[str]
    bucket: Mapped[str]
    region: Mapped[str] = mapped_column(default="")
    embedded: Mapped[bool]
    access_key: Mapped[str] = mapped_column(default="")
    secret_key: Mapped[str] = mapped_column(default="")
    bound: Mapped[datetime] = mapped_column(default=now)


class UploadRow(Table):
    """A file being sent in chunks; its bytes lie at ``Home.upload(id)/data`` until it becomes something or expires."""

    __tablename__ = "uploads"

    id: Mapped[str] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"), index=True)
    group_id: Mapped[int | None] = mapped_column(ForeignKey("groups.id"), index=True)
    name: Mapped[str]
    size: Mapped[int] = mapped_column(BigInteger)
    offset: Mapped[int] = mapped_column(BigInteger, default=0)
    purpose: Mapped[str]
    complete: Mapped[bool] = mapped_column(default=False)
    created: Mapped[datetime] = mapped_column(default=now)
    expires: Mapped[datetime] = mapped_column(index=True)
