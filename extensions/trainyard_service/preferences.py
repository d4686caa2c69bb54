"""What administrators change on a page instead of in the environment: kept in the database, the setting is the beginning."""

from __future__ import annotations

from sqlalchemy.orm import Session
from trainyard.records.accounts import Quota

from trainyard_service.database.base import now
from trainyard_service.database.tables.disk import PreferenceRow
from trainyard_service.jobs.settings import JobSettings

_GROUP_QUOTA = "group-quota"


def group_quota(session: Session, settings: JobSettings) -> Quota:
    """What a new group may use when nobody says otherwise."""
    row = session.get(PreferenceRow, _GROUP_QUOTA)
    return Quota.model_validate(row.value) if row else settings.group_quota


def set_group_quota(session: Session, quota: Quota) -> None:
    """Change it; groups that are there already keep theirs."""
    session.merge(PreferenceRow(key=_GROUP_QUOTA, value=quota.model_dump(exclude_none=True), at=now()))
