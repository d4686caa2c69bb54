"""Graphs that are kept: for oneself, for a group one is in, or (by administrators) for everybody."""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import ColumnElement, or_, select, true
from sqlalchemy.orm import Session
from trainyard.errors import Invalid, NotFound, TooLarge
from trainyard.graph.document import read_graph
from trainyard.records.graphs import GraphTemplate, GraphTemplateChange, NewGraphTemplate, TemplateVisibility
from trainyard.words import N_

from trainyard_service.database.tables.graphs import GraphTemplateRow
from trainyard_service.datasets.access import must_change
from trainyard_service.events import EVERYBODY, Audience, announce
from trainyard_service.identity import Caller
from trainyard_service.jobs.naming import new_id
from trainyard_service.jobs.views import person
from trainyard_service.permissions import can_change, can_read, must_administrate

LARGEST = 256 * 2**10
MOST = 1000


def view(caller: Caller, row: GraphTemplateRow) -> GraphTemplate:
    """A template as the caller sees it."""
    return GraphTemplate(
        id=row.id,
        name=row.name,
        description=row.description,
        visibility=TemplateVisibility(row.visibility),
        group=row.group.name if row.group else None,
        graph=row.graph,
        owner=person(row.owner),
        created=row.created,
        may_change=can_change(caller, row.owner_id),
    )


def listed(session: Session, caller: Caller, words: str) -> list[GraphTemplateRow]:
    """The templates the caller may use, by name; every word occurs in name or description."""
    query = select(GraphTemplateRow).where(_readable(caller))
    for word in words.split():
        found = (column.icontains(word, autoescape=True) for column in (GraphTemplateRow.name, GraphTemplateRow.description))
        query = query.where(or_(*found))
    return list(session.scalars(query.order_by(GraphTemplateRow.name, GraphTemplateRow.id).limit(MOST)))


def find(session: Session, caller: Caller, template_id: str, *, change: bool = False) -> GraphTemplateRow:
    """The template, if the caller may use (or ``change``) it.

    Raises:
        NotFound: there is none, or not for this caller. NotAllowed: to be used only.
    """
    row = session.get(GraphTemplateRow, template_id)
    groups = () if row is None or row.group_id is None else (row.group_id,)
    public = row is not None and row.visibility == TemplateVisibility.PUBLIC
    if row is None or not can_read(caller, row.owner_id, groups, public=public):
        raise NotFound("no-such-template", N_("There is no template {id} that you may use."), id=template_id)
    if change:
        must_change(caller, row.owner_id, row.name)
    return row


def create(session: Session, caller: Caller, new: NewGraphTemplate) -> GraphTemplateRow:
    """A new template of the caller's.

    Raises:
        Invalid, TooLarge: it is no graph. NotAllowed: only administrators keep public ones. NotFound: no such group.
    """
    group_id = _seen_by(caller, new.visibility, new.group)
    row = GraphTemplateRow(
        id=new_id(), name=new.name, description=new.description, visibility=new.visibility, owner_id=caller.id,
        group_id=group_id, graph=_document(new.graph),
    )  # fmt: skip
    session.add(row)
    session.flush()
    session.refresh(row)
    _tell(session, row)
    return row


def change(session: Session, caller: Caller, row: GraphTemplateRow, asked: GraphTemplateChange) -> None:
    """Change what is asked for.

    Raises:
        As ``create``.
    """
    _tell(session, row)  # whoever could use it so far
    if asked.visibility is not None or asked.group is not None:
        visibility = asked.visibility or TemplateVisibility(row.visibility)
        known = row.group.name if row.group else None
        row.group_id = _seen_by(caller, visibility, asked.group or known)
        row.visibility = visibility
    row.name = row.name if asked.name is None else asked.name
    row.description = row.description if asked.description is None else asked.description
    row.graph = row.graph if asked.graph is None else _document(asked.graph)
    session.flush()
    session.refresh(row)
    _tell(session, row)


def delete(session: Session, row: GraphTemplateRow) -> None:
    """Delete a template; what was made by it stays."""
    _tell(session, row)
    session.delete(row)


def _tell(session: Session, row: GraphTemplateRow) -> None:
    """Announce a change to whoever may use the template."""
    groups = () if row.group_id is None else (row.group_id,)
    public = row.visibility == TemplateVisibility.PUBLIC
    announce(session, "template", row.id, EVERYBODY if public else Audience.of(row.owner_id, groups=groups))


def _readable(caller: Caller) -> ColumnElement[bool]:
    if caller.administrator or caller.reads_all:
        return true()
    row = GraphTemplateRow
    public = row.visibility == TemplateVisibility.PUBLIC
    return or_(row.owner_id == caller.id, public, row.group_id.in_(list(caller.groups)))


def _seen_by(caller: Caller, visibility: TemplateVisibility, group: str | None) -> int | None:
    """The group whose members may use it."""
    if visibility is TemplateVisibility.PUBLIC:
        must_administrate(caller)
    if visibility is not TemplateVisibility.GROUP:
        return None
    if group is None:
        raise Invalid("template-group", N_("Say which group may use the template."), field="group")
    found = next((number for number, name in caller.groups.items() if name == group), None)
    if found is None:
        raise NotFound("no-such-group", N_("There is no group {name} that you are a member of."), field="group", name=group)
    return found


def _document(graph: Any) -> dict[str, Any]:
    """The graph as it is kept: it may be unfinished, and name classes of any dataset, but it must be one."""
    read, faults = read_graph(graph)
    if read is None:
        raise faults[0].error()
    document = read.document()
    if (size := len(msgspec.json.encode(document))) > LARGEST:
        message = N_("The graph has {size} bytes; a template has at most {limit}.")
        raise TooLarge("template-size", message, field="graph", size=size, limit=LARGEST)
    return document
