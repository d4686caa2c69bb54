"""What administrators change on a page instead of in the environment: kept in the database, the setting is the beginning."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.orm import Session
from trainyard.outward.hosts import AllowedHosts
from trainyard.records.accounts import Quota

from trainyard_service.context import Context
from trainyard_service.database.base import now
from trainyard_service.database.tables.disk import PreferenceRow
from trainyard_service.jobs.settings import JobSettings

_GROUP_QUOTA = "group-quota"
_HOSTS = "allowed-hosts"


def group_quota(session: Session, settings: JobSettings) -> Quota:
    """What a new group may use when nobody says otherwise."""
    row = session.get(PreferenceRow, _GROUP_QUOTA)
    return Quota.model_validate(row.value) if row else settings.group_quota


def set_group_quota(session: Session, quota: Quota) -> None:
    """Change it; groups that are there already keep theirs."""
    session.merge(PreferenceRow(key=_GROUP_QUOTA, value=quota.model_dump(exclude_none=True), at=now()))


def host_entries(session: Session) -> list[str]:
    """The hosts of the private network that people's pictures and buckets may lie on, as they were written."""
    row = session.get(PreferenceRow, _HOSTS)
    return list(row.value["hosts"]) if row else []


def set_host_entries(session: Session, entries: Sequence[str]) -> None:
    """Change them; what is under way goes on."""
    session.merge(PreferenceRow(key=_HOSTS, value={"hosts": list(entries)}, at=now()))


def allowed_hosts(session: Session) -> AllowedHosts:
    """What these entries mean."""
    return AllowedHosts.of(host_entries(session))


def hosts_of(context: Context) -> AllowedHosts:
    """The same, for who has no transaction open."""
    with context.database.read() as session:
        return allowed_hosts(session)
