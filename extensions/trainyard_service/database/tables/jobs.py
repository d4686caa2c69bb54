"""Jobs, their attempts, workspaces, and the ledger of what both hold."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, false, text
from sqlalchemy.orm import Mapped, mapped_column, relationship
from trainyard.jobs.states import JobState

from trainyard_service.database.base import Serial, Table, now
from trainyard_service.database.tables.accounts import AccountRow, GroupRow

DEFAULT_PRIORITY = 100


class JobRow(Table):
    """What is wanted of a job and where it stands. ``spec`` is what its kind needs to start it.

    ``attempt`` counts starts; ``lost`` those of them whose supervisor was lost since a person last asked for a start.
    ``ends_at`` is set when the owner left the group: the job is stopped then. ``deadline`` is when its time limit ends it, and
    ``warned`` the seconds before it of the latest warning. ``restart`` is a ``RestartPolicy``; ``retries`` counts the starts it
    led to, and ``not_before`` holds the next of them back. ``replicas`` are the parts of a distributed job, see
    ``trainyard.jobs.replicas.Part``; None is one process.
    """

    __tablename__ = "jobs"
    __table_args__ = (Index("ix_jobs_owner_id_kind", "owner_id", "kind"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(index=True)
    name: Mapped[str]
    owner_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"))
    group_id: Mapped[int | None] = mapped_column(ForeignKey("groups.id"), index=True)
    state: Mapped[str] = mapped_column(default=JobState.CREATED, index=True)
    wanted: Mapped[str] = mapped_column(default="run")
    attempt: Mapped[int] = mapped_column(default=0)
    lost: Mapped[int] = mapped_column(default=0)
    priority: Mapped[int] = mapped_column(default=DEFAULT_PRIORITY)
    preemptible: Mapped[bool] = mapped_column(default=False, server_default=false())
    cluster: Mapped[str | None]
    image: Mapped[str]
    package: Mapped[str]
    spec: Mapped[dict[str, Any]] = mapped_column(default=dict)
    time_limit: Mapped[float | None]
    created: Mapped[datetime] = mapped_column(default=now)
    queued: Mapped[datetime | None]
    started: Mapped[datetime | None]
    ended: Mapped[datetime | None]
    ends_at: Mapped[datetime | None]
    stopped_by: Mapped[str | None]
    waiting: Mapped[dict[str, Any] | None]
    ending: Mapped[dict[str, Any] | None]
    restart: Mapped[dict[str, Any] | None]
    retries: Mapped[int] = mapped_column(default=0, server_default="0")
    not_before: Mapped[datetime | None]
    deadline: Mapped[datetime | None]
    warned: Mapped[float | None]
    replicas: Mapped[list[dict[str, Any]] | None] = mapped_column(JSON(none_as_null=True))
    owner: Mapped[AccountRow] = relationship()
    group: Mapped[GroupRow | None] = relationship()
    attempts: Mapped[list[AttemptRow]] = relationship(cascade="all, delete-orphan", order_by="AttemptRow.number")

    @property
    def key(self) -> str:
        """The present attempt; the launcher's key where it is one process, and what its replicas' keys begin with."""
        return f"job-{self.id}-{self.attempt}"


class AttemptRow(Table):
    """One start of a job. ``token_hash`` is empty once the attempt has ended: its token is dead.

    An ``ending`` without ``ended``: some replica could not be started, and the others are still being ended. ``told``: what its
    owner has had a notice about (``trainings.alarms``).
    """

    __tablename__ = "attempts"

    job_id: Mapped[str] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    token_hash: Mapped[str] = mapped_column(default="", index=True)
    created: Mapped[datetime] = mapped_column(default=now)
    ended: Mapped[datetime | None]
    ending: Mapped[dict[str, Any] | None]
    told: Mapped[list[str] | None] = mapped_column(JSON(none_as_null=True))


class WorkspaceRow(Table):
    """One start of a person's workspace; the newest row also remembers what was chosen last.

    ``active`` is when somebody or something last used it, as far as that was seen.
    """

    __tablename__ = "workspaces"

    key: Mapped[str] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), index=True)
    number: Mapped[int]
    group_id: Mapped[int | None] = mapped_column(ForeignKey("groups.id"))
    image: Mapped[str]
    package: Mapped[str]
    sets: Mapped[list[str]] = mapped_column(default=list)
    started: Mapped[datetime] = mapped_column(default=now)
    ends_at: Mapped[datetime]
    warned: Mapped[bool] = mapped_column(default=False)
    active: Mapped[datetime | None]
    idle_warned: Mapped[bool] = mapped_column(default=False, server_default=false())
    ended: Mapped[datetime | None]
    ending: Mapped[dict[str, Any] | None]
    account: Mapped[AccountRow] = relationship()
    group: Mapped[GroupRow | None] = relationship()


class WaitingWorkspaceRow(Table):
    """A start of a workspace that waits until preemptible jobs have gone; ``seen`` is when its spawner last asked.

    It lives for as long as it is asked for, so it refers to nothing. ``shortage`` is what was short, for the sentence.
    """

    __tablename__ = "waiting_workspaces"

    account_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    group_id: Mapped[int]
    package: Mapped[str]
    since: Mapped[datetime] = mapped_column(default=now)
    seen: Mapped[datetime] = mapped_column(default=now)
    shortage: Mapped[dict[str, Any]] = mapped_column(default=dict)

    @property
    def key(self) -> str:
        """Its name in the queue; no launch has it."""
        return f"workspace-{self.account_id}"


class AllocationRow(Table):
    """What one workspace or job holds; written before it starts, removed when it has ended. ``key`` is the launcher's."""

    __tablename__ = "allocations"
    __table_args__ = {"sqlite_autoincrement": True}

    id: Mapped[int] = mapped_column(Serial, primary_key=True)
    key: Mapped[str] = mapped_column(unique=True)
    owner_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), index=True)
    group_id: Mapped[int | None] = mapped_column(ForeignKey("groups.id"), index=True)
    job_id: Mapped[str | None] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"), unique=True)
    workspace: Mapped[str | None] = mapped_column(ForeignKey("workspaces.key"), unique=True)
    cpu: Mapped[float]
    memory: Mapped[int] = mapped_column(BigInteger)
    gpu: Mapped[int]
    jobs: Mapped[int]
    devices: Mapped[list[str]] = mapped_column(default=list)
    since: Mapped[datetime] = mapped_column(default=now)
    owner: Mapped[AccountRow] = relationship()
    group: Mapped[GroupRow | None] = relationship()


_UNREAD = text("meter IS NULL")


class BookingRow(Table):
    """What one start held, from ``since`` until it was given back: an allocation that has ended. Kept for the month's hours.

    ``meter`` is what its samples told of it, once they were read (``jobs.booking``); nothing later changes it.
    """

    __tablename__ = "bookings"
    __table_args__ = (
        Index("ix_bookings_unread", "id", sqlite_where=_UNREAD, postgresql_where=_UNREAD),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(Serial, primary_key=True)
    key: Mapped[str]
    owner_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"))
    group_id: Mapped[int | None] = mapped_column(ForeignKey("groups.id"))
    cpu: Mapped[float]
    gpu: Mapped[int]
    devices: Mapped[list[str]] = mapped_column(default=list)
    since: Mapped[datetime]
    until: Mapped[datetime] = mapped_column(index=True)
    meter: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
