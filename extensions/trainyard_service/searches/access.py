"""Finding a search for a caller, or refusing."""

from __future__ import annotations

from sqlalchemy import ColumnElement, or_, true
from sqlalchemy.orm import Session
from trainyard.errors import NotFound
from trainyard.words import N_

from trainyard_service.database.tables.searches import SearchRow
from trainyard_service.datasets.access import must_change
from trainyard_service.identity import Caller
from trainyard_service.permissions import can_read


def readable(caller: Caller) -> ColumnElement[bool]:
    """The condition of the searches a caller may read: own ones and those of their groups, as with trainings."""
    if caller.administrator or caller.reads_all:
        return true()
    return or_(SearchRow.owner_id == caller.id, SearchRow.group_id.in_(list(caller.groups)))


def find(session: Session, caller: Caller, search_id: str, *, change: bool = False) -> SearchRow:
    """The search, if the caller may read (or change) it.

    Raises:
        NotFound: none, or not for this caller. NotAllowed: to be read only.
    """
    row = session.get(SearchRow, search_id)
    if row is None or not can_read(caller, row.owner_id, (row.group_id,)):
        raise NotFound("no-such-search", N_("There is no search {id} that you may read."), id=search_id)
    if change:
        must_change(caller, row.owner_id, row.name)
    return row
