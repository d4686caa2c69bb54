"""When the folders that people write to were last measured."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from trainyard_service.database.tables.disk import PreferenceRow

MEASURED = "disk-measured"


def measured(session: Session) -> datetime | None:
    """When the last whole measurement began; None before the first."""
    row = session.get(PreferenceRow, MEASURED)
    return row.at if row else None
