"""A bound bucket as an fsspec file system, for readers inside the service that speak fsspec."""

from __future__ import annotations

from typing import Any

import s3fs
from sqlalchemy.orm import Session

from trainyard_service.context import Context
from trainyard_service.database.tables.storage import StorageRow
from trainyard_service.storage.place import place_of


class OneBucket(s3fs.S3FileSystem):  # type: ignore[misc]
    """Refuses every other bucket: a picture's address in a list is a stranger's text, and our own store's key opens all."""

    def __init__(self, *args: Any, only_bucket: str, **options: Any) -> None:
        super().__init__(*args, **options)
        self._only_bucket = only_bucket

    def split_path(self, path: str, **options: Any) -> tuple[str, str, str | None]:
        """Every operation of s3fs asks this first.

        Raises:
            PermissionError: another bucket, or a key that could lead into one.
        """
        bucket, key, version = super().split_path(path, **options)
        if bucket != self._only_bucket or any(part in (".", "..") for part in key.split("/")):
            raise PermissionError(f"only {self._only_bucket} may be read here")
        return bucket, key, version


class FileSystems:
    """Kept in ``context.parts["storage_filesystem"]``: ``(session, row)`` to a file system with that row's keys."""

    def __init__(self, context: Context) -> None:
        self._settings = context.settings

    def __call__(self, _session: Session, row: StorageRow) -> Any:
        place = place_of(self._settings, row)
        return OneBucket(
            only_bucket=place.bucket,
            key=place.access_key,
            secret=place.secret_key,
            endpoint_url=place.endpoint,
            client_kwargs={"region_name": place.region or "us-east-1"},
            config_kwargs={"s3": {"addressing_style": "path"}, "connect_timeout": 5, "retries": {"max_attempts": 3}},
        )
