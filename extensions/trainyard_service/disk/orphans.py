"""What lies on the volume and belongs to no row: half-made things whose maker was killed. They are moved to the waiting room.

Nothing that a row knows is ever touched, and nothing young: things lie on the disk before their rows are written, and who is
making one now must not lose it. Folders are listed before the rows are read, so that what is made meanwhile is not among them.
"""

from __future__ import annotations

import logging
import os
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session
from trainyard.home import Home
from trainyard.jobs.states import ENDED
from trainyard.records.accounts import AccountState

from trainyard_service import audit
from trainyard_service.context import Context
from trainyard_service.database.tables.accounts import AccountRow, GroupRow
from trainyard_service.database.tables.datasets import BatchRow, DatasetRow
from trainyard_service.database.tables.jobs import JobRow
from trainyard_service.database.tables.models import ModelRow
from trainyard_service.database.tables.storage import UploadRow
from trainyard_service.database.tables.trainings import TrainingRow
from trainyard_service.disk.removed import put_away

log = logging.getLogger(__name__)
_HOUR = 3600
_PART = re.compile(r"\.?([0-9a-f]{16})(\.part)?")
Known = Callable[[Session], set[str]]


@dataclass(frozen=True)
class Place:
    """A folder of the platform's, and what in it a row knows. ``name`` tells the waiting room what it was."""

    name: str
    path: Path
    known: Known


def sweep(context: Context, hours: float) -> list[str]:
    """Put away every orphan older than ``hours``; ``<kind>/<name>`` of each, which is logged and audited too."""
    gone: list[str] = []
    for place in places(context.home):
        present = _old(place.path, hours)
        if not present:
            continue
        with context.database.read() as session:
            known = place.known(session)
        for path in present:
            if _subject(path.name) not in known and put_away(context.home, path, f"{place.name}-{path.name[:120]}"):
                gone.append(f"{place.name}/{path.name}")
                log.warning("orphan put away", extra={"orphan": gone[-1]})
    if gone:
        with context.database.write() as session:
            audit.record(session, "platform", "volume.orphans", str(len(gone)), orphans=gone[:100])
    return gone


def places(home: Home) -> Iterator[Place]:
    """Every folder whose entries belong to rows."""
    volume = home.volume
    yield Place("dataset", volume / "datasets", _ids(DatasetRow.id))
    yield Place("batch", volume / "formatted", _ids(BatchRow.id))
    yield Place("run", volume / "runs", _ids(TrainingRow.id))
    yield Place("model", volume / "models", _ids(ModelRow.id))
    yield Place("upload", volume / "uploads", _ids(UploadRow.id))
    yield Place("group", volume / "groups", _ids(GroupRow.id))
    yield Place("home", volume / "homes", _homes)
    yield Place("token", home.service / "private", _keys)
    for image in _folders(home.images):
        yield Place("image", image, lambda _session, image=image: _images(image))  # type: ignore[misc]


def _ids(column: object) -> Known:
    return lambda session: {str(one) for one in session.scalars(select(column))}  # type: ignore[call-overload]


def _homes(session: Session) -> set[str]:
    return {str(one) for one in session.scalars(select(AccountRow.id).where(AccountRow.state != AccountState.DELETED))}


def _keys(session: Session) -> set[str]:
    """Launches of jobs that have not ended; workspaces keep nothing there."""
    return {job.key for job in session.scalars(select(JobRow).where(JobRow.state.not_in(ENDED)))}


def _images(image: Path) -> set[str]:
    """Everything but builds that were given up: a build that is under way is young, and writes into its folder all the time."""
    return {entry.name for entry in image.iterdir() if not entry.name.startswith(".build-")}


def _subject(name: str) -> str:
    """The id a name stands for; ``.<id>.part`` is being made and belongs to nobody until it has its own name."""
    match = _PART.fullmatch(name)
    return match[1] if match and not match[2] and not name.startswith(".") else name


def _folders(path: Path) -> list[Path]:
    try:
        return [entry for entry in path.iterdir() if entry.is_dir() and not entry.is_symlink()]
    except OSError:
        return []


def _old(folder: Path, hours: float) -> list[Path]:
    """Entries in which nothing has changed for so long."""
    limit = time.time() - hours * _HOUR
    try:
        with os.scandir(folder) as entries:
            return [Path(entry.path) for entry in entries if _changed(entry) < limit]
    except OSError:
        return []


def _changed(entry: os.DirEntry[str]) -> float:
    """When something last changed in an entry or directly below it."""
    try:
        newest = entry.stat(follow_symlinks=False).st_mtime
        if entry.is_dir(follow_symlinks=False):
            with os.scandir(entry.path) as inside:
                newest = max([newest, *(one.stat(follow_symlinks=False).st_mtime for one in inside)])
    except OSError:
        return time.time()
    return newest
