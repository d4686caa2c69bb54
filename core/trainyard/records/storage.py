"""Bound storage, the bucket browser, and resumable uploads."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from pydantic import Field

from trainyard.records.base import Record


class NewStorage(Record):
    """A storage space to bind. Without ``endpoint`` the platform's own store is meant and no keys are needed."""

    bucket: str = Field(pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$")
    endpoint: str = ""
    region: str = ""
    access_key: str = ""
    secret_key: str = ""
    create: bool = False


class Storage(Record):
    """A bound storage space; bound once, not changeable afterwards. Keys never leave the service.

    ``path`` is where workspaces and trainings see its files; where the machine cannot mount it, ``mount_problem`` says why and
    what to do. ``mounted``: something uses it now.
    """

    endpoint: str
    bucket: str
    region: str
    embedded: bool
    bound: datetime
    mounted: bool = False
    path: str = ""
    mount_problem: str = ""


class StorageOffer(Record):
    """What the binding form offers: the platform's own store and a bucket name that is free."""

    endpoint: str
    bucket: str


class CopyState(StrEnum):
    """copying → copied | failed → copying."""

    COPYING = "copying"
    COPIED = "copied"
    FAILED = "failed"


class BucketCopy(Record):
    """The copy of a list, a batch or a model in its owner's bucket. Failed, it is tried again at ``again``."""

    state: CopyState
    place: str
    bytes: int = 0
    done: int = 0
    error: str = ""
    again: datetime | None = None


class BucketEntry(Record):
    """An object, or a folder when ``size`` is None. ``key`` is the full key below the bucket."""

    key: str
    name: str
    size: int | None
    modified: datetime | None


class BucketListing(Record):
    """One page of a prefix; ``after`` asks for the next page, None at the end."""

    bucket: str
    prefix: str
    entries: list[BucketEntry]
    after: str | None


class AllowedHosts(Record):
    """Names, addresses and networks of the private network on which people's pictures and buckets may lie."""

    hosts: list[str] = Field(default=[], max_length=1000)


class ChangedHosts(AllowedHosts):
    """What they shall be. With ``seen``, the hosts there were when the change was thought of, only what differs is changed."""

    seen: list[str] | None = Field(default=None, max_length=1000)


class ShareListing(Record):
    """One page of a folder of a group's share; ``path`` and the entries' keys are below the share, folders end in a slash."""

    group: str
    path: str
    entries: list[BucketEntry]
    after: str | None


class UploadPurpose(StrEnum):
    """What an upload becomes when it is complete."""

    LIST = "list"
    PICTURES = "pictures"
    DATA = "data"
    OBJECT = "object"
    MODEL = "model"


class NewUpload(Record):
    """A file to be sent in chunks. For OBJECT ``name`` is the key in the bound bucket.

    ``group`` pays for the bytes; without one it is the group the caller joined first.
    """

    name: str = Field(min_length=1, max_length=1024)
    size: int = Field(ge=0)
    purpose: UploadPurpose
    group: str | None = None


class Upload(Record):
    """An upload under way: PATCH the next chunk at ``offset``; complete when offset equals size."""

    id: str
    name: str
    size: int
    offset: int
    purpose: UploadPurpose
    complete: bool
    expires: datetime
