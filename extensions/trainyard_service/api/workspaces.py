"""The caller's workspace, and what the Hub's spawner asks about everybody's."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from sqlalchemy import select
from sqlalchemy.orm import Session
from trainyard.errors import Conflict, NotFound, UserError
from trainyard.records.base import Record
from trainyard.records.jobs import WorkspaceView
from trainyard.words import N_

from trainyard_service import audit, images
from trainyard_service.api.datasets import ReadingDep
from trainyard_service.audit import AuditedRoute
from trainyard_service.context import Context, ContextDep
from trainyard_service.database.base import now
from trainyard_service.database.tables.accounts import AccountRow
from trainyard_service.database.tables.datasets import BatchRow, DatasetRow, FormattedSetRow
from trainyard_service.database.tables.jobs import WorkspaceRow
from trainyard_service.datasets.access import readable
from trainyard_service.disk.room import Charge, must_fit
from trainyard_service.events import Audience, announce
from trainyard_service.identity import Caller, caller_of, internal_only
from trainyard_service.jobs.endings import stopped
from trainyard_service.jobs.enforcement import release_workspace
from trainyard_service.jobs.offers import Asker, offered_packages
from trainyard_service.jobs.part import EngineDep
from trainyard_service.permissions import must_be_unrestricted, must_not_be_job
from trainyard_service.storage.mounts import mounts_of
from trainyard_service.workspaces import called_off, waiting
from trainyard_service.workspaces.ending import certify, last_state
from trainyard_service.workspaces.grants import KIND, Options, WorkspaceGrant, grant, newest
from trainyard_service.workspaces.hub import HubApi, HubServers
from trainyard_service.workspaces.view import held_workspace, workspace_view
from trainyard_service.workspaces.waiting import WorkspaceWaits

router = APIRouter(tags=["workspace"], route_class=AuditedRoute)
internal = APIRouter(
    prefix="/internal/workspaces", tags=["internal"], route_class=AuditedRoute, dependencies=[Depends(internal_only)]
)
_MOST_SETS = 500


def hub_of(context: ContextDep) -> HubServers:
    """What starts and stops servers."""
    servers: HubServers = context.parts.setdefault("hub_servers", HubApi(context))
    return servers


HubDep = Annotated[HubServers, Depends(hub_of)]


class Ended(Record):
    """The launch that has ended."""

    key: str


@router.get("/workspace")
def get_workspace(reading: ReadingDep) -> WorkspaceView:
    """The caller's workspace."""
    with reading.context.database.read() as session:
        return workspace_view(session, reading.context, reading.caller.id, reading.language, reading.engine.settings.grace)


@router.post("/workspace/start")
def start_workspace(options: Options, reading: ReadingDep, hub: HubDep) -> WorkspaceView:
    """Start it through the Hub, whose spawner asks for the grant."""
    must_be_unrestricted(reading.caller)
    audit.note(options.group or "", **options.model_dump())
    hub.start(reading.caller.hub_name, options.model_dump())
    return get_workspace(reading)


@router.post("/workspace/stop")
def stop_workspace(reading: ReadingDep, hub: HubDep) -> WorkspaceView:
    """Stop it; files on home, group share and bucket stay."""
    must_be_unrestricted(reading.caller)
    with reading.context.database.write() as session:
        row = held_workspace(session, reading.caller.id)
        if row is not None:
            row.ending = row.ending or stopped(reading.caller.name)
        waiting.forget(session, reading.caller.id)
    hub.stop(reading.caller.hub_name)
    return get_workspace(reading)


@router.post("/workspace/renew")
def renew_workspace(reading: ReadingDep) -> WorkspaceView:
    """Begin its time limit anew; like a start it needs room in the disk quota."""
    must_not_be_job(reading.caller)
    with reading.context.database.write() as session:
        row = held_workspace(session, reading.caller.id)
        if row is None:
            raise Conflict("no-workspace", N_("You have no running workspace."), hint=N_("Start one on the overview page."))
        must_fit(session, reading.context, Charge(row.account_id, row.group_id), 0)
        row.ends_at = now() + timedelta(hours=reading.engine.settings.workspace_hours)
        row.warned, row.ending = False, None
        row.active, row.idle_warned = now(), False
        announce(session, "workspace", reading.caller.id, Audience.of(reading.caller.id))
        session.flush()
        return workspace_view(session, reading.context, reading.caller.id, reading.language, reading.engine.settings.grace)


@internal.get("/{hub_name}/options")
def get_options(hub_name: str, context: ContextDep, engine: EngineDep) -> dict[str, Any]:
    """What the spawn form offers this person."""
    with context.database.read() as session:
        caller = _person(session, hub_name)
        last = newest(session, caller.id)
        group = last.group.name if last and last.group and last.group.id in caller.groups else None
        chosen = {
            "group": group or next(iter(caller.groups.values()), None),
            "image": last.image if last else None,
            "package": last.package if last else next(iter(engine.ledger.sizes(session))),
            "datasets": list(last.sets) if last else [],
        }
        group_id = next((number for number, name in caller.groups.items() if name == chosen["group"]), None)
        offered = offered_packages(session, engine.ledger, Asker(caller, group_id, caller.language, workspace=True))
        return {
            "groups": list(caller.groups.values()),
            "images": [one.model_dump() for one in _images(context, caller.language)],
            "packages": [one.model_dump() for one in offered],
            "datasets": _sets(session, caller),
            "chosen": chosen,
        }


def _images(context: Context, language: str) -> list[Any]:
    found = images.catalogue(context.home, language)
    return [one for one in found if one.kind == KIND] or found


def _sets(session: Session, caller: Caller) -> list[dict[str, Any]]:
    query = select(FormattedSetRow).join(BatchRow).join(DatasetRow).where(readable(caller), FormattedSetRow.ready)
    rows = session.scalars(query.order_by(BatchRow.created.desc(), FormattedSetRow.id).limit(_MOST_SETS))
    return [
        {
            "id": row.id,
            "name": row.batch.dataset.name,
            "format": row.format,
            "split": row.split,
            "samples": row.samples,
            "created": row.batch.created.date().isoformat(),
        }
        for row in rows
    ]


@internal.post("/{hub_name}/launch")
def launch(hub_name: str, body: dict[str, Any], context: ContextDep, engine: EngineDep) -> WorkspaceGrant | WorkspaceWaits:
    """Grant a start, the allocation written before the answer; or say for what it waits, and that it be asked for again."""
    options = Options.model_validate(body.get("options", body))
    try:
        with context.database.write() as session:
            caller = _person(session, hub_name)
            audit.note(caller.name, **options.model_dump())
            granted = grant(session, context, engine.ledger, caller, options)
    except UserError:
        with context.database.write() as session:  # what the refusal undid: the request that stood in front of the queue
            waiting.forget(session, _person(session, hub_name, must_be_active=False).id)
        raise
    if isinstance(granted, WorkspaceWaits):
        return granted
    # neither in the transaction: a share or a store may be slow to answer
    try:
        context.launcher.expect(granted.key, granted.identity, granted.mounts)
    except Exception:
        with context.database.write() as session:
            release_workspace(session, session.get_one(WorkspaceRow, granted.key))
        engine.wake()
        raise
    bucket = mounts_of(context).for_launch(caller.id)
    return granted.model_copy(update={"mounts": [*granted.mounts, *bucket]})


@internal.post("/{hub_name}/ended", status_code=204)
def ended(hub_name: str, body: Ended, context: ContextDep, engine: EngineDep) -> None:
    """A workspace has ended: what it held is free, and nothing of its launch is kept."""
    state = last_state(context, body.key)
    with context.database.write() as session:
        caller = _person(session, hub_name, must_be_active=False)
        row = session.get(WorkspaceRow, body.key)
        if row is None or row.account_id != caller.id:
            raise NotFound("no-workspace", N_("There is no workspace {key}."), key=body.key)
        audit.note(caller.name)
        certify(session, context, engine.ledger, row, state)
        release_workspace(session, row)
    engine.wake()
    if state is None or state.phase == "ended":
        context.launcher.forget(body.key)


@internal.post("/{hub_name}/called-off", status_code=204)
def call_off(hub_name: str, context: ContextDep, engine: EngineDep) -> None:
    """Nobody goes on with the person's start: what it waited for or was granted is free at once."""
    with context.database.write() as session:
        caller = _person(session, hub_name, must_be_active=False)
        audit.note(caller.name)
        waiting.forget(session, caller.id)
        called_off.release(session, context, caller.id)
    engine.wake()


def _person(session: Session, hub_name: str, *, must_be_active: bool = True) -> Caller:
    number = hub_name.removeprefix("u")
    row = session.get(AccountRow, int(number)) if number.isdecimal() else None
    if row is None:
        raise NotFound("no-such-account", N_("There is no account {name}."), name=hub_name)
    if not must_be_active:
        return Caller(row.id, row.name)
    return caller_of(session, row.id)
