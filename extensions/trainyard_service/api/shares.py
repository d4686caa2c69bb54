"""What lies on a group's share, folder by folder, for whoever chooses a file there instead of typing its path."""

from __future__ import annotations

import heapq
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import Annotated

from fastapi import APIRouter, Query
from trainyard.errors import Invalid, NotFound
from trainyard.metrics.beneath import folder_beneath
from trainyard.records.storage import BucketEntry, ShareListing
from trainyard.words import N_

from trainyard_service.accounts.people import find_group
from trainyard_service.audit import AuditedRoute
from trainyard_service.context import ContextDep
from trainyard_service.identity import CallerDep
from trainyard_service.permissions import must_see_group

router = APIRouter(tags=["storage"], route_class=AuditedRoute)
_PAGE = 500


@router.get("/shares/{group}/files")
def list_share(
    group: str,
    context: ContextDep,
    caller: CallerDep,
    path: Annotated[str, Query(max_length=4096)] = "",
    after: str | None = None,
) -> ShareListing:
    """One page of a folder of a share, folders first; links and hidden files are left out."""
    with context.database.read() as session:
        row = next((number for number, name in caller.groups.items() if name == group), None) or find_group(session, group).id
        must_see_group(caller, row, group)
    folder = str(PurePosixPath(path)) if path.strip("/") else ""
    prefix = f"{folder}/" if folder else ""
    try:
        with folder_beneath(context.home.group_share(row), folder) as descriptor:
            found = heapq.nsmallest(_PAGE + 1, _entries(descriptor, prefix, after), key=_order)
    except ValueError:
        raise Invalid("path-outside", N_("{path} leads out of the share."), field="path", path=path) from None
    except OSError:
        sentence = N_("There is no folder {path} on the share of {group}.")
        raise NotFound("folder-missing", sentence, field="path", path=path, group=group) from None
    more = found[_PAGE - 1].key if len(found) > _PAGE else None
    return ShareListing(group=group, path=prefix, entries=found[:_PAGE], after=more)


def _entries(descriptor: int, prefix: str, after: str | None) -> Iterator[BucketEntry]:
    """What comes behind ``after`` in the order of the listing."""
    behind = _place(after) if after else None
    with os.scandir(descriptor) as found:
        for entry in found:
            if (made := _entry(entry, prefix)) is not None and (behind is None or _order(made) > behind):
                yield made


def _entry(entry: os.DirEntry[str], prefix: str) -> BucketEntry | None:
    if entry.name.startswith(".") or not _is_text(entry.name):
        return None
    try:
        if entry.is_dir(follow_symlinks=False):
            return BucketEntry(key=f"{prefix}{entry.name}/", name=entry.name, size=None, modified=None)
        if not entry.is_file(follow_symlinks=False):
            return None
        told = entry.stat(follow_symlinks=False)
    except OSError:  # removed just now
        return None
    changed = datetime.fromtimestamp(told.st_mtime, UTC)
    return BucketEntry(key=prefix + entry.name, name=entry.name, size=told.st_size, modified=changed)


def _order(entry: BucketEntry) -> tuple[bool, str]:
    return _place(entry.key)


def _place(key: str) -> tuple[bool, str]:
    return not key.endswith("/"), key


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True
