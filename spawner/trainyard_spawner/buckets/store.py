"""One bucket over S3 for the file system: listings, ranges, uploads in parts; every failure is an ``OSError`` with an errno.

The service has a client of its own for the bucket page; that one speaks in sentences and streams, this one in errno and ranges.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from trainyard.outward.clients import s3_client

PART_BYTES = 8 << 20
MOST_PARTS = 9_000
AT_ONCE = 4
COPY_AT_ONCE = 5 << 30
COPY_PART = 512 << 20
PAGE = 1000
DELETE_PAGE = 1000
ERRORS = {
    "NoSuchKey": errno.ENOENT,
    "404": errno.ENOENT,
    "NotFound": errno.ENOENT,
    "NoSuchBucket": errno.ENOENT,
    "AccessDenied": errno.EACCES,
    "403": errno.EACCES,
    "Forbidden": errno.EACCES,
    "InvalidAccessKeyId": errno.EACCES,
    "SignatureDoesNotMatch": errno.EACCES,
    "AllAccessDisabled": errno.EACCES,
    "EntityTooLarge": errno.EFBIG,
    "KeyTooLongError": errno.ENAMETOOLONG,
    "QuotaExceeded": errno.EDQUOT,
    "InsufficientStorage": errno.ENOSPC,
    "XMinioStorageFull": errno.ENOSPC,
    "507": errno.ENOSPC,
}


@dataclass(frozen=True)
class Place:
    """Where the bucket is. ``direct``: no proxy of the environment lies between; ``inward``: it may be in this network."""

    endpoint: str
    bucket: str
    region: str
    access_key: str
    secret_key: str
    direct: bool
    inward: bool

    def __repr__(self) -> str:
        return f"Place({self.endpoint!r}, {self.bucket!r})"


@dataclass(frozen=True)
class Found:
    """An object, or a folder when ``tag`` is None. ``size`` in bytes, ``modified`` in nanoseconds since 1970."""

    size: int
    modified: int
    tag: str | None

    @property
    def is_folder(self) -> bool:
        """Whether it is a folder."""
        return self.tag is None


FOLDER = Found(0, 0, None)


class Store:
    """The bucket's objects. Thread-safe."""

    def __init__(self, place: Place) -> None:
        self._s3 = s3_client(place, attempts=4, connections=4 * AT_ONCE)
        self._bucket = place.bucket
        self._workers = ThreadPoolExecutor(AT_ONCE, "parts")

    def head(self, key: str) -> Found | None:
        """The object of exactly this key."""
        try:
            with in_errno(key):
                answer = self._s3.head_object(Bucket=self._bucket, Key=key)
        except FileNotFoundError:
            return None
        return Found(int(answer["ContentLength"]), _nanoseconds(answer["LastModified"]), answer.get("ETag", ""))

    def has_any(self, prefix: str, *, besides: str = "") -> bool:
        """Whether a key begins with ``prefix``, other than ``besides``."""
        with in_errno(prefix):
            answer = self._s3.list_objects_v2(Bucket=self._bucket, Prefix=prefix, MaxKeys=2)
        return any(one["Key"] != besides for one in answer.get("Contents", ()))

    def folder(self, prefix: str) -> Iterator[dict[str, Found]]:
        """What lies directly below ``prefix`` (empty or ending in a slash), a page at a time, by name."""
        asked = {"Bucket": self._bucket, "Prefix": prefix, "Delimiter": "/", "MaxKeys": PAGE}
        while True:
            with in_errno(prefix):
                answer = self._s3.list_objects_v2(**asked)
            yield _names(answer, prefix)
            if not answer.get("IsTruncated"):
                return
            asked["ContinuationToken"] = answer["NextContinuationToken"]

    def keys(self, prefix: str) -> Iterator[tuple[str, int]]:
        """Every key below ``prefix`` with its size."""
        with in_errno(prefix):
            for page in self._s3.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=prefix):
                yield from ((one["Key"], int(one["Size"])) for one in page.get("Contents", ()))

    def read(self, key: str, tag: str, start: int, end: int) -> bytes:
        """The bytes from ``start`` to before ``end`` of the version ``tag``.

        Raises:
            OSError: ``ESTALE`` when the object is another version by now, ``EIO`` when the store sends something else.
        """
        with in_errno(key):
            answer = self._s3.get_object(Bucket=self._bucket, Key=key, Range=f"bytes={start}-{end - 1}")
            with answer["Body"] as body:
                if answer.get("ETag", "") != tag:
                    raise OSError(errno.ESTALE, os.strerror(errno.ESTALE), key)
                # a store that ignores the range may send without end
                data: bytes = body.read(end - start + 1)
        if len(data) != end - start:
            raise OSError(errno.EIO, "the store sent another number of bytes", key)
        return data

    def put_empty(self, key: str) -> None:
        """An object without bytes; with a slash at its end it marks a folder."""
        with in_errno(key):
            self._s3.put_object(Bucket=self._bucket, Key=key, Body=b"")

    def put(self, key: str, descriptor: int, size: int) -> str:
        """Write an object from an open file, in parts where it is large; its tag. Nothing is left of one that fails."""
        with in_errno(key):
            if size <= PART_BYTES:
                return str(self._s3.put_object(Bucket=self._bucket, Key=key, Body=os.pread(descriptor, size, 0))["ETag"])
            step = max(PART_BYTES, -(-size // MOST_PARTS))

            def send(number: int, where: Mapping[str, Any]) -> str:
                body = os.pread(descriptor, step, number * step)
                return str(self._s3.upload_part(**where, PartNumber=number + 1, Body=body)["ETag"])

            return self._in_parts(key, -(-size // step), send)

    def copy(self, key: str, to: str, size: int) -> None:
        """Copy an object inside the store; above the 5 GiB it copies at once in parts."""
        source = {"Bucket": self._bucket, "Key": key}
        with in_errno(key):
            if size <= COPY_AT_ONCE:
                self._s3.copy_object(Bucket=self._bucket, Key=to, CopySource=source)
                return

            def send(number: int, where: Mapping[str, Any]) -> str:
                first = number * COPY_PART
                piece = f"bytes={first}-{min(first + COPY_PART, size) - 1}"
                sent = self._s3.upload_part_copy(**where, PartNumber=number + 1, CopySource=source, CopySourceRange=piece)
                return str(sent["CopyPartResult"]["ETag"])

            self._in_parts(to, -(-size // COPY_PART), send)

    def copy_all(self, pairs: list[tuple[str, str, int]]) -> None:
        """Copy many objects, ``(key, to, size)`` each, some at once; marks of folders are made anew."""

        def one(pair: tuple[str, str, int]) -> None:
            # stores with real folders have nothing to copy there
            self.put_empty(pair[1]) if pair[0].endswith("/") else self.copy(*pair)

        for _ in self._workers.map(one, pairs):
            pass

    def delete(self, *keys: str) -> None:
        """Delete objects; one that is not there is fine."""
        for first in range(0, len(keys), DELETE_PAGE):
            some = keys[first : first + DELETE_PAGE]
            with in_errno(some[0]):
                if len(some) == 1:
                    self._s3.delete_object(Bucket=self._bucket, Key=some[0])
                    continue
                wanted = {"Objects": [{"Key": key} for key in some], "Quiet": True}
                failed = self._s3.delete_objects(Bucket=self._bucket, Delete=wanted).get("Errors", ())
            if failed:
                raise OSError(ERRORS.get(failed[0].get("Code", ""), errno.EIO), failed[0].get("Message", ""), some[0])

    def _in_parts(self, key: str, count: int, send: Callable[[int, Mapping[str, Any]], str]) -> str:
        where = {"Bucket": self._bucket, "Key": key}
        where["UploadId"] = self._s3.create_multipart_upload(**where)["UploadId"]
        try:
            # a pool of its own: a copy of many large objects would otherwise wait for itself
            with ThreadPoolExecutor(AT_ONCE) as workers:
                tags = list(workers.map(lambda number: send(number, where), range(count)))
            parts = [{"PartNumber": number, "ETag": tag} for number, tag in enumerate(tags, 1)]
            return str(self._s3.complete_multipart_upload(**where, MultipartUpload={"Parts": parts})["ETag"])
        except BaseException:
            with suppress(ClientError, BotoCoreError):
                self._s3.abort_multipart_upload(**where)
            raise


@contextmanager
def in_errno(key: str) -> Iterator[None]:
    """Turn what the store, or the way to it, answers into an ``OSError``."""
    try:
        yield
    except ClientError as error:
        code = str(error.response.get("Error", {}).get("Code", ""))
        number = ERRORS.get(code, errno.EIO)
        raise OSError(number, f"{os.strerror(number)} (the store said {code})", key) from error
    except UnicodeEncodeError as error:
        raise OSError(errno.EILSEQ, os.strerror(errno.EILSEQ), key) from error
    except BotoCoreError as error:
        raise OSError(errno.EIO, f"the store does not answer ({type(error).__name__})", key) from error


def _names(answer: Mapping[str, Any], prefix: str) -> dict[str, Found]:
    """Names that a file can have: a key may also hold ``a//b``, ``.`` and ``..``, which no path reaches."""
    found: dict[str, Found] = {}
    for one in answer.get("Contents", ()):
        name = one["Key"][len(prefix) :]
        if _is_name(name):
            found[name] = Found(int(one["Size"]), _nanoseconds(one["LastModified"]), one.get("ETag", ""))
    for one in answer.get("CommonPrefixes", ()):
        name = one["Prefix"][len(prefix) : -1]
        if _is_name(name):
            found[name] = FOLDER
    return found


def _is_name(name: str) -> bool:
    return name not in ("", ".", "..") and "/" not in name and "\0" not in name


def _nanoseconds(moment: Any) -> int:
    """Whole seconds: a header has no more, a listing has, and a file whose time moves looks changed to ``tar``."""
    return int(moment.timestamp()) * 1_000_000_000
