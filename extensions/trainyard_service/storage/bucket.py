"""One bucket over S3: listing, streams in flat memory, copies, deletions; the store's errors as sentences.

Keys are checked before they travel: the embedded store keeps folders, and ``..`` in a key would be somebody else's bucket.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache, wraps
from pathlib import PurePosixPath
from typing import IO, Any, ParamSpec, TypeVar

from botocore.exceptions import BotoCoreError, ClientError
from trainyard.errors import Invalid, NotAllowed, NotFound, Unavailable, UserError
from trainyard.outward.clients import s3_client
from trainyard.records.storage import BucketEntry, BucketListing
from trainyard.words import N_

from trainyard_service.storage.place import Place

P = ParamSpec("P")
R = TypeVar("R")
PART_BYTES = 16 * 2**20
_COPY_AT_ONCE = 5 * 2**30
_COPY_PART = 512 * 2**20
_LONGEST_KEY = 1024
_PAGE = 200
_DELETED_AT_ONCE = 1000
_MARK = "trainyard-file"
_MISSING = frozenset({"NoSuchKey", "404", "NotFound"})
_REFUSED = frozenset({"AccessDenied", "403", "InvalidAccessKeyId", "SignatureDoesNotMatch", "Forbidden", "AllAccessDisabled"})


@dataclass(frozen=True)
class Sending:
    """How a file is sent: ``mark`` stays with the object, ``upload`` is an upload in parts to go on with, or empty.

    ``started`` is told the id of an upload in parts, ``told`` how many bytes are there.
    """

    size: int
    mark: str
    upload: str
    started: Callable[[str], None]
    told: Callable[[int], None]


@lru_cache(maxsize=64)
def _client(place: Place) -> Any:
    """The client of ``place``; those last asked for are kept."""
    return s3_client(place, attempts=3, connections=20)


def must_be_key(key: str, *, field: str = "key", empty: bool = False) -> str:
    """``key`` unchanged when it is one.

    Raises:
        Invalid: empty, too long, a control character, or a segment that a folder could not have.
    """
    segments = key.removesuffix("/").split("/")
    wrong = any(part in ("", ".", "..") for part in segments) or any(ord(letter) < 32 or ord(letter) == 127 for letter in key)
    if (key and wrong) or (not key and not empty) or len(key.encode(errors="surrogatepass")) > _LONGEST_KEY or "\\" in key:
        raise Invalid(
            "object-key",
            N_("A key has 1 to {longest} bytes, parts between single slashes, and no '.' or '..' among them; not {key}"),
            field=field,
            longest=_LONGEST_KEY,
            key=key[:80],
        )
    return key


def in_words(action: Callable[P, R]) -> Callable[P, R]:
    """Turn what the store (or the way to it) answers into a user error."""

    @wraps(action)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return action(*args, **kwargs)
        except ClientError as error:
            raise _refusal(error) from error
        except BotoCoreError as error:
            raise _silence(error) from error

    return wrapped


def _refusal(error: ClientError) -> UserError:
    code = str(error.response.get("Error", {}).get("Code", ""))
    if code == "NoSuchBucket":
        hint = N_("Look at its name, or let it be made.")
        return NotFound("no-such-bucket", N_("The store has no such bucket."), hint=hint, field="bucket")
    if code in _MISSING:
        return NotFound("no-such-object", N_("There is no such object in the bucket."), field="key")
    if code in _REFUSED:
        sentence = N_("The store refuses these keys here ({code}).")
        hint = N_("Look at the keys and their rights.")
        return NotAllowed("store-refused", sentence, hint=hint, field="access_key", code=code)
    if code in ("InvalidRange", "416"):
        return Invalid("range", N_("The object is shorter than the range that was asked for."), field="range")
    return Unavailable("store-failed", N_("The store answered {code}."), hint=N_("Try again later."), code=code or "nothing")


def _silence(error: BotoCoreError) -> Unavailable:
    kind = type(error).__name__
    return Unavailable("store-silent", N_("The store does not answer ({kind})."), hint=N_("Look at its address."), kind=kind)


class Bucket:
    """Everything we do with a bucket."""

    def __init__(self, place: Place) -> None:
        self._s3 = _client(place)
        self._name = place.bucket

    @in_words
    def make(self) -> None:
        """Make the bucket; one that is ours already is fine."""
        try:
            self._s3.create_bucket(Bucket=self._name)
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") != "BucketAlreadyOwnedByYou" and not self.exists():
                raise

    @in_words
    def exists(self) -> bool:
        """Whether the bucket is there; keys that may not even ask are taken at their word."""
        try:
            self._s3.head_bucket(Bucket=self._name)
        except ClientError as error:
            code = str(error.response.get("Error", {}).get("Code"))
            if code in ("404", "NoSuchBucket", "NotFound"):
                return False
            if code not in _REFUSED:
                raise
        return True

    @in_words
    def listing(self, prefix: str, after: str | None) -> BucketListing:
        """One page of a folder: folders and objects directly below ``prefix``."""
        asked: dict[str, Any] = {"Bucket": self._name, "Prefix": prefix, "Delimiter": "/", "MaxKeys": _PAGE}
        if after:
            asked["ContinuationToken"] = after
        answer = self._s3.list_objects_v2(**asked)
        folders = [_folder(one["Prefix"], prefix) for one in answer.get("CommonPrefixes", ())]
        objects = [_object(one, prefix) for one in answer.get("Contents", ()) if one["Key"] != prefix]
        following = answer.get("NextContinuationToken") if answer.get("IsTruncated") else None
        return BucketListing(bucket=self._name, prefix=prefix, entries=folders + objects, after=following)

    @in_words
    def keys_after(self, prefix: str, after: str) -> tuple[list[str], str | None]:
        """A thousand keys below ``prefix`` at any depth that come behind ``after``; what to ask with for the next, or None."""
        asked = {"Bucket": self._name, "Prefix": prefix} | ({"StartAfter": after} if after else {})
        answer = self._s3.list_objects_v2(**asked)
        keys = [one["Key"] for one in answer.get("Contents", ())]
        return keys, keys[-1] if keys and answer.get("IsTruncated") else None

    @in_words
    def size(self, key: str) -> int:
        """How many bytes an object has."""
        return int(self._s3.head_object(Bucket=self._name, Key=key)["ContentLength"])

    @in_words
    def get(self, key: str, byte_range: str | None = None) -> tuple[dict[str, Any], Iterator[bytes]]:
        """The store's answer about an object and its bytes as a stream."""
        asked = {"Bucket": self._name, "Key": key} | ({"Range": byte_range} if byte_range else {})
        answer = self._s3.get_object(**asked)
        return answer, answer["Body"].iter_chunks(1 << 18)

    @in_words
    def put(self, key: str, data: bytes) -> None:
        """Write a small object."""
        self._s3.put_object(Bucket=self._name, Key=key, Body=data)

    @in_words
    def put_file(self, key: str, file: IO[bytes], size: int) -> None:
        """Write an object from a file, in parts when it is large; nothing is left of one that fails."""
        if size <= PART_BYTES:
            self._s3.put_object(Bucket=self._name, Key=key, Body=file)
            return
        parts = iter(lambda: file.read(_part_bytes(size)), b"")
        self._in_parts(key, (({"Body": part}, self._s3.upload_part) for part in parts))

    @in_words
    def mark(self, key: str) -> str | None:
        """What an object remembers of the file it was sent from; None when there is no such object."""
        try:
            metadata: dict[str, str] = self._s3.head_object(Bucket=self._name, Key=key).get("Metadata", {})
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") not in _MISSING:
                raise
            return None
        return metadata.get(_MARK, "")

    @in_words
    def send(self, key: str, file: IO[bytes], how: Sending) -> None:
        """Write an object from a file; a large one in parts that stay in the store, so that a later call goes on with them."""
        where = {"Bucket": self._name, "Key": key}
        if how.size <= PART_BYTES:
            self._s3.put_object(**where, Body=file, Metadata={_MARK: how.mark})
            return
        step = _part_bytes(how.size)
        there = self._parts(where | {"UploadId": how.upload}) if how.upload else {}
        upload = how.upload
        if not there:
            upload = self._s3.create_multipart_upload(**where, Metadata={_MARK: how.mark})["UploadId"]
            how.started(upload)
        where["UploadId"] = upload
        done: list[dict[str, Any]] = []
        for number, first in enumerate(range(0, how.size, step), 1):
            length = min(step, how.size - first)
            size, tag = there.get(number, (0, ""))
            if size != length:
                file.seek(first)
                tag = self._s3.upload_part(**where, PartNumber=number, Body=file.read(length))["ETag"]
            done.append({"PartNumber": number, "ETag": tag})
            how.told(first + length)
        self._s3.complete_multipart_upload(**where, MultipartUpload={"Parts": done})

    def _parts(self, where: dict[str, str]) -> dict[int, tuple[int, str]]:
        """Size and tag of the parts that are there; none when the store has forgotten the upload."""
        try:
            pages = self._s3.get_paginator("list_parts").paginate(**where)
            return {one["PartNumber"]: (one["Size"], one["ETag"]) for page in pages for one in page.get("Parts", ())}
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") != "NoSuchUpload":
                raise
            return {}

    @in_words
    def give_up(self, key: str, upload: str) -> None:
        """Drop the parts of an upload nobody goes on with."""
        with suppress(ClientError):
            self._s3.abort_multipart_upload(Bucket=self._name, Key=key, UploadId=upload)

    def _in_parts(self, key: str, parts: Iterator[tuple[dict[str, Any], Callable[..., Any]]]) -> None:
        upload = self._s3.create_multipart_upload(Bucket=self._name, Key=key)["UploadId"]
        where = {"Bucket": self._name, "Key": key, "UploadId": upload}
        done: list[dict[str, Any]] = []
        try:
            for number, (part, send) in enumerate(parts, 1):
                answer = send(**where, PartNumber=number, **part)
                tag = answer.get("ETag") or answer["CopyPartResult"]["ETag"]
                done.append({"PartNumber": number, "ETag": tag})
            self._s3.complete_multipart_upload(**where, MultipartUpload={"Parts": done})
        except BaseException:
            self._s3.abort_multipart_upload(**where)
            raise

    @in_words
    def copy(self, key: str, to: str) -> None:
        """Copy an object inside the bucket; above the store's 5 GiB in parts."""
        source, size = {"Bucket": self._name, "Key": key}, self.size(key)
        if size <= _COPY_AT_ONCE:
            self._s3.copy_object(Bucket=self._name, Key=to, CopySource=source)
            return
        ranges = (f"bytes={first}-{min(first + _COPY_PART, size) - 1}" for first in range(0, size, _COPY_PART))
        part = self._s3.upload_part_copy
        self._in_parts(to, (({"CopySource": source, "CopySourceRange": one}, part) for one in ranges))

    @in_words
    def delete(self, *keys: str) -> None:
        """Delete objects, at most a thousand."""
        if len(keys) == 1:
            self._s3.delete_object(Bucket=self._name, Key=keys[0])
            return
        wanted = {"Objects": [{"Key": key} for key in keys], "Quiet": True}
        failed = self._s3.delete_objects(Bucket=self._name, Delete=wanted).get("Errors", ())
        if failed:
            sentence = N_("{count} objects could not be deleted; the first is {key}: {reason}")
            first = failed[0]
            raise Unavailable(
                "delete-failed", sentence, count=len(failed), key=first.get("Key", ""), reason=first.get("Message", "")
            )

    def delete_folder(self, prefix: str) -> None:
        """Delete everything below ``prefix``."""
        self.delete_all(prefix, [key for page in self.keys(prefix) for key in page])

    def delete_all(self, prefix: str, keys: list[str]) -> None:
        """Delete these keys, and folders from ``prefix`` on that are empty then: stores with real folders would keep them."""
        folders = {prefix} if prefix.endswith("/") else set()
        for key in keys:
            folders.update(f"{parent}/" for parent in PurePosixPath(key).parents if f"{parent}/".startswith(prefix))
        objects = [key for key in keys if key not in folders]
        for first in range(0, len(objects), _DELETED_AT_ONCE):
            self.delete(*objects[first : first + _DELETED_AT_ONCE])
        for folder in sorted(folders, key=len, reverse=True):
            self.delete(folder)

    @in_words
    def keys(self, prefix: str) -> Iterator[list[str]]:
        """Every key below a prefix, a page at a time."""
        pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=self._name, Prefix=prefix)
        return ([one["Key"] for one in page.get("Contents", ())] for page in pages)


def _part_bytes(size: int) -> int:
    return max(PART_BYTES, -(-size // 9_000))  # a store takes at most 10,000 parts


def _folder(key: str, prefix: str) -> BucketEntry:
    return BucketEntry(key=key, name=key[len(prefix) :].rstrip("/"), size=None, modified=None)


def _object(one: dict[str, Any], prefix: str) -> BucketEntry:
    return BucketEntry(key=one["Key"], name=one["Key"][len(prefix) :], size=one["Size"], modified=one["LastModified"])
