"""What the Hub asks the service: sign-in, applications, whether somebody is still welcome."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends
from pydantic import Field
from trainyard.errors import NotFound, NotSignedIn
from trainyard.records.accounts import Application
from trainyard.records.base import Record
from trainyard.words import N_

from trainyard_service import audit
from trainyard_service.accounts import notices, passwords, people, throttle
from trainyard_service.audit import AuditedRoute
from trainyard_service.context import ContextDep
from trainyard_service.database.base import now
from trainyard_service.database.tables.accounts import AccountRow
from trainyard_service.identity import internal_only, must_be_active

router = APIRouter(prefix="/internal", include_in_schema=False, route_class=AuditedRoute, dependencies=[Depends(internal_only)])
APPLIED = N_("{name} asks for an account.")


class SignIn(Record):
    """What somebody typed on the sign-in page, and from where."""

    name: Annotated[str, Field(max_length=200)]
    password: Annotated[str, Field(max_length=passwords.LONGEST)]
    address: str = ""


class Applying(Application):
    """An application, and from where it came."""

    address: str = ""


def _person(row: AccountRow) -> dict[str, Any]:
    return {
        "id": row.id,
        "hub_name": row.hub_name,
        "name": row.name,
        "administrator": row.administrator,
        "groups": sorted(membership.group.name for membership in row.memberships),
        "state": row.state,
        "language": row.language,
        "session": row.session,
    }


@router.post("/login")
def login(body: SignIn, context: ContextDep) -> dict[str, Any]:
    """Check a name and password; 401 wrong, 403 waiting, refused or blocked, 429 too many attempts."""
    audit.note(body.name[:64], address=body.address)
    key = people.name_key(body.name.strip())
    counters = throttle.keys(key, body.address)
    # counted before the password is looked at: of many attempts at once no more pass than one after the other
    with context.database.write() as session:
        throttle.begin(session, counters)
        row = people.by_name(session, body.name)
    if not passwords.matches(row.password_hash if row else None, body.password) or row is None:
        raise NotSignedIn("wrong-password", N_("This name and password do not belong together."), field="password")
    with context.database.write() as session:
        audit.beside(session)
        throttle.succeeded(session, counters)
    with context.database.read() as session:
        people.must_not_be_refused(session, row)
    must_be_active(row.state, row.name)
    with context.database.write() as session:
        row = people.find(session, row.id)
        row.last_seen = now()
        return _person(row)


@router.post("/applications", status_code=201)
def applications(body: Applying, context: ContextDep) -> dict[str, Any]:
    """Keep an application and tell the administrators; from one address only so many come at once."""
    audit.note(body.name)
    application = Application(**body.model_dump(exclude={"address"}))
    if body.address:
        with context.database.write() as session:
            throttle.begin(session, throttle.application_keys(body.address), throttle.APPLICATIONS)
    password_hash = people.checked(application)
    with context.database.write() as session:
        row = people.apply(session, application, password_hash)
        for administrator in people.administrators(session):
            notices.send(session, administrator.id, APPLIED, link="/services/pages/admin?tab=inbox", name=row.name)
        return {"id": row.id, "name": row.name}


@router.get("/accounts/{hub_name}")
def account(hub_name: str, context: ContextDep) -> dict[str, Any]:
    """Who this is and whether they are still welcome (``state``)."""
    number = hub_name.removeprefix("u")
    with context.database.read() as session:
        row = session.get(AccountRow, int(number)) if number.isdecimal() else None
        if row is None:
            raise NotFound("no-such-account", N_("There is no account {name}."), name=hub_name)
        return _person(row)
