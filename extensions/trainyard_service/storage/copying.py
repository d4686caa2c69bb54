"""Makes the copies that ``copies`` wants: file by file, large ones part by part, the manifest last; goes on after a kill.

A copied object remembers the size and time of the file it was made from, so that a second pass sends only what is missing or
has changed. Before anything changes the manifest's object goes: without it there is no artefact, there as on the volume.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select
from trainyard.errors import NotFound, Unavailable, UserError
from trainyard.words import N_

from trainyard_service.context import Context
from trainyard_service.database.tables.copies import CopyRow
from trainyard_service.database.tables.datasets import FormattedSetRow
from trainyard_service.database.tables.models import ModelRow
from trainyard_service.storage import binding, copies
from trainyard_service.storage.bucket import Bucket, Sending

log = logging.getLogger(__name__)
MANIFEST = "manifest.json"
LIST = "index.jsonl"
_TOLD_SECONDS = 2.0


@dataclass(frozen=True)
class Source:
    """One file to be copied: its key below the prefix."""

    name: str
    path: Path

    @property
    def size(self) -> int:
        """In bytes."""
        return self.path.stat().st_size

    @property
    def mark(self) -> str:
        """What the object remembers of the file."""
        found = self.path.stat()
        return f"{found.st_size}-{found.st_mtime_ns}"


class Unwanted(Exception):
    """The copy is not wanted any more, or not by us; whoever knows will go on."""


def work(context: Context) -> int:
    """Everything that is due; how many rows were worked on."""
    # most looks find nothing: they shall not wait for, or hold, the one writer
    with context.database.read() as session:
        if not copies.is_due(session):
            return 0
    with context.database.write() as session:
        copies.look(session)
    count = 0
    while (row := _claimed(context)) is not None:
        _one(context, row)
        count += 1
    return count


def _claimed(context: Context) -> CopyRow | None:
    with context.database.write() as session:
        return copies.claim(session)


def _one(context: Context, row: CopyRow) -> None:
    try:
        _remove(context, row) if row.state == copies.UNWANTED else Copying(context, row).run()
    except Unwanted:
        log.info("%s %s was deleted while it was copied", row.kind, row.subject_id)
    except Exception as error:
        if isinstance(error, NotFound) and error.code == "no-storage":
            # the account is deleted, and the binding with it; what others use of it stays, without a copy
            _forget(context, row)
        else:
            _failed(context, row, error)


def _failed(context: Context, row: CopyRow, error: Exception) -> None:
    log.warning("copying %s %s failed: %s", row.kind, row.subject_id, error, exc_info=not isinstance(error, UserError))
    told = error if isinstance(error, UserError) else _unknown(error)
    with context.database.write() as session:
        copies.fail(session, row, told)


def _forget(context: Context, row: CopyRow) -> None:
    with context.database.write() as session:
        session.delete(session.get_one(CopyRow, (row.kind, row.subject_id)))


def _unknown(error: Exception) -> UserError:
    return Unavailable("copy-failed", N_("The copy failed: {reason}"), reason=error)


def _remove(context: Context, row: CopyRow) -> None:
    """Delete the copy of what is deleted, the manifest first."""
    bucket = binding.bucket_of(context, row.owner_id)
    if row.upload:
        upload, _, key = row.upload.split(" ", 2)
        bucket.give_up(key, upload)
    bucket.delete(row.prefix + MANIFEST)
    bucket.delete_folder(row.prefix)
    _forget(context, row)


class Copying:
    """One pass over one copy."""

    def __init__(self, context: Context, row: CopyRow) -> None:
        self._context = context
        self._row = row
        self._bucket: Bucket = binding.bucket_of(context, row.owner_id)
        self._done = 0
        self._total = 0
        self._upload = row.upload
        self._told = 0.0

    def run(self) -> None:
        """Bring the copy in line with the files.

        Raises:
            UserError: the store refuses. Unwanted: deleted in the meantime.
        """
        sources = [*self._sources()]
        self._total = sum(one.size for one in sources)
        missing = [one for one in sources if not self._is_there(one)]
        extra = self._extra({one.name for one in sources})
        if missing or extra:
            self._bucket.delete(self._row.prefix + MANIFEST)
            for key in extra:
                self._bucket.delete(key)
            missing = [*(one for one in missing if one.name != MANIFEST), *(one for one in sources if one.name == MANIFEST)]
        self._done = self._total - sum(one.size for one in missing)
        for one in missing:
            self._send(one)
        with self._context.database.write() as session:
            copies.finish(session, self._row, self._total)

    def _sources(self) -> Iterator[Source]:
        """The files, the manifest last.

        Raises:
            Unwanted: they are gone.
        """
        folder, names = self._files()
        if not (folder / MANIFEST).is_file():
            raise Unwanted
        for path, name in names:
            if path.is_file() and not path.is_symlink() and path.name != MANIFEST:
                yield Source(name, path)
        yield Source(MANIFEST, folder / MANIFEST)

    def _files(self) -> tuple[Path, list[tuple[Path, str]]]:
        home, subject = self._context.home, self._row.subject_id
        if self._row.kind == copies.DATASET:
            folder = home.dataset(subject)
            return folder, [(folder / LIST, LIST)]
        with self._context.database.read() as session:
            if self._row.kind == copies.MODEL:
                model, folder = session.get(ModelRow, subject), home.model(subject)
                return folder, [(folder / "model", model.file)] if model else []
            query = select(FormattedSetRow).where(FormattedSetRow.batch_id == subject)
            sets = {f"{one.format}-{one.split}" for one in session.scalars(query)}
        folder = home.batch(subject)
        top = [path for path in sorted(folder.glob("*")) if not path.name.startswith(".")]
        files = [path for path in top if path.is_file()]
        files += [path for one in top if one.is_dir() and one.name in sets for path in sorted(one.rglob("*"))]
        return folder, [(path, path.relative_to(folder).as_posix()) for path in files]

    def _is_there(self, source: Source) -> bool:
        return self._bucket.mark(self._row.prefix + source.name) == source.mark

    def _extra(self, names: set[str]) -> list[str]:
        prefix = self._row.prefix
        keys = (key for page in self._bucket.keys(prefix) for key in page)
        return [key for key in keys if key[len(prefix) :] not in names and not key.endswith("/")]

    def _send(self, source: Source) -> None:
        key, begun, mark = self._row.prefix + source.name, self._done, source.mark
        upload, _, what = self._upload.partition(" ")
        going_on = upload if what == f"{mark} {key}" else ""
        self._tell(force=True)

        def told(done: int) -> None:
            self._done = begun + done
            self._tell()

        def started(upload_id: str) -> None:
            self._upload = f"{upload_id} {mark} {key}"
            self._tell(force=True)

        with source.path.open("rb") as file:
            self._bucket.send(key, file, Sending(source.size, mark, going_on, started, told))
        self._done, self._upload = begun + source.size, ""

    def _tell(self, *, force: bool = False) -> None:
        if not force and time.monotonic() - self._told < _TOLD_SECONDS:
            return
        self._told = time.monotonic()
        with self._context.database.write() as session:
            if not copies.progress(session, self._row, done=self._done, total=self._total, upload=self._upload):
                raise Unwanted
