"""Trainings and the instances their scripts started."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship
from trainyard.records.trainings import InstanceState

from trainyard_service.database.base import Table, now
from trainyard_service.database.tables.accounts import AccountRow, GroupRow
from trainyard_service.database.tables.datasets import FormattedSetRow
from trainyard_service.database.tables.jobs import JobRow


class TrainingRow(Table):
    """A training's configuration. Its name is unique per person and group.

    Its run folder is ``Home.run(id)``; ``disk`` is what that took when it was last measured.
    """

    __tablename__ = "trainings"
    __table_args__ = (UniqueConstraint("owner_id", "group_id", "name"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    description: Mapped[str] = mapped_column(default="")
    owner_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), index=True)
    group_id: Mapped[int] = mapped_column(ForeignKey("groups.id"), index=True)
    job_id: Mapped[str] = mapped_column(ForeignKey("jobs.id"), unique=True)
    entry: Mapped[str]
    parameters: Mapped[dict[str, Any]] = mapped_column(default=dict)
    hours: Mapped[float]
    created: Mapped[datetime] = mapped_column(default=now)
    disk: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    owner: Mapped[AccountRow] = relationship()
    group: Mapped[GroupRow] = relationship()
    job: Mapped[JobRow] = relationship()
    sets: Mapped[list[TrainingSetRow]] = relationship(cascade="all, delete-orphan")
    instances: Mapped[list[InstanceRow]] = relationship(cascade="all, delete-orphan", order_by="InstanceRow.started")


class TrainingSetRow(Table):
    """A formatted set a training reads; while this row stands the set cannot be deleted."""

    __tablename__ = "training_sets"

    training_id: Mapped[str] = mapped_column(ForeignKey("trainings.id", ondelete="CASCADE"), primary_key=True)
    part: Mapped[str] = mapped_column(primary_key=True)
    set_id: Mapped[str] = mapped_column(ForeignKey("formatted_sets.id"), index=True)
    set: Mapped[FormattedSetRow] = relationship()


class InstanceRow(Table):
    """A run of a script that reports through the SDK; files lie at ``Home.run(training)/<id>``."""

    __tablename__ = "instances"

    id: Mapped[str] = mapped_column(primary_key=True)
    training_id: Mapped[str] = mapped_column(ForeignKey("trainings.id", ondelete="CASCADE"), index=True)
    attempt: Mapped[int]
    state: Mapped[str] = mapped_column(default=InstanceState.RUNNING)
    parameters: Mapped[dict[str, Any]] = mapped_column(default=dict)
    started: Mapped[datetime] = mapped_column(default=now)
    stopped: Mapped[datetime | None]
    error: Mapped[str] = mapped_column(default="")
    training: Mapped[TrainingRow] = relationship(back_populates="instances")
