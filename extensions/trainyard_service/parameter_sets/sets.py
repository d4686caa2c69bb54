"""Parameter sets: for oneself, for a group one is in, or (by administrators) for everybody."""

from __future__ import annotations

from sqlalchemy import ColumnElement, or_, select, true
from sqlalchemy.orm import Session
from trainyard.errors import Conflict, Invalid, NotFound
from trainyard.records.parameter_sets import NewParameterSet, ParameterSet, ParameterSetChange, SetVisibility
from trainyard.words import N_

from trainyard_service.database.base import now
from trainyard_service.database.tables.searches import ParameterSetRow
from trainyard_service.datasets.access import must_change
from trainyard_service.events import EVERYBODY, Audience, announce
from trainyard_service.identity import Caller
from trainyard_service.jobs.naming import new_id
from trainyard_service.jobs.views import person
from trainyard_service.permissions import can_change, can_read, must_administrate
from trainyard_service.trainings.create import checked_parameters

MOST = 1000


def view(caller: Caller, row: ParameterSetRow) -> ParameterSet:
    """A set as the caller sees it."""
    return ParameterSet(
        id=row.id,
        name=row.name,
        description=row.description,
        visibility=SetVisibility(row.visibility),
        group=row.group.name if row.group else None,
        parameters=row.parameters,
        owner=person(row.owner),
        created=row.created,
        changed=row.changed,
        may_change=can_change(caller, row.owner_id),
    )


def exported(row: ParameterSetRow) -> NewParameterSet:
    """A set as a file keeps it: nobody's, so that whoever imports it has it for themselves."""
    return NewParameterSet(name=row.name, description=row.description, parameters=row.parameters)


def listed(session: Session, caller: Caller, words: str) -> list[ParameterSetRow]:
    """The sets the caller may use, by name; every word occurs in name or description."""
    query = select(ParameterSetRow).where(_readable(caller))
    for word in words.split():
        found = (column.icontains(word, autoescape=True) for column in (ParameterSetRow.name, ParameterSetRow.description))
        query = query.where(or_(*found))
    return list(session.scalars(query.order_by(ParameterSetRow.name, ParameterSetRow.id).limit(MOST)))


def find(session: Session, caller: Caller, set_id: str, *, change: bool = False) -> ParameterSetRow:
    """The set, if the caller may use (or ``change``) it.

    Raises:
        NotFound: there is none, or not for this caller. NotAllowed: to be used only.
    """
    row = session.get(ParameterSetRow, set_id)
    groups = () if row is None or row.group_id is None else (row.group_id,)
    public = row is not None and row.visibility == SetVisibility.PUBLIC
    if row is None or not can_read(caller, row.owner_id, groups, public=public):
        raise NotFound("no-such-parameter-set", N_("There is no parameter set {id} that you may use."), id=set_id)
    if change:
        must_change(caller, row.owner_id, row.name)
    return row


def create(session: Session, caller: Caller, new: NewParameterSet) -> ParameterSetRow:
    """A new set of the caller's.

    Raises:
        Conflict: they have one of this name. Invalid, TooLarge: no parameters. NotAllowed: only administrators keep public
        ones. NotFound: no such group.
    """
    _refuse_same_name(session, caller.id, new.name)
    row = ParameterSetRow(
        id=new_id(), name=new.name, description=new.description, visibility=new.visibility, owner_id=caller.id,
        group_id=_seen_by(caller, new.visibility, new.group), parameters=checked_parameters(new.parameters),
    )  # fmt: skip
    session.add(row)
    session.flush()
    session.refresh(row)
    _tell(session, row)
    return row


def change(session: Session, caller: Caller, row: ParameterSetRow, asked: ParameterSetChange) -> None:
    """Change what is asked for.

    Raises:
        As ``create``.
    """
    _tell(session, row)  # whoever could use it so far
    if asked.name is not None and asked.name != row.name:
        _refuse_same_name(session, row.owner_id, asked.name)
        row.name = asked.name
    if asked.visibility is not None or asked.group is not None:
        visibility = asked.visibility or SetVisibility(row.visibility)
        row.group_id = _seen_by(caller, visibility, asked.group or (row.group.name if row.group else None))
        row.visibility = visibility
    elif asked.parameters is not None and row.visibility == SetVisibility.PUBLIC:
        must_administrate(caller)  # what everybody uses is an administrator's to change
    row.description = row.description if asked.description is None else asked.description
    row.parameters = row.parameters if asked.parameters is None else checked_parameters(asked.parameters)
    row.changed = now()
    session.flush()
    session.refresh(row)
    _tell(session, row)


def delete(session: Session, row: ParameterSetRow) -> None:
    """Delete a set; trainings that were made with it have their parameters."""
    _tell(session, row)
    session.delete(row)


def _tell(session: Session, row: ParameterSetRow) -> None:
    """Announce a change to whoever may use the set."""
    groups = () if row.group_id is None else (row.group_id,)
    public = row.visibility == SetVisibility.PUBLIC
    announce(session, "parameter_set", row.id, EVERYBODY if public else Audience.of(row.owner_id, groups=groups))


def _readable(caller: Caller) -> ColumnElement[bool]:
    if caller.administrator or caller.reads_all:
        return true()
    row = ParameterSetRow
    public = row.visibility == SetVisibility.PUBLIC
    return or_(row.owner_id == caller.id, public, row.group_id.in_(list(caller.groups)))


def _refuse_same_name(session: Session, owner_id: int, name: str) -> None:
    same = select(ParameterSetRow.id).where(ParameterSetRow.owner_id == owner_id, ParameterSetRow.name == name)
    if session.scalar(same) is not None:
        raise Conflict(
            "parameter-set-exists",
            N_("You keep parameters under the name {name} already."),
            hint=N_("Choose another name, or change the ones you keep."),
            field="name",
            name=name,
        )


def _seen_by(caller: Caller, visibility: SetVisibility, group: str | None) -> int | None:
    """The group whose members may use it."""
    if visibility is SetVisibility.PUBLIC:
        must_administrate(caller)
    if visibility is not SetVisibility.GROUP:
        return None
    if group is None:
        raise Invalid("parameter-set-group", N_("Say which group may use the parameters."), field="group")
    found = next((number for number, name in caller.groups.items() if name == group), None)
    if found is None:
        raise NotFound("no-such-group", N_("There is no group {name} that you are a member of."), field="group", name=group)
    return found
