"""Datasets, with whom they are shared, and the batches of formatted sets made of them."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from unicodedata import normalize

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, UniqueConstraint, event, text
from sqlalchemy.orm import Mapped, mapped_column, relationship
from trainyard.records.datasets import DatasetState

from trainyard_service.database.base import Serial, Table, now
from trainyard_service.database.tables.accounts import AccountRow, GroupRow
from trainyard_service.database.tables.jobs import JobRow

_MOST_CLASSES = 1000
_CREATING = text("state = 'creating'")


class DatasetRow(Table):
    """A dataset. Its list and pictures lie at ``Home.dataset(id)``; without an owner it is the platform's.

    ``bytes`` is the list's size; ``disk`` is what the whole folder takes, charged to ``group_id`` (see ``disk.books``).
    ``words`` is what a search looks at, folded; ``list_of`` is the dataset whose list this one's was made of, by whose owner's
    keys its pictures are read (see ``datasets.stores``). Both follow from the other columns at every change.
    """

    __tablename__ = "datasets"
    __table_args__ = (
        # a few of tens of thousands, asked for with each of them: whether something is being made of it
        Index("ix_datasets_creating", "id", sqlite_where=_CREATING, postgresql_where=_CREATING),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(index=True)
    description: Mapped[str] = mapped_column(default="")
    state: Mapped[str] = mapped_column(default=DatasetState.CREATING)
    owner_id: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"), index=True)
    source: Mapped[dict[str, Any]] = mapped_column(default=dict)
    created: Mapped[datetime] = mapped_column(default=now, index=True)
    completed: Mapped[datetime | None]
    error: Mapped[str] = mapped_column(default="")
    lines: Mapped[int] = mapped_column(BigInteger, default=0)
    images: Mapped[int] = mapped_column(BigInteger, default=0)
    objects: Mapped[int] = mapped_column(BigInteger, default=0)
    bytes: Mapped[int] = mapped_column(BigInteger, default=0)
    group_id: Mapped[int | None] = mapped_column(ForeignKey("groups.id"), index=True)
    disk: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    label_sets: Mapped[list[dict[str, Any]]] = mapped_column(JSON, default=list)
    words: Mapped[str] = mapped_column(default="", server_default="")
    list_of: Mapped[str | None] = mapped_column(index=True)
    job_id: Mapped[str | None] = mapped_column(ForeignKey("jobs.id", ondelete="SET NULL"))
    examine_job_id: Mapped[str | None]
    owner: Mapped[AccountRow | None] = relationship()
    group: Mapped[GroupRow | None] = relationship()
    job: Mapped[JobRow | None] = relationship()
    shares: Mapped[list[DatasetShareRow]] = relationship(cascade="all, delete-orphan", order_by="DatasetShareRow.id")
    batches: Mapped[list[BatchRow]] = relationship(order_by="BatchRow.created", viewonly=True)


def folded(text: str) -> str:
    """``text`` without the differences that a search passes over: case, width, composition."""
    return normalize("NFKC", normalize("NFKC", text).casefold())


def words_of(name: str, description: str, label_sets: list[dict[str, Any]]) -> str:
    """What a search looks at: name, description, label sets and their classes."""
    named = [f"{one.get('type', '')}.{one.get('name', '')}" for one in label_sets]
    classes = [text for one in label_sets for text in list(one.get("classes", {}))[:_MOST_CLASSES]]
    return folded("\n".join((name, description, *named, *classes)))


@event.listens_for(DatasetRow, "before_insert")
@event.listens_for(DatasetRow, "before_update")
def _keep_in_line(_mapper: object, _connection: object, row: DatasetRow) -> None:
    row.words = words_of(row.name, row.description or "", row.label_sets or [])
    row.list_of = (row.source or {}).get("list_of")


class DatasetShareRow(Table):
    """A dataset is readable for a group, or (group NULL) for everybody."""

    __tablename__ = "dataset_shares"
    __table_args__ = (UniqueConstraint("dataset_id", "group_id"),)

    id: Mapped[int] = mapped_column(Serial, primary_key=True)
    dataset_id: Mapped[str] = mapped_column(ForeignKey("datasets.id", ondelete="CASCADE"), index=True)
    group_id: Mapped[int | None] = mapped_column(ForeignKey("groups.id", ondelete="CASCADE"), index=True)
    by_id: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))
    at: Mapped[datetime] = mapped_column(default=now)
    group: Mapped[GroupRow | None] = relationship()
    by: Mapped[AccountRow | None] = relationship()


class BatchRow(Table):
    """One press of "format". ``plan`` is the NewBatch it was pressed with; files lie at ``Home.batch(id)``.

    ``job`` writes the sets; where shards share the work it joins what they made, and comes when they are through.

    ``disk`` is what the folder takes; until the job has ended, what it is expected to take: set aside, charged to ``group_id``.
    """

    __tablename__ = "batches"

    id: Mapped[str] = mapped_column(primary_key=True)
    dataset_id: Mapped[str] = mapped_column(ForeignKey("datasets.id"), index=True)
    creator_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"))
    plan: Mapped[dict[str, Any]]
    created: Mapped[datetime] = mapped_column(default=now)
    completed: Mapped[datetime | None]
    classes: Mapped[list[str]] = mapped_column(default=list)
    skipped: Mapped[int] = mapped_column(default=0)
    videos: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    error: Mapped[str] = mapped_column(default="")
    job_id: Mapped[str | None] = mapped_column(ForeignKey("jobs.id", ondelete="SET NULL"))
    group_id: Mapped[int | None] = mapped_column(ForeignKey("groups.id"), index=True)
    disk: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    dataset: Mapped[DatasetRow] = relationship()
    creator: Mapped[AccountRow] = relationship()
    group: Mapped[GroupRow | None] = relationship()
    job: Mapped[JobRow | None] = relationship()
    sets: Mapped[list[FormattedSetRow]] = relationship(cascade="all, delete-orphan", order_by="FormattedSetRow.id")
    shards: Mapped[list[BatchShardRow]] = relationship(cascade="all, delete-orphan", order_by="BatchShardRow.number")


class BatchShardRow(Table):
    """One of the jobs that share the work of a batch; what it makes lies at ``.shards`` in the batch's folder."""

    __tablename__ = "batch_shards"

    batch_id: Mapped[str] = mapped_column(ForeignKey("batches.id", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    job_id: Mapped[str | None] = mapped_column(ForeignKey("jobs.id", ondelete="SET NULL"), index=True)
    job: Mapped[JobRow | None] = relationship()


class FormattedSetRow(Table):
    """One format of one split; ``first`` and ``end`` are its part of the order, end exclusive."""

    __tablename__ = "formatted_sets"

    id: Mapped[str] = mapped_column(primary_key=True)
    batch_id: Mapped[str] = mapped_column(ForeignKey("batches.id", ondelete="CASCADE"), index=True)
    format: Mapped[str]
    split: Mapped[str]
    ratio: Mapped[float]
    first: Mapped[int] = mapped_column(BigInteger, default=0)
    end: Mapped[int] = mapped_column(BigInteger, default=0)
    samples: Mapped[int] = mapped_column(BigInteger, default=0)
    bytes: Mapped[int] = mapped_column(BigInteger, default=0)
    ready: Mapped[bool] = mapped_column(default=False)
    batch: Mapped[BatchRow] = relationship(back_populates="sets")
