"""The one ledger: what is given out to whom, what the limits are. Whoever starts something asks here first.

Rows are written in the transaction that decides, under the database's write lock, before anything starts.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from sqlalchemy import delete, select
from sqlalchemy.orm import Session
from trainyard.errors import Conflict, NotFound
from trainyard.quotas import Amount, Holding, Limits, PackageSize, Request, Shortage, fits, never, package
from trainyard.records.accounts import Quota, Use
from trainyard.words import N_

from trainyard_service.database.tables.accounts import GroupRow, MembershipRow
from trainyard_service.database.tables.jobs import AllocationRow
from trainyard_service.disk.books import stored
from trainyard_service.jobs.settings import JobSettings

_SMALLER = N_("Choose a smaller package, stop something that runs, or ask an administrator for more.")
_DELETE = N_(
    "Delete what is not needed: models, formatted sets, datasets, trainings, files on the share (a workspace with the smallest "
    "package starts for tidying up). Or ask an administrator for more."
)


@dataclass(frozen=True)
class Capacity:
    """What the machine has: the settings' cores and memory, and the launcher's GPUs."""

    machine: Quota
    devices: tuple[str, ...] = ()

    @classmethod
    def of(cls, settings: JobSettings, devices: tuple[str, ...]) -> Capacity:
        """Cores and memory as set (or found), and these GPU ids."""
        return cls(Quota(cpu=settings.capacity_cpu, memory=settings.capacity_memory, gpu=len(devices)), devices)


class Ledger:
    """Reads and writes allocations inside a caller's transaction."""

    def __init__(self, settings: JobSettings, capacity: Capacity) -> None:
        self.settings = settings
        self.capacity = capacity

    def limits(self, session: Session) -> Limits:
        """All limits as they stand in the database now."""
        groups: dict[int | None, Quota] = {row.id: row.quota for row in session.scalars(select(GroupRow))}
        groups[None] = self.settings.newcomers
        persons: dict[tuple[int | None, int], Quota] = {
            (row.group_id, row.account_id): row.quota for row in session.scalars(select(MembershipRow))
        }
        return Limits(self.capacity.machine, self.capacity.devices, groups, persons, stored(session).by_key())

    def holdings(self, session: Session) -> list[Holding]:
        """Everything that is given out now."""
        return [
            Holding(row.owner_id, row.group_id, amount_of(row), tuple(row.devices))
            for row in session.scalars(select(AllocationRow))
        ]

    def take(self, session: Session, row: AllocationRow, *, tidying: bool = False) -> tuple[str, ...] | Shortage:
        """Add ``row`` with devices if everything fits now; else say what is short and write nothing.

        ``tidying`` may start although the disk quota is used up: something has to, so that files can be deleted.
        """
        request = Request(row.key, row.owner_id, row.group_id, amount_of(row))
        limits = self.limits(session)
        outcome = fits(request, self.holdings(session), replace(limits, stored={}) if tidying else limits)
        if not isinstance(outcome, Shortage):
            row.devices = list(outcome)
            session.add(row)
            session.flush()
        return outcome

    def release(self, session: Session, key: str) -> bool:
        """Give back what the launch ``key`` holds; False when it held nothing."""
        row = session.scalar(select(AllocationRow).where(AllocationRow.key == key))
        if row is None:
            return False
        session.execute(delete(AllocationRow).where(AllocationRow.key == key))
        return True

    @property
    def smallest(self) -> PackageSize:
        """The package that takes least; a workspace of this size starts for tidying up though the disk quota is used up."""
        return min(map(package, self.settings.packages), key=lambda size: (size.gpu, size.memory, size.cpu))

    def size(self, name: str) -> PackageSize:
        """The package of that name.

        Raises:
            NotFound: it is not offered here.
        """
        if name not in self.settings.packages:
            raise NotFound(
                "no-such-package",
                N_("There is no resource package {package}."),
                hint=N_("Choose one of: {packages}."),
                field="package",
                package=name,
                packages=", ".join(self.settings.packages),
            )
        return package(name)

    def refuse_impossible(self, session: Session, request: Request, group: str) -> None:
        """Refuse what could not start even if nothing else ran.

        Raises:
            Conflict: ``never-enough``, with the numbers.
        """
        shortage = never(request, self.limits(session))
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
