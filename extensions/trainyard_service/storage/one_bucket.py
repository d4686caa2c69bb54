"""An s3fs file system that opens one bucket only; apart, because importing s3fs is a fifth of the service's start."""

from __future__ import annotations

from typing import Any

import s3fs
from aiohttp import ClientError
from botocore.exceptions import BotoCoreError


class OneBucket(s3fs.S3FileSystem):  # type: ignore[misc]
    """Refuses every other bucket: a picture's address in a list is a stranger's text, and some keys open more than one."""

    retries = 3

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

    async def _call_s3(self, method: str, *arguments: Any, **options: Any) -> Any:
        """Every request of s3fs goes through here; readers know no other errors than the system's.

        Raises:
            ConnectionError: the store does not answer.
        """
        try:
            return await super()._call_s3(method, *arguments, **options)
        except BotoCoreError as error:
            raise ConnectionError(f"the store does not answer ({type(error).__name__})") from error

    async def _cat_file(self, *arguments: Any, **options: Any) -> bytes:
        """See ``_call_s3``: an answer may also break off while it is read.

        Raises:
            ConnectionError: it did, again and again.
        """
        try:
            data: bytes = await super()._cat_file(*arguments, **options)
        except (ClientError, TimeoutError) as error:
            raise ConnectionError(f"the store broke off ({type(error).__name__})") from error
        return data
