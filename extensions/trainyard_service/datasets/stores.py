"""Objects in a person's bound bucket, read with that person's keys inside the service only."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy.orm import Session
from trainyard.datasets.sources import ObjectSource, PictureProblem, object_path
from trainyard.words import N_

from trainyard_service.context import Context
from trainyard_service.database.tables.storage import StorageRow

_BLOCK = 1 << 20


class Bucket(ObjectSource):
    """A person's bucket; ``filesystem`` brings the keys."""

    def __init__(self, filesystem: Any) -> None:
        super().__init__(filesystem)
        self.filesystem = filesystem


def objects_of(session: Session, context: Context, account_id: int | None) -> Bucket | None:
    """What reads the objects of a person's bucket, or None when nothing is bound."""
    row = session.get(StorageRow, account_id) if account_id is not None else None
    connect = context.parts.get("storage_filesystem")
    if row is None or connect is None:
        return None
    return Bucket(connect(session, row))


def objects_blocks(bucket: Bucket, url: str) -> tuple[int, Iterator[bytes]]:
    """An object's size, and its bytes as they come: a list may be larger than memory.

    Raises:
        PictureProblem: it is not there, or may not be read.
    """
    path = object_path(url)
    try:
        size = int(bucket.filesystem.size(path))
    except FileNotFoundError:
        raise PictureProblem("picture-missing", N_("There is no such object.")) from None
    except OSError as error:
        reason = type(error).__name__
        raise PictureProblem("store-unavailable", N_("The store does not answer: {reason}."), reason=reason) from error
    return size, _blocks(bucket.filesystem, path, size)


def _blocks(filesystem: Any, path: str, size: int) -> Iterator[bytes]:
    for start in range(0, size, _BLOCK):
        yield filesystem.cat_file(path, start=start, end=min(size, start + _BLOCK))
