"""A bound bucket as an fsspec file system, for readers inside the service that speak fsspec."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from trainyard_service.context import Context
from trainyard_service.database.tables.storage import StorageRow
from trainyard_service.preferences import allowed_hosts
from trainyard_service.storage.place import place_of

_BUSY = frozenset({500, 502, 503, 504})


class FileSystems:
    """Kept in ``context.parts["storage_filesystem"]``: ``(session, row)`` to a file system with that row's keys."""

    def __init__(self, context: Context) -> None:
        self._settings = context.settings

    def __call__(self, session: Session, row: StorageRow) -> Any:
        from s3fs.core import set_custom_error_handler
        from trainyard.outward.resolver import OutwardResolver

        from trainyard_service.storage.one_bucket import OneBucket

        set_custom_error_handler(_may_be_over_soon)
        place = place_of(self._settings, row, allowed_hosts(session))
        outward = {} if place.inward else {"connector_args": {"resolver": OutwardResolver()}}
        return OneBucket(
            only_bucket=place.bucket,
            key=place.access_key,
            secret=place.secret_key,
            endpoint_url=place.endpoint,
            client_kwargs={"region_name": place.region or "us-east-1"},
            config_kwargs={
                "s3": {"addressing_style": "path"},
                "connect_timeout": 5,
                "read_timeout": self._settings.store_seconds,
                # s3fs itself asks again; both together would wait for minutes
                "retries": {"total_max_attempts": 1},
                **outward,
            },
        )


def _may_be_over_soon(error: BaseException) -> bool:
    """Whether the store is busy or broken for a moment. By itself s3fs asks again only where the answer's body says so."""
    answer = getattr(error, "response", None) or {}
    return answer.get("ResponseMetadata", {}).get("HTTPStatusCode") in _BUSY
