"""A bound bucket as an fsspec file system, for readers inside the service that speak fsspec."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from trainyard_service.context import Context
from trainyard_service.database.tables.storage import StorageRow
from trainyard_service.storage.place import place_of


class FileSystems:
    """Kept in ``context.parts["storage_filesystem"]``: ``(session, row)`` to a file system with that row's keys."""

    def __init__(self, context: Context) -> None:
        self._settings = context.settings

    def __call__(self, _session: Session, row: StorageRow) -> Any:
        from trainyard.outward.resolver import OutwardResolver

        from trainyard_service.storage.one_bucket import OneBucket

        place = place_of(self._settings, row)
        outward = {} if place.inward else {"connector_args": {"resolver": OutwardResolver()}}
        return OneBucket(
            only_bucket=place.bucket,
            key=place.access_key,
            secret=place.secret_key,
            endpoint_url=place.endpoint,
            client_kwargs={"region_name": place.region or "us-east-1"},
            config_kwargs={"s3": {"addressing_style": "path"}, "connect_timeout": 5, "retries": {"max_attempts": 3}, **outward},
        )
