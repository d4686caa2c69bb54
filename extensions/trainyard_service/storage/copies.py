"""Which copies belong into whose bucket: a queue in the database that is derived from what there is, not from events.

A look compares datasets, batches and models of people who bound a bucket with the rows of copies: what has none gets one,
what is gone makes its copy unwanted. So nothing is forgotten by a kill, what was there before the bucket was bound is copied
too, and whoever deletes a dataset need not know of copies.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, CursorResult, Select, String, and_, cast, exists, func, or_, select, update
from sqlalchemy.orm import Session
from trainyard.errors import UserError
from trainyard.records.datasets import DatasetState
from trainyard.records.storage import BucketCopy, CopyState

from trainyard_service.database.base import now
from trainyard_service.database.tables.copies import CopyRow
from trainyard_service.database.tables.datasets import BatchRow, DatasetRow, FormattedSetRow
from trainyard_service.database.tables.models import ModelRow
from trainyard_service.database.tables.storage import StorageRow
from trainyard_service.datasets.prepare import reason_text
from trainyard_service.events import Audience, announce

DATASET, BATCH, MODEL = "dataset", "batch", "model"
WANTED, COPIED, UNWANTED = "wanted", "copied", "unwanted"
ROOT = "trainyard"
_AT_ONCE = 200
# the claim of who works on a copy; renewed with every progress, so that a killed service's work goes on soon
CLAIM = timedelta(seconds=60)
_FIRST_RETRY = timedelta(seconds=30)
_LAST_RETRY = timedelta(hours=1)


@dataclass(frozen=True)
class Subject:
    """One kind of thing that is copied. ``version`` is an expression that changes when the copy must."""

    kind: str
    row: Any
    owner: Any
    name: Any
    version: ColumnElement[str]
    ready: ColumnElement[bool]
    folder: str


def _sets() -> ColumnElement[str]:
    """How many sets a batch has: one may be deleted alone."""
    count = select(func.count()).select_from(FormattedSetRow).where(FormattedSetRow.batch_id == BatchRow.id)
    return cast(count.scalar_subquery(), String)


SUBJECTS = (
    Subject(
        DATASET,
        DatasetRow,
        DatasetRow.owner_id,
        DatasetRow.name,
        cast(DatasetRow.lines, String),
        DatasetRow.state == DatasetState.READY,
        "datasets",
    ),
    Subject(
        BATCH,
        BatchRow,
        BatchRow.creator_id,
        select(DatasetRow.name).where(DatasetRow.id == BatchRow.dataset_id).scalar_subquery(),
        _sets(),
        BatchRow.completed.is_not(None),
        "formatted",
    ),
    Subject(MODEL, ModelRow, ModelRow.owner_id, ModelRow.name, ModelRow.sha256.expression, ModelRow.sha256 != "", "models"),
)


def is_due(session: Session) -> bool:
    """Whether ``look`` would change anything, or something waits to be worked on; only reads."""
    if session.scalar(select(or_(exists(select(StorageRow)), exists(select(CopyRow))))) is not True:
        return False  # nobody has a bucket, and nobody had one
    if session.scalar(due().limit(1)) is not None:
        return True
    return any(session.execute(query).first() is not None for query in _looks())


@cache
def _looks() -> tuple[Select[Any], ...]:
    """What would be changed; put together once, as that takes longer than asking."""
    stale, orphaned = ([select(CopyRow.kind).where(rule(one)) for one in SUBJECTS] for rule in (_stale, _orphaned))
    return tuple(query.limit(1) for query in (*map(_missing, SUBJECTS), *stale, *orphaned))


def look(session: Session) -> int:
    """Bring the queue in line with what there is; how many rows changed."""
    return sum(_want(session, one) + _refresh(session, one) + _unwant(session, one) for one in SUBJECTS)


def _want(session: Session, subject: Subject) -> int:
    """A row for everything that has none."""
    found = session.execute(_missing(subject).limit(_AT_ONCE)).all()
    for subject_id, owner_id, name, version in found:
        prefix = f"{ROOT}/{subject.folder}/{_folder_name(name)}-{subject_id}/"
        session.add(CopyRow(kind=subject.kind, subject_id=subject_id, owner_id=owner_id, prefix=prefix, version=version))
    return len(found)


def _refresh(session: Session, subject: Subject) -> int:
    """A batch of which a set was deleted is compared with its copy once more."""
    values = {"state": WANTED, "version": _version(subject), "due": now(), "failures": 0}
    return _count(session.execute(update(CopyRow).where(_stale(subject)).values(**values)))


def _unwant(session: Session, subject: Subject) -> int:
    """What is gone has its copy deleted."""
    values = {"state": UNWANTED, "due": now(), "failures": 0}
    return _count(session.execute(update(CopyRow).where(_orphaned(subject)).values(**values)))


def _missing(subject: Subject) -> Select[Any]:
    bound = subject.owner.in_(select(StorageRow.account_id))
    has_copy = select(CopyRow.kind).where(CopyRow.kind == subject.kind, CopyRow.subject_id == subject.row.id).exists()
    query = select(subject.row.id, subject.owner, subject.name, subject.version)
    return query.where(subject.ready, bound, ~has_copy)


def _version(subject: Subject) -> Any:
    return select(subject.version).where(subject.row.id == CopyRow.subject_id).scalar_subquery()


def _stale(subject: Subject) -> ColumnElement[bool]:
    return and_(CopyRow.kind == subject.kind, CopyRow.state == COPIED, CopyRow.version != _version(subject))


def _orphaned(subject: Subject) -> ColumnElement[bool]:
    there = select(subject.row.id).where(subject.row.id == CopyRow.subject_id).exists()
    return and_(CopyRow.kind == subject.kind, CopyRow.state != UNWANTED, ~there)


def _folder_name(name: str) -> str:
    """A name as part of a key: the bucket page takes no backslash."""
    return name.replace("\\", "_").replace("/", "_")


def _count(result: Any) -> int:
    assert isinstance(result, CursorResult)
    return result.rowcount


def due() -> Select[CopyRow]:
    """What is to be worked on, the longest waiting first."""
    return select(CopyRow).where(CopyRow.state != COPIED, CopyRow.due <= now()).order_by(CopyRow.due)


def claim(session: Session) -> CopyRow | None:
    """Take the next one for ourselves; None when nothing is due."""
    for row in session.scalars(due().limit(5)):
        mine = and_(_same(row), CopyRow.due == row.due, CopyRow.state == row.state)
        if _count(session.execute(update(CopyRow).where(mine).values(due=now() + CLAIM))):
            session.refresh(row)
            return row
    return None


def progress(session: Session, row: CopyRow, *, done: int, total: int, upload: str) -> bool:
    """Write how far it is and keep the claim; False when it is not wanted any more."""
    values = {"changed": now(), "done": done, "bytes": total, "upload": upload, "error": "", "due": now() + CLAIM}
    going_on = _count(session.execute(update(CopyRow).where(_same(row), CopyRow.state == WANTED).values(**values))) == 1
    tell(session, row)
    return going_on


def finish(session: Session, row: CopyRow, total: int) -> None:
    """It is copied; unless it changed in the meantime, then it is looked at again."""
    values = {"state": COPIED, "bytes": total, "done": total, "error": "", "failures": 0, "upload": "", "changed": now()}
    same = and_(_same(row), CopyRow.state == WANTED, CopyRow.version == row.version)
    session.execute(update(CopyRow).where(same).values(**values))
    tell(session, row)


def fail(session: Session, row: CopyRow, error: UserError) -> None:
    """Write why, and when it is tried again."""
    told = {"message": error.message, "hint": error.hint, "values": {name: str(value) for name, value in error.values.items()}}
    wait = min(_FIRST_RETRY * 2 ** min(row.failures, 12), _LAST_RETRY)
    values = {"error": json.dumps(told), "failures": row.failures + 1, "due": now() + wait, "changed": now()}
    session.execute(update(CopyRow).where(_same(row)).values(**values))
    tell(session, row)


def tell(session: Session, row: CopyRow) -> None:
    """Announce it as a change of what is copied."""
    announce(session, row.kind, row.subject_id, Audience.of(row.owner_id, administrators=False))


def view(session: Session, kind: str, subject_id: str, language: str) -> BucketCopy | None:
    """The copy as its owner sees it."""
    row = session.get(CopyRow, (kind, subject_id))
    storage = None if row is None else session.get(StorageRow, row.owner_id)
    if row is None or storage is None or row.state == UNWANTED:
        return None
    state = CopyState.COPIED if row.state == COPIED else CopyState.FAILED if row.error else CopyState.COPYING
    return BucketCopy(
        state=state,
        place=f"s3://{storage.bucket}/{row.prefix}",
        bytes=row.bytes,
        done=row.done,
        error=reason_text(row.error, language) if state is CopyState.FAILED else "",
        again=row.due if state is CopyState.FAILED else None,
    )


def _same(row: CopyRow) -> ColumnElement[bool]:
    return and_(CopyRow.kind == row.kind, CopyRow.subject_id == row.subject_id)
