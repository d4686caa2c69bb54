"""The one ledger: what is given out to whom, what the limits are. Whoever starts something asks here first.

Rows are written in the transaction that decides, under the database's write lock, before anything starts.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session
from trainyard.errors import Conflict, NotFound
from trainyard.quotas import Amount, Holding, Limits, PackageSize, Request, Shortage, fits, never
from trainyard.records.accounts import Quota, Use
from trainyard.words import N_

from trainyard_service.database.base import now
from trainyard_service.database.rows import ask
from trainyard_service.database.tables.accounts import GroupRow, MembershipRow
from trainyard_service.database.tables.jobs import AllocationRow, JobRow
from trainyard_service.disk.books import stored
from trainyard_service.jobs import booking, declared
from trainyard_service.jobs.gang import Parts, packages_of, size_of
from trainyard_service.jobs.settings import JobSettings

_DISK_SECONDS = 10.0
_SMALLER = N_("Choose a smaller package, stop something that runs, or ask an administrator for more.")
_DELETE = N_(
    "Delete what is not needed: models, formatted sets, datasets, trainings, files on the share (a workspace with the smallest "
    "package starts for tidying up). Or ask an administrator for more."
)


@dataclass(frozen=True)
class Capacity:
    """What the machine has: the settings' cores and memory, and the launcher's GPUs with their types."""

    machine: Quota
    devices: tuple[str, ...] = ()
    types: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, settings: JobSettings, devices: tuple[str, ...], types: Mapping[str, str] | None = None) -> Capacity:
        """Cores and memory as set (or found), and these GPU ids."""
        machine = Quota(cpu=settings.capacity_cpu, memory=settings.capacity_memory, gpu=len(devices))
        return cls(machine, devices, types or {})


class Ledger:
    """Reads and writes allocations inside a caller's transaction."""

    def __init__(self, settings: JobSettings, capacity: Capacity) -> None:
        self.settings = settings
        self.capacity = capacity
        self._stored: tuple[float, Mapping[tuple[int | None, int | None], int]] | None = None

    def stored(self, session: Session, *, fresh: bool) -> Mapping[tuple[int | None, int | None], int]:
        """Bytes on the volume by group and person; unless ``fresh`` as of some seconds ago: it is a sum over all rows."""
        known = self._stored
        if fresh or known is None or time.monotonic() - known[0] > _DISK_SECONDS:
            known = self._stored = (time.monotonic(), stored(session).by_key())
        return known[1]

    def limits(self, session: Session, on_disk: Mapping[tuple[int | None, int | None], int] | None = None) -> Limits:
        """All limits as they stand in the database now; ``on_disk`` are the bytes by group and person, if they are known."""
        rows = ask(session, _GROUPS).all()
        groups: dict[int | None, Quota] = {row.id: _quota(row) for row in rows}
        groups[None] = self.settings.newcomers
        persons: dict[tuple[int | None, int], Quota] = {
            (row.group_id, row.account_id): _quota(row) for row in ask(session, _MEMBERSHIPS)
        }
        guaranteed = {row.id: Amount(row.guaranteed_cpu, row.guaranteed_memory, row.guaranteed_gpu) for row in rows}
        return Limits(
            machine=self.capacity.machine,
            devices=self.capacity.devices,
            groups=groups,
            persons=persons,
            stored=stored(session).by_key() if on_disk is None else on_disk,
            guaranteed={group: amount for group, amount in guaranteed.items() if amount != Amount()},
            clusters=declared.shares(session),
            types=self.capacity.types,
        )

    def holdings(self, session: Session) -> list[Holding]:
        """Everything that is given out now, with until when at the latest."""
        return [_holding(*row, grace=self.settings.grace) for row in session.execute(_HELD)]

    def take(
        self, session: Session, row: AllocationRow, device_type: str | None = None, *, tidying: bool = False
    ) -> tuple[str, ...] | Shortage:
        """Add ``row`` with devices if everything fits now; else say what is short and write nothing.

        ``tidying`` may start although the disk quota is used up: something has to, so that files can be deleted.
        """
        request = Request(row.key, row.owner_id, row.group_id, amount_of(row), device_type=device_type)
        limits = self.limits(session)
        outcome = fits(request, self.holdings(session), replace(limits, stored={}) if tidying else limits)
        if not isinstance(outcome, Shortage):
            row.devices = list(outcome)
            session.add(row)
            session.flush()
        return outcome

    def release(self, session: Session, key: str) -> None:
        """Give back what the launch ``key`` holds."""
        booking.give_back(session, key)

    def sizes(self, session: Session) -> dict[str, PackageSize]:
        """All packages by name, in the order in which they are shown."""
        return declared.sizes(session, self.settings)

    def smallest(self, session: Session) -> PackageSize:
        """The package that takes least; a workspace of this size starts for tidying up though the disk quota is used up."""
        return min(self.sizes(session).values(), key=lambda size: size.rank)

    def size(self, session: Session, name: str) -> PackageSize:
        """The package of that name.

        Raises:
            NotFound: it is not offered here.
        """
        return self.whole(session, name, None)

    def whole(self, session: Session, name: str, parts: Parts) -> PackageSize:
        """What a job of that package takes with all its replicas (``JobRow.replicas``).

        Raises:
            NotFound: a package it asks for is not offered here.
        """
        found = self.sizes(session)
        whole = size_of(name, parts, found)
        if whole is None:
            missing = next(one for one in packages_of(name, parts) if one not in found)
            raise NotFound(
                "no-such-package",
                N_("There is no resource package {package}."),
                hint=N_("Choose one of: {packages}."),
                field="package",
                package=missing,
                packages=", ".join(found),
            )
        return whole

    def refuse_impossible(self, session: Session, request: Request, group: str) -> None:
        """Refuse what could not start even if nothing else ran.

        Raises:
            Conflict: ``never-enough``, with the numbers.
        """
        shortage = never(request, self.limits(session, self.stored(session, fresh=False)))
        if shortage is not None and shortage.resource == "disk":  # what was deleted a moment ago counts
            shortage = never(request, self.limits(session, self.stored(session, fresh=True)))
        if shortage is not None:
            raise shortage_error("never-enough", shortage, group)


def shortage_error(code: str, shortage: Shortage, group: str, field: str | None = None) -> Conflict:
    """A refusal that tells the shortage; the sentence is translated for the reader with its own numbers.

    Bytes have a code of their own, ``disk-quota``: another package would not help.
    """
    if shortage.resource == "disk":
        return ShortageError("disk-quota", shortage, group, field)
    return ShortageError(code, shortage, group, field or "package")


class ShortageError(Conflict):
    """A quota or the machine is short: the numbers, in the reader's language."""

    def __init__(self, code: str, shortage: Shortage, group: str, field: str | None) -> None:
        hint = _DELETE if shortage.resource == "disk" else _SMALLER
        super().__init__(code, shortage.sentence("en", group).replace("{", "{{").replace("}", "}}"), hint=hint, field=field)
        self.shortage = shortage
        self.group = group

    def text(self, language: str) -> str:
        """The sentence with numbers in ``language``."""
        return self.shortage.sentence(language, self.group)


_QUOTAS = tuple(Quota.model_fields)
# columns: they are asked for at every submission and decision, and rows of the ORM take three times as long
_GROUPS = select(
    GroupRow.id, GroupRow.guaranteed_cpu, GroupRow.guaranteed_memory, GroupRow.guaranteed_gpu,
    *(getattr(GroupRow, name) for name in _QUOTAS),
)  # fmt: skip
_MEMBERSHIPS = select(MembershipRow.group_id, MembershipRow.account_id, *(getattr(MembershipRow, name) for name in _QUOTAS))


def _quota(row: Any) -> Quota:
    return Quota(**{name: getattr(row, name) for name in _QUOTAS})


_HELD = select(
    AllocationRow, JobRow.preemptible, JobRow.cluster, JobRow.wanted, JobRow.started, JobRow.time_limit, JobRow.deadline
).outerjoin(JobRow, JobRow.id == AllocationRow.job_id)


def _holding(
    row: AllocationRow,
    preemptible: bool | None,
    cluster: str | None,
    wanted: str | None,
    started: datetime | None,
    limit: float | None,
    deadline: datetime | None,
    *,
    grace: float,
) -> Holding:
    """A row of the ledger, with what its job says about it. A workspace may be renewed for ever."""
    ending = wanted not in (None, "run")
    ends = deadline.timestamp() if deadline else None
    if ends is None and limit is not None:
        ends = (started or now()).timestamp() + limit
    if ending:
        soon = now().timestamp() + grace
        ends = soon if ends is None else min(ends, soon)
    return Holding(
        person=row.owner_id,
        group=row.group_id,
        amount=amount_of(row),
        devices=tuple(row.devices),
        key=row.key,
        preemptible=bool(preemptible),
        cluster=cluster,
        ending=ending,
        since=row.since.timestamp(),
        ends=None if ends is None else ends + grace,
    )


def amount_of(row: AllocationRow) -> Amount:
    """What an allocation takes."""
    return Amount(row.cpu, row.memory, row.gpu, row.jobs)


def use_of(rows: list[AllocationRow]) -> Use:
    """What some allocations hold together."""
    return Use(
        cpu=sum(row.cpu for row in rows),
        memory=sum(row.memory for row in rows),
        gpu=sum(row.gpu for row in rows),
        jobs=sum(row.jobs for row in rows),
        workspaces=sum(row.workspace is not None for row in rows),
    )
