"""People, groups, memberships, what is sent to people, and who tried to sign in."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column, relationship
from trainyard.records.accounts import AccountState, Guarantee, Quota

from trainyard_service.database.base import Serial, Table, now

FIRST_UID = 20_000
FIRST_GID = 30_000


class AccountRow(Table):
    """A person. ``session`` rises when every open session shall end; ``name_key`` is what may exist once."""

    __tablename__ = "accounts"
    __table_args__ = {"sqlite_autoincrement": True}

    id: Mapped[int] = mapped_column(Serial, primary_key=True)
    name: Mapped[str]
    name_key: Mapped[str] = mapped_column(unique=True)
    password_hash: Mapped[str]
    state: Mapped[str] = mapped_column(default=AccountState.APPLIED, index=True)
    administrator: Mapped[bool] = mapped_column(default=False)
    email: Mapped[str] = mapped_column(default="")
    affiliation: Mapped[str] = mapped_column(default="")
    reason: Mapped[str] = mapped_column(default="")
    language: Mapped[str] = mapped_column(default="en")
    session: Mapped[int] = mapped_column(default=0)
    created: Mapped[datetime] = mapped_column(default=now)
    decided_by: Mapped[str | None]
    last_seen: Mapped[datetime | None]
    memberships: Mapped[list[MembershipRow]] = relationship(back_populates="account", cascade="all, delete-orphan")

    @property
    def hub_name(self) -> str:
        """The Hub's name of this person: their id, so that a later person of the same name inherits nothing."""
        return f"u{self.id}"

    @property
    def uid(self) -> int:
        """The number their processes run as; never given twice."""
        return FIRST_UID + self.id


class QuotaColumns:
    """What may be used at once; NULL is no limit of its own. Memory and disk in bytes."""

    cpu: Mapped[float | None]
    memory: Mapped[int | None] = mapped_column(BigInteger)
    gpu: Mapped[int | None]
    jobs: Mapped[int | None]
    disk: Mapped[int | None] = mapped_column(BigInteger)

    @property
    def quota(self) -> Quota:
        """The columns as a record."""
        return Quota(cpu=self.cpu, memory=self.memory, gpu=self.gpu, jobs=self.jobs, disk=self.disk)

    @quota.setter
    def quota(self, quota: Quota) -> None:
        for field, value in quota:
            setattr(self, field, value)


class GroupRow(QuotaColumns, Table):
    """A group of people with its quota and its share of the volume."""

    __tablename__ = "groups"
    __table_args__ = {"sqlite_autoincrement": True}

    id: Mapped[int] = mapped_column(Serial, primary_key=True)
    name: Mapped[str]
    name_key: Mapped[str] = mapped_column(unique=True)
    description: Mapped[str] = mapped_column(default="")
    created: Mapped[datetime] = mapped_column(default=now)
    guaranteed_cpu: Mapped[float] = mapped_column(default=0, server_default="0")
    guaranteed_memory: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    guaranteed_gpu: Mapped[int] = mapped_column(default=0, server_default="0")
    memberships: Mapped[list[MembershipRow]] = relationship(back_populates="group", cascade="all, delete-orphan")

    @property
    def guaranteed(self) -> Guarantee:
        """What it gets before anybody borrows."""
        return Guarantee(cpu=self.guaranteed_cpu, memory=self.guaranteed_memory, gpu=self.guaranteed_gpu)

    @guaranteed.setter
    def guaranteed(self, guarantee: Guarantee) -> None:
        for field, value in guarantee:
            setattr(self, f"guaranteed_{field}", value)

    @property
    def gid(self) -> int:
        """The number its files belong to; never given twice."""
        return FIRST_GID + self.id


class MembershipRow(QuotaColumns, Table):
    """A person in a group, and what of the group's quota they may use."""

    __tablename__ = "memberships"

    group_id: Mapped[int] = mapped_column(ForeignKey("groups.id", ondelete="CASCADE"), primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"), primary_key=True, index=True)
    since: Mapped[datetime] = mapped_column(default=now)
    group: Mapped[GroupRow] = relationship(back_populates="memberships")
    account: Mapped[AccountRow] = relationship(back_populates="memberships")


class ExpulsionRow(Table):
    """Somebody was removed from a group: what runs with that group's mount ends at ``ends_at``, by the reconciler."""

    __tablename__ = "expulsions"

    group_id: Mapped[int] = mapped_column(ForeignKey("groups.id", ondelete="CASCADE"), primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"), primary_key=True)
    ends_at: Mapped[datetime]


class NoticeRow(Table):
    """A message to a person, kept as English key and values so that it is shown in the reader's language."""

    __tablename__ = "notices"
    __table_args__ = (Index("ix_notices_account_id_read", "account_id", "read"), {"sqlite_autoincrement": True})

    id: Mapped[int] = mapped_column(Serial, primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"))
    at: Mapped[datetime] = mapped_column(default=now)
    message: Mapped[str]
    message_values: Mapped[dict[str, Any]] = mapped_column(default=dict)
    link: Mapped[str] = mapped_column(default="")
    read: Mapped[bool] = mapped_column(default=False)


class ThrottleRow(Table):
    """Failed sign-ins of one name or from one address; kept, so that a restart forgives nothing."""

    __tablename__ = "throttles"

    key: Mapped[str] = mapped_column(primary_key=True)
    failures: Mapped[int] = mapped_column(default=0)
    last: Mapped[datetime] = mapped_column(default=now)
    blocked_until: Mapped[datetime | None]
