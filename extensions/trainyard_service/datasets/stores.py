"""Objects in a person's bound bucket, read with that person's keys inside the service only."""

from __future__ import annotations

from sqlalchemy.orm import Session
from trainyard.datasets.sources import ObjectSource

from trainyard_service.context import Context
from trainyard_service.database.tables.storage import StorageRow


def objects_of(session: Session, context: Context, account_id: int | None) -> ObjectSource | None:
    """What reads the objects of a person's bucket, or None when nothing is bound."""
    row = session.get(StorageRow, account_id) if account_id is not None else None
    connect = context.parts.get("storage_filesystem")
    if row is None or connect is None:
        return None
    return ObjectSource(connect(session, row))
