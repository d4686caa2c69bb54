"""What datasets were made of one another: what a new one's row has to say, and what a page shows of it."""

from __future__ import annotations

from itertools import islice
from typing import Any

from sqlalchemy import String, cast, select
from sqlalchemy.orm import Session
from trainyard.records.datasets import Relative

from trainyard_service.database.tables.datasets import DatasetRow
from trainyard_service.datasets.access import can_read_dataset, readable
from trainyard_service.datasets.stores import brought
from trainyard_service.identity import Caller

_MOST = 50


def derived(parent: DatasetRow) -> dict[str, Any]:
    """What the ``source`` of a dataset that is made of ``parent`` has to hold.

    ``parents`` is its lineage; ``list_by`` and ``list_of`` say whose keys open its objects (``stores``); ``share`` keeps
    pictures on a group's share readable as long as whoever brought them belongs to it (``sources``).
    """
    source = parent.source
    found: dict[str, Any] = {"parents": [parent.id], **brought(parent)}
    share = source if source.get("kind") == "share" else source.get("share")
    if share:
        found["share"] = {
            "group": share["group"],
            "group_id": share["group_id"],
            "by": share.get("by", parent.owner_id),
        }
    return found


def made_from(session: Session, caller: Caller, dataset: DatasetRow) -> list[Relative]:
    """What a dataset was made of; what is deleted is not named."""
    rows = (session.get(DatasetRow, one) for one in _parents(dataset.source))
    found = ((row, can_read_dataset(caller, row)) for row in rows if row is not None)
    return [Relative(id=row.id, name=row.name if may else "", how=_how(dataset.source), may_read=may) for row, may in found]


def made_into(session: Session, caller: Caller, dataset: DatasetRow) -> list[Relative]:
    """What was made of a dataset, as far as the caller may read it; the newest first."""
    # the database looks for the id in the text, and whole rows of ten thousand that name it would take seconds
    names_it = cast(DatasetRow.source, String).contains(dataset.id, autoescape=True)
    query = select(DatasetRow.id, DatasetRow.name, DatasetRow.source)
    query = query.where(readable(caller), names_it, DatasetRow.id != dataset.id).order_by(DatasetRow.created.desc())
    rows = session.execute(query, execution_options={"yield_per": 2 * _MOST})
    found = (row for row in rows if dataset.id in _parents(row.source))
    return [Relative(id=row.id, name=row.name, how=_how(row.source), may_read=True) for row in islice(found, _MOST)]


def _parents(source: dict[str, Any]) -> list[str]:
    parents: list[str] = source.get("parents") or ([source["copy_of"]] if "copy_of" in source else [])
    return parents


def _how(source: dict[str, Any]) -> str:
    return "copy" if "copy_of" in source else str(source.get("kind", ""))
