"""Which folders are measured, and where what they take is written down."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import and_, delete, or_, select, update
from sqlalchemy.orm import Session
from trainyard.home import Home

from trainyard_service.database.base import now
from trainyard_service.database.tables.accounts import FIRST_UID, AccountRow, GroupRow
from trainyard_service.database.tables.datasets import BatchRow, BatchShardRow, DatasetRow
from trainyard_service.database.tables.disk import FolderUseRow
from trainyard_service.database.tables.jobs import JobRow
from trainyard_service.database.tables.trainings import TrainingRow

Row = type[DatasetRow] | type[BatchRow] | type[TrainingRow]
_TABLES: dict[str, Row] = {"datasets": DatasetRow, "formatted": BatchRow, "runs": TrainingRow}
_PIECE = 500


@dataclass(frozen=True)
class Task:
    """One folder to measure. ``kind`` is its first part below the volume, ``subject`` the id of what it belongs to.

    For a part of a share ``subject`` is the group, ``account`` the member whose folder it is.
    """

    path: Path
    kind: str
    subject: str
    account: int | None = None

    @property
    def own(self) -> bool:
        """Whether files with another name are another's: a set that came formatted lies in its dataset, which pays for it."""
        return self.kind == "formatted"


@dataclass(frozen=True)
class Found:
    """What a task came to."""

    task: Task
    bytes: int
    files: int


def everything(session: Session, home: Home, since: datetime | None) -> list[Task]:
    """All shares and homes; of the rest what has changed ``since`` (or all of it)."""
    tasks = [task for group in session.scalars(select(GroupRow.id)) for task in share(session, home, group)]
    tasks += [Task(home.user_home(person), "homes", str(person), person) for person in session.scalars(select(AccountRow.id))]
    for kind, table in _TABLES.items():
        query = select(table.id).join(JobRow, JobRow.id == table.job_id, isouter=True)
        if since is not None:
            query = query.where(or_(JobRow.ended.is_(None), JobRow.ended >= since))
        tasks += [Task(home.volume / kind / subject, kind, subject) for subject in session.scalars(query)]
    return tasks


def one(home: Home, place: str) -> Task | None:
    """The task of ``datasets/<id>``, ``formatted/<id>`` or ``runs/<id>``."""
    kind, _, subject = place.partition("/")
    return Task(home.volume / kind / subject, kind, subject) if kind in _TABLES and subject else None


def share(session: Session, home: Home, group: int) -> Iterator[Task]:
    """One task for everything in a group's share that lies at its top: folders of members and the rest."""
    people = {row.name: row.id for row in session.execute(select(AccountRow.name, AccountRow.id))}
    try:
        with os.scandir(home.group_share(group)) as entries:
            for entry in entries:
                yield Task(Path(entry.path), "groups", str(group), _whose(entry, people))
    except OSError:
        return


def _whose(entry: os.DirEntry[str], people: dict[str, int]) -> int | None:
    """The member a folder of a share belongs to; as root its owner must agree with its name."""
    account = people.get(entry.name)
    if account is None or os.geteuid() != 0:
        return account
    try:
        return account if entry.stat(follow_symlinks=False).st_uid == FIRST_UID + account else None
    except OSError:
        return None


def keep(session: Session, found: Iterable[Found], *, whole: bool) -> None:
    """Write down what was measured; after a ``whole`` measurement folders that are gone count nothing any more."""
    places: dict[str, FolderUseRow] = {}
    rows = []
    for one_found in found:
        if one_found.task.kind in _TABLES:
            rows.append(one_found)
        else:
            _add(places, one_found)
    known = _known(session, [one.task for one in rows])
    for one in rows:
        if known.get((one.task.kind, one.task.subject)) != one.bytes:
            _keep_row(session, one.task, one.bytes)
    moment = now()
    for row in places.values():
        row.at = moment
        session.merge(row)
    if whole:
        session.flush()
        session.execute(delete(FolderUseRow).where(FolderUseRow.place.not_in(places)))


def _known(session: Session, tasks: Sequence[Task]) -> dict[tuple[str, str], int]:
    """What was written down before: most of what is measured again and again does not change."""
    found: dict[tuple[str, str], int] = {}
    for kind, table in _TABLES.items():
        subjects = [task.subject for task in tasks if task.kind == kind]
        for first in range(0, len(subjects), _PIECE):
            some = select(table.id, table.disk).where(table.id.in_(subjects[first : first + _PIECE]))
            found |= {(kind, subject): disk for subject, disk in session.execute(some)}
    return found


def _keep_row(session: Session, task: Task, count: int) -> None:
    table = _TABLES[task.kind]
    change = update(table).where(table.id == task.subject)
    if task.kind == "formatted":
        # while it is being written, what is set aside for it stands unless it needs more
        under_way = select(JobRow.id).where(JobRow.ended.is_(None))
        shared = select(BatchShardRow.batch_id).where(BatchShardRow.job_id.in_(under_way))
        ended = and_(or_(BatchRow.job_id.not_in(under_way), BatchRow.job_id.is_(None)), BatchRow.id.not_in(shared))
        change = change.where(or_(ended, BatchRow.disk < count))
    session.execute(change.values(disk=count), execution_options={"synchronize_session": False})


def _add(places: dict[str, FolderUseRow], found: Found) -> None:
    task = found.task
    group = int(task.subject) if task.kind == "groups" else None
    place = f"groups/{task.subject}/{task.account or 0}" if group is not None else f"homes/{task.subject}"
    row = places.setdefault(place, FolderUseRow(place=place, group_id=group, account_id=task.account, bytes=0, files=0))
    row.bytes += found.bytes
    row.files += found.files
