"""Which hosts of the private network an administrator lets people's pictures and buckets lie on."""

from __future__ import annotations

from fastapi import APIRouter
from trainyard.outward.hosts import changed, cleaned
from trainyard.records.storage import AllowedHosts, ChangedHosts

from trainyard_service import audit
from trainyard_service.audit import AuditedRoute
from trainyard_service.context import ContextDep
from trainyard_service.identity import CallerDep
from trainyard_service.permissions import must_administrate
from trainyard_service.preferences import host_entries, set_host_entries

router = APIRouter(tags=["machine"], route_class=AuditedRoute)


@router.get("/allowed-hosts")
def get_hosts(context: ContextDep, caller: CallerDep) -> AllowedHosts:
    """The hosts that are allowed beside the public internet."""
    must_administrate(caller)
    with context.database.read() as session:
        return AllowedHosts(hosts=host_entries(session))


@router.put("/allowed-hosts")
def set_hosts(body: ChangedHosts, context: ContextDep, caller: CallerDep) -> AllowedHosts:
    """Replace them, or change only what differs from ``seen``; from the next connection on."""
    must_administrate(caller)
    hosts = cleaned(body.hosts)
    with context.database.write() as session:
        before = host_entries(session)
        if body.seen is not None:
            hosts = changed(before, body.seen, hosts)
        audit.note("", before=before, after=hosts)
        set_host_entries(session, hosts)
    return AllowedHosts(hosts=hosts)
