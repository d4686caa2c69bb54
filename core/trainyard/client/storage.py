"""The bound storage space, what is in its bucket, and uploads in chunks."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

from trainyard.client.transport import Transport, given, segment
from trainyard.records.storage import (
    BucketEntry,
    BucketListing,
    NewStorage,
    NewUpload,
    Storage,
    StorageOffer,
    Upload,
    UploadPurpose,
)

_CHUNK = 8 << 20


class StorageSpace(Transport):
    """``/storage``, ``/bucket`` and ``/uploads``."""

    def storage(self) -> Storage:
        """What the caller bound."""
        return self.one(Storage, "GET", "storage")

    def storage_offer(self) -> StorageOffer:
        """The bucket that the platform's own store offers."""
        return self.one(StorageOffer, "GET", "storage/offer")

    def bind_storage(self, new: NewStorage) -> Storage:
        """Bind a storage space, once and for all, after a write, a read and a deletion in it."""
        return self.one(Storage, "POST", "storage", json=new)

    def bucket(self, prefix: str = "") -> Iterator[BucketEntry]:
        """Everything directly below ``prefix``; pages are asked for as they are needed."""
        after: str | None = None
        while True:
            page = self.one(BucketListing, "GET", "bucket", params=given(prefix=prefix, after=after))
            yield from page.entries
            if (after := page.after) is None:
                return

    def download_object(self, key: str, target: Path) -> Iterator[int]:
        """Write an object to ``target``, by rename at the end; gives the bytes written so far."""
        return self.download("bucket/object", target, key=key)

    def delete_object(self, key: str) -> None:
        """Delete an object; a folder with all that is in it when ``key`` ends in a slash."""
        self.send("DELETE", "bucket/object", params={"key": key})

    def rename_object(self, key: str, to: str) -> None:
        """Give an object or a folder another key."""
        self.send("POST", "bucket/rename", json={"key": key, "to": to})

    def upload(self, source: Path, purpose: UploadPurpose, name: str = "") -> Iterator[Upload]:
        """Send a file in chunks, each with its checksum; gives the upload after every chunk, complete at last.

        For an object ``name`` is its key in the bucket.
        """
        new = NewUpload(name=name or source.name, size=source.stat().st_size, purpose=purpose)
        upload = self.one(Upload, "POST", "uploads", json=new)
        yield upload
        yield from self._rest(source, upload)

    def resume_upload(self, source: Path, upload: str) -> Iterator[Upload]:
        """Go on with an upload that broke off, from the offset that the service has."""
        known = self.one(Upload, "GET", f"uploads/{segment(upload)}")
        yield known
        yield from self._rest(source, known)

    def forget_upload(self, upload: str) -> None:
        """Delete an upload that nothing was made of."""
        self.send("DELETE", f"uploads/{segment(upload)}")

    def _rest(self, source: Path, upload: Upload) -> Iterator[Upload]:
        with source.open("rb") as file:
            file.seek(upload.offset)
            while not upload.complete and (chunk := file.read(_CHUNK)):
                digest = hashlib.sha256(chunk).hexdigest()
                headers = {"Upload-Offset": str(upload.offset), "Upload-Checksum": f"sha256 {digest}"}
                upload = self.one(Upload, "PATCH", f"uploads/{upload.id}", content=chunk, headers=headers)
                yield upload
