"""Uploads in chunks: the row's ``offset`` counts bytes that are safely in the file, so that any chunk may be sent again.

A chunk is written, synced, and only then counted; whatever a killed service or a broken line left behind the offset is written
over. One chunk of an upload is written at a time, under a lock of its file, so that nobody's change of the database waits for a
disk. A complete upload of an object goes to the bucket; the others wait for the call that uses them, and expire.
"""

from __future__ import annotations

import fcntl
import hashlib
import io
import os
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from sqlalchemy import func, select
from sqlalchemy.orm import Session
from trainyard.errors import Conflict, Invalid, NotFound, TooLarge, Unavailable
from trainyard.records.storage import NewUpload, Upload, UploadPurpose
from trainyard.words import N_

from trainyard_service.context import Context
from trainyard_service.database.base import now
from trainyard_service.database.tables.storage import UploadRow
from trainyard_service.disk.room import Charge, charged_group, must_fit
from trainyard_service.identity import Caller
from trainyard_service.storage import binding
from trainyard_service.storage.bucket import must_be_key

LARGEST_CHUNK = 16 * 10**6
_YOUNG_SECONDS = 600


def begin(context: Context, caller: Caller, new: NewUpload) -> Upload:
    """Make room for a file; an empty one is to be finished at once.

    Raises:
        TooLarge: above the limit or the room on the volume. Conflict: above the disk quota of the group that pays.
        Invalid, NotFound: no key, or no bucket to put it in.
    """
    if new.purpose == UploadPurpose.OBJECT:
        must_be_key(new.name, field="name")
        binding.bucket_of(context, caller.id)
    settings = context.settings
    if new.size > settings.largest_upload:
        sentence = N_("A file may have at most {limit} bytes; this one has {size}.")
        raise TooLarge("upload-too-large", sentence, field="size", limit=settings.largest_upload, size=new.size)
    with context.database.write() as session:
        group_id = charged_group(caller, new.group)
        if new.purpose != UploadPurpose.OBJECT:
            must_fit(session, context, Charge(caller.id, group_id), new.size, "size")
        _must_fit(context, session, new.size)
        row = UploadRow(
            id=secrets.token_hex(8), account_id=caller.id, name=new.name, size=new.size, offset=0, purpose=new.purpose,
            group_id=group_id,
            expires=now() + timedelta(days=settings.upload_days),
        )  # fmt: skip
        session.add(row)
        folder = context.home.upload(row.id)
        folder.mkdir(parents=True, mode=0o700)
        (folder / "data").touch(mode=0o600)
    return view(row)


def _must_fit(context: Context, session: Session, size: int) -> None:
    coming = session.scalar(select(func.sum(UploadRow.size - UploadRow.offset))) or 0
    free = shutil.disk_usage(context.home.volume).free - context.settings.disk_reserve - int(coming)
    if size > free:
        raise TooLarge(
            "volume-full",
            N_("There is room for {free} bytes on the platform's volume; this file has {size}."),
            hint=N_("Delete what is not needed any more, or ask an administrator."),
            field="size",
            free=max(free, 0),
            size=size,
        )


def append(context: Context, caller: Caller, upload_id: str, offset: int, chunk: bytes, checksum: str | None) -> Upload:
    """Add the bytes at ``offset``; after the last ones the upload is to be finished.

    Raises:
        Conflict: another offset is next. Invalid: checksum or size are wrong. Unavailable: the volume is full.
    """
    _must_match(chunk, checksum)
    row = _read(context, caller, upload_id)
    if row.complete:
        return view(row)
    with _held(context.home.upload(row.id) / "data") as file:
        # read again: who held the file before may have added the same bytes
        row = _read(context, caller, upload_id)
        if row.complete:
            return view(row)
        _must_follow(row, offset, chunk)
        _write(file, offset, chunk)
        row = _count(context, caller, row, len(chunk))
    return view(row)


def _read(context: Context, caller: Caller, upload_id: str) -> UploadRow:
    with context.database.read() as session:
        return find(session, caller, upload_id)


def _must_follow(row: UploadRow, offset: int, chunk: bytes) -> None:
    if offset != row.offset:
        raise Conflict(
            "upload-offset",
            N_("The next byte of this upload is {expected}; the chunk begins at {offset}."),
            hint=N_("Ask for the upload and go on from its offset."),
            expected=row.offset,
            offset=offset,
        )
    if offset + len(chunk) > row.size:
        sentence = N_("The upload has {size} bytes; this chunk would make it {total}.")
        raise Invalid("upload-size", sentence, size=row.size, total=offset + len(chunk))


def _count(context: Context, caller: Caller, before: UploadRow, size: int) -> UploadRow:
    """Count bytes that are written; the upload may have been given up meanwhile."""
    with context.database.write() as session:
        row = find(session, caller, before.id)
        _must_follow(row, before.offset, b"")
        row.offset += size
        row.expires = now() + timedelta(days=context.settings.upload_days)
        return row


def _must_match(chunk: bytes, checksum: str | None) -> None:
    if checksum is None:
        return
    algorithm, _, expected = checksum.partition(" ")
    if algorithm.lower() != "sha256":
        raise Invalid("checksum", N_("A checksum is written as 'sha256 <hex>'."), field="Upload-Checksum")
    if not secrets.compare_digest(hashlib.sha256(chunk).hexdigest(), expected.strip().lower()):
        hint = N_("Send the chunk again.")
        raise Conflict("checksum-wrong", N_("The chunk was damaged on its way: its checksum is another one."), hint=hint)


@contextmanager
def _held(path: Path) -> Iterator[io.FileIO]:
    """An upload's file, held by one chunk at a time, in all services of this volume."""
    try:
        # unbuffered: closing must not try again what a full disk refused
        file = path.open("r+b", buffering=0)
    except OSError as error:
        raise _refused(error) from error
    with file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield file


def _write(file: io.FileIO, offset: int, chunk: bytes) -> None:
    try:
        file.seek(offset)
        rest = memoryview(chunk)
        while rest:
            rest = rest[file.write(rest) :]
        file.truncate()
        os.fsync(file.fileno())
    except OSError as error:
        raise _refused(error) from error


def _refused(error: OSError) -> Unavailable:
    sentence = N_("The chunk could not be written: {reason}")
    return Unavailable("volume-refused", sentence, hint=N_("Try again later."), reason=os.strerror(error.errno or 0))


def finish(context: Context, caller: Caller, upload_id: str) -> Upload:
    """Make a whole upload what it is for. Sending an empty chunk repeats this when the store was silent."""
    row = _read(context, caller, upload_id)
    if row.complete:
        return view(row)
    folder = context.home.upload(row.id)
    if row.purpose == UploadPurpose.OBJECT:
        with (folder / "data").open("rb") as file:
            binding.bucket_of(context, row.account_id).put_file(row.name, file, row.size)
    with context.database.write() as session:
        row = find(session, caller, upload_id)
        row.complete = True
        answer = view(row)
    if row.purpose == UploadPurpose.OBJECT:
        (folder / "data").unlink(missing_ok=True)
    return answer


def find(session: Session, caller: Caller, upload_id: str) -> UploadRow:
    """The caller's upload.

    Raises:
        NotFound: there is none of that id, or it is somebody else's.
    """
    row = session.get(UploadRow, upload_id)
    if row is None or row.account_id != caller.id:
        hint = N_("It may have expired; begin again.")
        raise NotFound("no-such-upload", N_("There is no upload {id} of yours."), hint=hint, id=upload_id)
    return row


def remove(context: Context, caller: Caller, upload_id: str) -> None:
    """Give an upload up."""
    with context.database.write() as session:
        session.delete(find(session, caller, upload_id))
    shutil.rmtree(context.home.upload(upload_id), ignore_errors=True)


def expire(context: Context) -> list[str]:
    """Remove uploads whose time is over, and folders that no row knows but new ones; the ids of the former."""
    uploads = context.home.volume / "uploads"
    unknown = {path.name for path in uploads.iterdir() if _is_old(path)} if uploads.is_dir() else set()
    with context.database.write() as session:
        old = list(session.scalars(select(UploadRow).where(UploadRow.expires < now())))
        for row in old:
            session.delete(row)
        session.flush()
        unknown -= set(session.scalars(select(UploadRow.id)))
    for name in unknown | {row.id for row in old}:
        shutil.rmtree(uploads / name, ignore_errors=True)
    return [row.id for row in old]


def _is_old(folder: Path) -> bool:
    """A folder is made before its row is committed."""
    try:
        return folder.lstat().st_mtime < time.time() - _YOUNG_SECONDS
    except FileNotFoundError:
        return False


def view(row: UploadRow) -> Upload:
    """An upload as its owner sees it."""
    return Upload(
        id=row.id,
        name=row.name,
        size=row.size,
        offset=row.offset,
        purpose=UploadPurpose(row.purpose),
        complete=row.complete,
        expires=row.expires,
    )
