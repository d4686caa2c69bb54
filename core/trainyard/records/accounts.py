"""Accounts, groups, quotas, notices, access tokens and the audit log."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import Field

from trainyard.records.base import Description, Name, Person, Record


class AccountState(StrEnum):
    """applied → active ⇄ blocked, or applied → refused: told on the sign-in page and by mail; the name is free again."""

    APPLIED = "applied"
    ACTIVE = "active"
    BLOCKED = "blocked"
    DELETED = "deleted"
    REFUSED = "refused"


class Application(Record):
    """What somebody writes who wants an account."""

    name: Name
    password: str = Field(min_length=1, max_length=1024)
    email: str = Field(default="", max_length=254)
    affiliation: str = Field(default="", max_length=200)
    reason: str = Field(default="", max_length=1000)
    language: str = "en"


class Account(Record):
    """A person as an administrator sees them; ``affiliation`` is the group or school they named."""

    id: int
    name: str
    uid: int
    state: AccountState
    administrator: bool
    email: str
    affiliation: str
    reason: str
    groups: list[str]
    created: datetime
    decided_by: str | None = None
    last_seen: datetime | None = None


class Quota(Record):
    """What may be used at once; None is no limit of its own. ``memory`` and ``disk`` in bytes."""

    cpu: float | None = Field(default=None, ge=0)
    memory: int | None = Field(default=None, ge=0)
    gpu: int | None = Field(default=None, ge=0)
    jobs: int | None = Field(default=None, ge=0)
    disk: int | None = Field(default=None, ge=0)


class Guarantee(Record):
    """The part of a group's quota that it gets before anybody borrows; the rest of its quota it may borrow while it is idle.

    ``memory`` in bytes. All groups' guarantees together are at most what the machine has outside its virtual clusters.
    """

    cpu: float = Field(default=0, ge=0)
    memory: int = Field(default=0, ge=0)
    gpu: int = Field(default=0, ge=0)


class Use(Record):
    """What is in use now; same units as Quota."""

    cpu: float = 0
    memory: int = 0
    gpu: int = 0
    jobs: int = 0
    workspaces: int = 0
    disk: int = 0


class Group(Record):
    """A group with its quota; ``use`` and ``members`` are there for members and administrators.

    ``measured`` is when the share was last measured: the part of ``use.disk`` that people write by themselves is as of then.
    """

    id: int
    name: str
    gid: int
    description: str
    quota: Quota
    guaranteed: Guarantee = Guarantee()
    use: Use
    members: list[Member] = []
    created: datetime
    measured: datetime | None = None


class Member(Record):
    """A person in a group and what of the group's quota they may use."""

    person: Person
    quota: Quota
    use: Use
    since: datetime


class NewGroup(Record):
    """What makes a group. Without a quota it gets the default one; an administrator may change it at any time."""

    name: Name
    description: Description = ""
    quota: Quota | None = None


class Me(Record):
    """Who is calling, what they may do and what they should do next."""

    id: int
    name: str
    administrator: bool
    restricted: bool
    language: str
    groups: list[Group]
    storage: str | None
    unread_notices: int
    applications_waiting: int
    next_step: str


class Notice(Record):
    """A message on the page (and by mail where SMTP is set), in the reader's language."""

    id: int
    at: datetime
    text: str
    link: str = ""
    read: bool = False


class AccessToken(Record):
    """A personal access token; the secret itself is shown once, when made."""

    id: str
    name: str
    created: datetime
    expires: datetime | None
    last_used: datetime | None
    secret: str | None = None


class NewAccessToken(Record):
    """``days`` until it expires, 1 to 365."""

    name: Name
    days: int = Field(default=90, ge=1, le=365)


class AuditEntry(Record):
    """Who did what to which thing, when, with what result (``ok`` or an error code)."""

    id: int
    at: datetime
    who: str
    action: str
    target: str
    result: str
    detail: dict[str, Any] = {}


Group.model_rebuild()
