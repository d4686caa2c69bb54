"""What a new dataset is to be made of: uploads, keys in the bound bucket, files on a group share; found and checked.

What is found becomes the ``source`` of the dataset's row, from which its job is told what to read:

===========  =======================================================================================================
upload       ``name``
bucket       ``bucket``, ``key``
share        ``group``, ``group_id``, ``path``, ``by``: the pictures stay on the share
prefix       ``on``: ``bucket`` with ``bucket`` and ``key``, or ``share`` with the fields of a share in ``share``
archive      ``layout``, ``label_set``, ``files`` with ``archive``
formatted    ``format``, ``split``, ``files`` with ``data`` and, where given, ``index`` and ``labels``
===========  =======================================================================================================

Each of ``files`` has its own ``kind`` (upload, bucket, share) and the fields of it: they are brought into the dataset's folder.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from sqlalchemy.orm import Session
from trainyard.datasets.folder import LIST
from trainyard.datasets.job import ARCHIVE
from trainyard.errors import Conflict, Invalid, NotFound
from trainyard.metrics.beneath import folder_beneath, open_beneath
from trainyard.records.datasets import (
    ArchiveSource,
    BucketFile,
    BucketSource,
    DatasetSource,
    FilePlace,
    FormattedSource,
    PrefixSource,
    ShareFile,
    ShareSource,
    UploadedFile,
    UploadSource,
)
from trainyard.records.storage import UploadPurpose
from trainyard.words import N_

from trainyard_service.context import Context
from trainyard_service.database.tables.storage import StorageRow, UploadRow
from trainyard_service.identity import Caller
from trainyard_service.storage.bucket import must_be_key

FILES = (UploadPurpose.LIST, UploadPurpose.PICTURES, UploadPurpose.DATA)
"""What a file of a dataset may have been uploaded as; a model or an object of the bucket is none."""


@dataclass(frozen=True)
class Asking:
    """Who asks, and where to look."""

    session: Session
    context: Context
    caller: Caller


@dataclass
class Given:
    """What was found. ``uploads`` are by the name they get in the dataset's folder; ``bytes`` counts what is known.

    ``group_id`` is the group whose share it lies on.
    """

    source: dict[str, Any]
    uploads: dict[str, UploadRow] = field(default_factory=dict)
    bytes: int = 0
    group_id: int | None = None

    def paid_by(self, caller: Caller, group_id: int | None) -> bool:
        """Whether all the bytes are uploads that are counted already, for this group."""
        first, rows = next(iter(caller.groups), None), list(self.uploads.values())
        counted = {row.group_id if row.group_id in caller.groups else first for row in rows}
        return counted == {group_id} and self.bytes == sum(row.size for row in rows)


def find(asking: Asking, source: DatasetSource) -> Given:
    """What ``source`` names.

    Raises:
        NotFound, Conflict, Invalid: it is not there, not complete, or not the caller's.
    """
    match source:
        case UploadSource():
            return _uploads(asking, source)
        case BucketSource():
            return Given({"kind": "bucket", "bucket": bucket_of(asking, "source.key"), "key": source.key.lstrip("/")})
        case ShareSource():
            found, size = _share_file(asking, source, "source")
            return Given({**found, "kind": "share"}, bytes=size, group_id=found["group_id"])
        case PrefixSource():
            return _prefix(asking, source)
        case ArchiveSource():
            told = {"kind": "archive", "layout": source.layout.value, "label_set": source.label_set}
            return _files(asking, told, {"archive": (ARCHIVE, source.file)})
        case FormattedSource():
            files = {part: (f"set.{part}", getattr(source, part)) for part in ("data", "index", "labels")}
            return _files(asking, {"kind": "formatted", "format": source.format, "split": source.split}, files)


def _uploads(asking: Asking, source: UploadSource) -> Given:
    lists = find_upload(asking.session, asking.caller, source.upload, FILES, "source.upload")
    found = Given({"kind": "upload", "name": lists.name}, {LIST: lists}, lists.size)
    if source.pictures is not None:
        archive = find_upload(asking.session, asking.caller, source.pictures, FILES, "source.pictures")
        found.uploads[ARCHIVE] = archive
        found.bytes += archive.size
    return found


def _prefix(asking: Asking, source: PrefixSource) -> Given:
    place = source.place
    if isinstance(place, BucketFile):
        key = place.key.lstrip("/")
        key = must_be_key(key if not key or key.endswith("/") else f"{key}/", field="source.place.key", empty=True)
        bucket = bucket_of(asking, "source.place.key")
        return Given({"kind": "prefix", "on": "bucket", "bucket": bucket, "key": key})
    group_id, relative = _on_share(asking, place, "source.place")
    try:
        with folder_beneath(asking.context.home.group_share(group_id), relative):
            pass
    except (OSError, ValueError):
        raise _missing(place, relative, "source.place.path") from None
    path = "" if relative in ("", ".") else str(PurePosixPath(relative))
    told = {"group": place.group, "group_id": group_id, "path": path, "by": asking.caller.id}
    return Given({"kind": "prefix", "on": "share", "share": told}, group_id=group_id)


def _files(asking: Asking, told: dict[str, Any], files: dict[str, tuple[str, FilePlace | None]]) -> Given:
    """The places of files that are brought into the dataset's folder, each under its name there."""
    found = Given({**told, "files": {}})
    for part, (name, place) in files.items():
        where = f"source.{part if part != 'archive' else 'file'}"
        if isinstance(place, UploadedFile):
            row = find_upload(asking.session, asking.caller, place.upload, FILES, f"{where}.upload")
            if row in found.uploads.values():
                raise Invalid("upload-twice", N_("The upload {name} is given twice."), field=where, name=row.name)
            found.uploads[name] = row
            found.bytes += row.size
            found.source["files"][part] = {"kind": "upload", "name": row.name}
        elif isinstance(place, BucketFile):
            key = must_be_key(place.key.lstrip("/"), field=f"{where}.key")
            found.source["files"][part] = {"kind": "bucket", "bucket": bucket_of(asking, f"{where}.key"), "key": key}
        elif isinstance(place, ShareFile):
            lying, size = _share_file(asking, place, where)
            found.bytes += size
            found.group_id = lying["group_id"]
            found.source["files"][part] = {"kind": "share", **lying}
    return found


def bucket_of(asking: Asking, field: str) -> str:
    """The caller's bucket.

    Raises:
        Conflict: none is bound.
    """
    storage = asking.session.get(StorageRow, asking.caller.id)
    if storage is None:
        raise Conflict(
            "no-storage",
            N_("No storage space is bound yet."),
            hint=N_("Bind one on the storage page, or with `trainyard storage bind`."),
            field=field,
        )
    return storage.bucket


def _on_share(asking: Asking, place: ShareSource | ShareFile, field: str) -> tuple[int, str]:
    """The group's id, and the path below its share."""
    group_id = next((number for number, name in asking.caller.groups.items() if name == place.group), None)
    if group_id is None:
        raise NotFound(
            "no-such-group", N_("There is no group {name} that you are a member of."), field=f"{field}.group", name=place.group
        )
    return group_id, place.path.removeprefix(_prefix_of(place)).lstrip("/")


def _share_file(asking: Asking, place: ShareSource | ShareFile, field: str) -> tuple[dict[str, Any], int]:
    """Where a file on a share lies, and its size."""
    group_id, relative = _on_share(asking, place, field)
    try:
        with open_beneath(asking.context.home.group_share(group_id), relative) as file:
            size = os.fstat(file.fileno()).st_size
    except (OSError, ValueError):
        raise _missing(place, relative, f"{field}.path") from None
    told = {"group": place.group, "group_id": group_id, "path": str(PurePosixPath(relative)), "by": asking.caller.id}
    return told, size


def _prefix_of(place: ShareSource | ShareFile) -> str:
    return f"/workspace/mnt/group/{place.group}/"


def _missing(place: ShareSource | ShareFile, relative: str, field: str) -> Invalid:
    return Invalid(
        "list-missing",
        N_("There is no file {path} on the share of {group}."),
        hint=N_("Give the path below {prefix}; links that lead elsewhere are not followed."),
        field=field,
        path=relative,
        group=place.group,
        prefix=_prefix_of(place),
    )


def find_upload(session: Session, caller: Caller, upload_id: str, purposes: tuple[UploadPurpose, ...], field: str) -> UploadRow:
    """A complete upload of the caller's.

    Raises:
        NotFound: there is none. Conflict: it is not complete. Invalid: it was sent for something else.
    """
    row = session.get(UploadRow, upload_id)
    if row is None or row.account_id != caller.id:
        raise NotFound("no-such-upload", N_("There is no upload {id} of yours."), field=field, id=upload_id)
    if not row.complete:
        raise Conflict(
            "upload-incomplete",
            N_("The upload {name} is not complete: {offset} of {size} bytes."),
            hint=N_("Go on with the upload first."),
            field=field,
            name=row.name,
            offset=row.offset,
            size=row.size,
        )
    if row.purpose not in purposes:
        raise Invalid(
            "upload-purpose", N_("The upload {name} was sent as {purpose}."), field=field, name=row.name, purpose=row.purpose
        )
    return row
