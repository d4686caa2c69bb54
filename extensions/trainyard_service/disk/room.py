"""Refusing what does not fit a disk quota, with used, limit and asked, before anything is started or written."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.orm import Session
from trainyard import quotas
from trainyard.errors import NotFound
from trainyard.quotas import room
from trainyard.words import N_

from trainyard_service.context import Context
from trainyard_service.database.tables.accounts import GroupRow
from trainyard_service.identity import Caller
from trainyard_service.jobs.ledger import Ledger, shortage_error


@dataclass(frozen=True)
class Charge:
    """Who pays for bytes."""

    person: int
    group: int | None


def charged_group(caller: Caller, name: str | None) -> int | None:
    """The group that pays: the one that is named, else the one the caller joined first; None for people without a group.

    Raises:
        NotFound: the caller is not in the named group.
    """
    if name is None:
        return next(iter(caller.groups), None)
    found = next((number for number, known in caller.groups.items() if known == name), None)
    if found is None:
        raise NotFound("no-such-group", N_("There is no group {name} that you are a member of."), field="group", name=name)
    return found


def must_fit(session: Session, context: Context, charge: Charge, asked: int, field: str | None = None) -> None:
    """Refuse ``asked`` more bytes that are not there; 0 asks whether anything is left at all.

    Raises:
        Conflict: ``disk-quota``, with the numbers.
    """
    ledger: Ledger = context.parts["jobs"].ledger if "jobs" in context.parts else _ledger(context)
    shortage = room(charge.person, charge.group, asked, ledger.limits(session))
    if shortage is not None:
        group = session.get(GroupRow, charge.group) if charge.group is not None else None
        raise shortage_error("disk-quota", shortage, group.name if group else "", field)


def bytes_left(session: Session, context: Context, charge: Charge) -> int | None:
    """How many more bytes may be written; None where nothing limits them."""
    ledger: Ledger = context.parts["jobs"].ledger if "jobs" in context.parts else _ledger(context)
    return quotas.bytes_left(charge.person, charge.group, ledger.limits(session))


def _ledger(context: Context) -> Ledger:
    from trainyard_service.jobs.part import install

    return install(context).ledger
