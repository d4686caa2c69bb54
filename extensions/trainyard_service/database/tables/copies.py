"""Copies of lists, formatted sets and models in their owners' buckets: what is wanted there, and how far it is."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from trainyard_service.database.base import Table, now


class CopyRow(Table):
    """One thing and its copy. It has no reference to the thing: a copy outlives what it was made of until it is deleted too.

    ``kind`` is ``dataset``, ``batch`` or ``model``; ``prefix`` is the folder in the bucket, ending in a slash; ``version``
    tells what was copied (see ``storage.copies``); ``state`` is ``wanted``, ``copied`` or ``unwanted``. Until ``due`` nobody
    touches it: whoever works on it moves that ahead, and a failure moves it further each time. ``upload`` is an upload in parts
    under way, ``<id> <mark of the file> <key>``. ``error`` is stored as ``datasets.prepare.reason_text`` reads it.
    """

    __tablename__ = "bucket_copies"
    __table_args__ = (Index("ix_bucket_copies_state_due", "state", "due"),)

    kind: Mapped[str] = mapped_column(primary_key=True)
    subject_id: Mapped[str] = mapped_column(primary_key=True)
    owner_id: Mapped[int] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"), index=True)
    prefix: Mapped[str]
    version: Mapped[str] = mapped_column(default="")
    state: Mapped[str] = mapped_column(default="wanted")
    due: Mapped[datetime] = mapped_column(default=now)
    failures: Mapped[int] = mapped_column(default=0)
    error: Mapped[str] = mapped_column(default="")
    upload: Mapped[str] = mapped_column(default="")
    bytes: Mapped[int] = mapped_column(BigInteger, default=0)
    done: Mapped[int] = mapped_column(BigInteger, default=0)
    changed: Mapped[datetime] = mapped_column(default=now)
