"""Groups, who is in them, and what leaving one means: ten minutes' notice to what runs with its mount."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from sqlalchemy.orm import Session, object_session
from trainyard.errors import Conflict
from trainyard.records.accounts import Group, Member, NewGroup, Quota, Use
from trainyard.records.base import Person
from trainyard.words import N_

from trainyard_service.accounts import notices, people
from trainyard_service.accounts.running import running_of
from trainyard_service.database.base import now
from trainyard_service.database.tables.accounts import AccountRow, ExpulsionRow, GroupRow, MembershipRow
from trainyard_service.disk.measured import measured
from trainyard_service.events import Audience, announce

NOTICE = timedelta(minutes=10)
REMOVED = N_("You were removed from the group {group}. What you run in it ends in {minutes} minutes: save your work.")
REMOVED_RUNNING = N_("{name} was removed from the group {group}; in {minutes} minutes this ends: {running}.")
UseOf = Callable[[int, int | None], Use]


def no_use(_group: int, _account: int | None) -> Use:
    """What is used where nothing can run."""
    return Use()


def make_group(session: Session, new: NewGroup, default: Quota) -> GroupRow:
    """Make a group; without a quota of its own it gets the default one, so that its members can work at once.

    Raises:
        Conflict: the name is taken.
    """
    key = people.name_key(new.name)
    if session.query(GroupRow).filter_by(name_key=key).first() is not None:
        sentence = N_("There is a group {name} already.")
        raise Conflict("group-exists", sentence, hint=N_("Choose another name."), field="name", name=new.name)
    row = GroupRow(name=new.name, name_key=key, description=new.description)
    row.quota = default if new.quota is None else new.quota
    session.add(row)
    session.flush()
    changed(session, row)
    return row


def add(session: Session, group: GroupRow, account: AccountRow, quota: Quota | None) -> None:
    """Add a person, or change what they may use of the group's quota. Ends a notice that is still running."""
    row = session.get(MembershipRow, (group.id, account.id))
    if row is None:
        row = MembershipRow(group_id=group.id, account_id=account.id)
        session.add(row)
        notices.send(session, account.id, N_("You are a member of the group {group} now."), group=group.name)
    if quota is not None:
        row.quota = quota
    expulsion = session.get(ExpulsionRow, (group.id, account.id))
    if expulsion is not None:
        session.delete(expulsion)
    session.flush()
    session.refresh(group)
    changed(session, group, account.id)


def remove(session: Session, group: GroupRow, account: AccountRow, by: int) -> None:
    """Remove a person; the reconciler ends what runs with the group's mount when the ten minutes are over.

    Both sides are told: the person, and the administrator ``by``, who reads what is going to end.
    """
    row = session.get(MembershipRow, (group.id, account.id))
    if row is None:
        sentence = N_("{name} is not in the group {group}.")
        raise Conflict("not-a-member", sentence, name=account.name, group=group.name)
    session.delete(row)
    session.merge(ExpulsionRow(group_id=group.id, account_id=account.id, ends_at=now() + NOTICE))
    minutes = int(NOTICE.total_seconds() // 60)
    notices.send(session, account.id, REMOVED, group=group.name, minutes=minutes)
    _tell_administrator(session, group, account, by)
    session.flush()
    session.expire(group)
    session.expire(account)
    changed(session, group, account.id)


def _tell_administrator(session: Session, group: GroupRow, account: AccountRow, by: int) -> None:
    running = running_of(session, account.id, session.get_one(AccountRow, by).language, group.id)
    if running and by != account.id:
        told: dict[str, Any] = {"name": account.name, "group": group.name, "running": ", ".join(running)}
        told["minutes"] = int(NOTICE.total_seconds() // 60)
        notices.send(session, by, REMOVED_RUNNING, link="/services/pages/admin?tab=usage", **told)


def changed(session: Session, group: GroupRow, *accounts: int) -> None:
    """Tell the members (and these accounts) that the group is different now."""
    announce(session, "group", group.id, Audience.of(*accounts, groups=[group.id]))


def view(group: GroupRow, use_of: UseOf, *, whole: bool = True) -> Group:
    """A group; members and use only for those who may see them."""
    session = object_session(group)
    return Group(
        id=group.id,
        name=group.name,
        gid=group.gid,
        description=group.description,
        quota=group.quota,
        guaranteed=group.guaranteed,
        use=use_of(group.id, None) if whole else Use(),
        members=[_member(row, use_of) for row in _in_order(group)] if whole else [],
        created=group.created,
        measured=measured(session) if session is not None else None,
    )


def _in_order(group: GroupRow) -> list[MembershipRow]:
    return sorted(group.memberships, key=lambda row: row.account.name_key)


def _member(row: MembershipRow, use_of: UseOf) -> Member:
    person = Person(id=row.account.id, name=row.account.name)
    return Member(person=person, quota=row.quota, use=use_of(row.group_id, row.account_id), since=row.since)
