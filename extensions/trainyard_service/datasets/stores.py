"""Whose keys open a picture of a list: those of whoever brought the list, for what that list names, and nobody else's.

A copy, and what a graph or a fetch makes of a list, belongs to another person but was not written by them: its ``s3://`` urls
are a stranger's text. So they are opened with the keys of the person who brought the first list, as long as that dataset is
there, that person lets the new owner read it, and its list names the very url. The new owner's own keys open only what was put
into their bucket on the way (``own_prefix``). Otherwise a member could copy a shared list and add private objects of its owner,
or lay a list in somebody's way that names objects of theirs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session
from trainyard.datasets.sources import FolderSource, ObjectSource, PictureProblem, Sources, object_path
from trainyard.words import N_

from trainyard_service.context import Context
from trainyard_service.database.tables.accounts import AccountRow, MembershipRow
from trainyard_service.database.tables.datasets import DatasetRow
from trainyard_service.database.tables.storage import StorageRow
from trainyard_service.datasets.named import is_named
from trainyard_service.datasets.sources import places_of
from trainyard_service.datasets.web import WebSource

_BLOCK = 1 << 20
_LONGEST_LINE = 32


class Bucket(ObjectSource):
    """A person's bucket; ``filesystem`` brings the keys."""

    def __init__(self, filesystem: Any, name: str = "") -> None:
        super().__init__(filesystem)
        self.filesystem = filesystem
        self.name = name


@dataclass(frozen=True)
class Door:
    """Somebody's bucket, and what of it may be read: what begins with ``prefix``, and (unless empty) what a list names."""

    account_id: int
    prefix: str = ""
    list_of: str = ""


def brought(dataset: DatasetRow) -> dict[str, Any]:
    """What the ``source`` of a dataset that is made of this one's list has to say: who brought the list, and where."""
    source = dataset.source
    return {"list_by": source.get("list_by", dataset.owner_id), "list_of": source.get("list_of", dataset.id)}


def doors(session: Session, dataset: DatasetRow) -> list[Door]:
    """The buckets that this dataset's urls may lead into."""
    owner, source = dataset.owner_id, dataset.source
    if owner is None:
        return []
    found, by = [], source.get("list_by", _by_of_old_copies(session, dataset))
    if by == owner:
        return [Door(owner)]
    if prefix := source.get("own_prefix"):
        found.append(Door(owner, prefix=prefix))
    first = session.get(DatasetRow, source.get("list_of") or source.get("copy_of", ""))
    if by is not None and first is not None and first.owner_id == by and may_read(session, owner, first):
        found.append(Door(by, list_of=first.id))
    return found


def _by_of_old_copies(session: Session, dataset: DatasetRow) -> int | None:
    """Who brought the list of a dataset whose ``source`` does not say: its owner, or that of what it was copied of."""
    seen = dataset
    for _ in range(_LONGEST_LINE):
        before = session.get(DatasetRow, seen.source.get("copy_of", ""))
        if before is None:
            break
        seen = before
    return seen.source.get("list_by", seen.owner_id)


def may_read(session: Session, account_id: int, dataset: DatasetRow) -> bool:
    """Whether a person may read a dataset now: their own, shared with a group of theirs, public, or as an administrator."""
    account = session.get(AccountRow, account_id)
    if account is None:
        return False
    groups = set(session.scalars(select(MembershipRow.group_id).where(MembershipRow.account_id == account_id)))
    shared = any(share.group_id is None or share.group_id in groups for share in dataset.shares)
    return shared or dataset.owner_id == account_id or account.administrator


class KeyedObjects:
    """The objects that a dataset's urls may lead to, as a ``PictureSource``: each door with the keys of its owner.

    ``closed``: the list was brought by somebody who does not let the dataset's owner read it any more.
    """

    def __init__(self, context: Context, opened: list[tuple[Door, Bucket]], *, closed: bool = False) -> None:
        self._home = context.home
        self._opened, self._closed = opened, closed

    @classmethod
    def all_of(cls, context: Context, bucket: Bucket) -> KeyedObjects:
        """Everything in one bucket."""
        return cls(context, [(Door(0), bucket)])

    def bucket_of(self, url: str) -> Bucket:
        """The bucket that hands out ``url``.

        Raises:
            PictureProblem: nobody's keys may be used for it.
        """
        if not self._opened and not self._closed:
            raise PictureProblem("no-storage", N_("No storage space is bound that could hand out this picture."))
        path = object_path(url)
        for door, bucket in self._opened:
            if not path.startswith(f"{bucket.name}/{door.prefix}"):
                continue
            if not door.list_of or is_named(self._home, door.list_of, url):
                return bucket
        if self._closed:
            raise PictureProblem(
                "not-shared", N_("Whoever brought this list does not share it any more, and their bucket is closed to it.")
            )
        raise PictureProblem(
            "another-bucket",
            N_("{url} is not in the bucket of whoever brought this list, or their list does not name it."),
            url=url[:200],
        )

    def read(self, url: str) -> bytes:
        """See ``PictureSource``."""
        return self.bucket_of(url).read(url)

    def exists(self, url: str) -> bool:
        """See ``PictureSource``."""
        try:
            return self.bucket_of(url).exists(url)
        except PictureProblem:
            return False


def keyed_objects(session: Session, context: Context, dataset: DatasetRow) -> KeyedObjects:
    """The objects that this dataset's urls may lead to."""
    known = doors(session, dataset)
    found = ((door, objects_of(session, context, door.account_id)) for door in known)
    closed = dataset.owner_id is not None and not any(door.list_of or not door.prefix for door in known)
    return KeyedObjects(context, [(door, bucket) for door, bucket in found if bucket is not None], closed=closed)


def sources_of(session: Session, context: Context, dataset: DatasetRow) -> Sources:
    """Every picture of a dataset, wherever its list says that it lies, read inside the service.

    Raises:
        NotAllowed: see ``places_of``.
    """
    roots = places_of(session, context.home, dataset).roots
    return Sources(FolderSource(roots), keyed_objects(session, context, dataset), WebSource(context, dataset.owner_id))


def objects_of(session: Session, context: Context, account_id: int | None) -> Bucket | None:
    """What reads the objects of a person's bucket, or None when nothing is bound. For pictures of a list: ``sources_of``."""
    row = session.get(StorageRow, account_id) if account_id is not None else None
    connect = context.parts.get("storage_filesystem")
    if row is None or connect is None:
        return None
    return Bucket(connect(session, row), row.bucket)


class Object(NamedTuple):
    """An object of a bucket: its ``size``, and ``mark``, which is another one when it is written anew (empty: nobody says)."""

    size: int
    mark: str
    read: Callable[[int, int], bytes]

    def blocks(self, start: int = 0) -> Iterator[bytes]:
        """Its bytes from ``start`` on as they come: a list may be larger than memory."""
        for first in range(start, self.size, _BLOCK):
            yield self.read(first, min(self.size, first + _BLOCK))


def object_of(bucket: Bucket, url: str) -> Object:
    """What lies at ``url``.

    Raises:
        PictureProblem: it is not there, or may not be read.
    """
    path = object_path(url)
    told = bucket.asked(partial(bucket.filesystem.info, path))

    def read(start: int, end: int) -> bytes:
        data: bytes = bucket.filesystem.cat_file(path, start=start, end=end)
        return data

    return Object(int(told["size"]), str(told.get("ETag") or ""), read)
