"""Rules and changes of accounts; each function works in the caller's transaction."""

from __future__ import annotations

import re
import unicodedata
from email.errors import MessageDefect, MessageError
from email.headerregistry import Address

from sqlalchemy import func, select
from sqlalchemy.orm import Session
from trainyard.errors import Conflict, Invalid, NotAllowed, NotFound
from trainyard.names import display_name
from trainyard.records.accounts import Account, AccountState, Application
from trainyard.words import LANGUAGES, N_

from trainyard_service.accounts import notices, passwords
from trainyard_service.database.tables.accounts import AccountRow, GroupRow, NoticeRow
from trainyard_service.events import Audience, announce

REFUSED = N_("Your application for the account {name} was refused: {reason}")
REFUSED_PLAINLY = N_("Your application for the account {name} was refused.")
_LARGEST_ID = 2**31 - 1
"""What databases count accounts with."""
_DELETED_NAME = re.compile(r"[~～]\d+$")


def name_key(name: str) -> str:
    """What may exist once: names that differ by case, width or composition only are the same name."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())


def checked(application: Application) -> str:
    """Hold an application to the rules; the hash of its password. It takes a while: not for inside a transaction.

    Raises:
        Invalid: a rule of names, passwords or addresses.
    """
    passwords.check(application.password, display_name(application.name))
    _must_be_address(application.email)
    return passwords.hash_password(application.password)


def apply(session: Session, application: Application, password_hash: str) -> AccountRow:
    """Keep a ``checked`` application for an administrator to decide.

    Raises:
        Conflict: the name is taken.
    """
    name = display_name(application.name)
    _forget_refusal(session, name)
    must_be_free(session, name)
    row = AccountRow(
        name=name,
        name_key=name_key(name),
        password_hash=password_hash,
        state=AccountState.APPLIED,
        email=application.email.strip(),
        affiliation=application.affiliation.strip(),
        reason=application.reason.strip(),
        language=application.language if application.language in LANGUAGES else "en",
    )
    session.add(row)
    session.flush()
    changed(session, row)
    return row


def refuse(session: Session, row: AccountRow, decided_by: str, reason: str) -> None:
    """Turn an application down; of the person only the name and the way to hear the answer are kept."""
    notices.send(session, row.id, REFUSED if reason else REFUSED_PLAINLY, name=row.name, reason=reason)
    row.state, row.decided_by = AccountState.REFUSED, decided_by
    row.email = row.affiliation = row.reason = ""
    changed(session, row)


def must_not_be_refused(session: Session, row: AccountRow) -> None:
    """Raises:
    NotAllowed: the application was refused; with the administrator's reason.
    """
    if row.state != AccountState.REFUSED:
        return
    told = session.scalars(select(NoticeRow).where(NoticeRow.account_id == row.id).order_by(NoticeRow.id.desc())).first()
    values = dict(told.message_values) if told else {"name": row.name}
    message = told.message if told else REFUSED_PLAINLY
    raise NotAllowed("application-refused", message, hint=N_("You may apply again."), **values)


def _forget_refusal(session: Session, name: str) -> None:
    row = by_name(session, name)
    if row is not None and row.state == AccountState.REFUSED:
        session.delete(row)
        session.flush()


def _must_be_address(email: str) -> None:
    plain = email.isprintable() and not any(character.isspace() or character in ",;<>" for character in email.strip())
    if email.strip() and not (plain and _is_address(email.strip())):
        raise Invalid("email", N_("{email} is not a mail address."), field="email", email=email)


def _is_address(email: str) -> bool:
    """Whether a mail can be sent to it: what cannot be parsed would end the sender without a word."""
    try:
        # letters of other scripts may stand in it, and the parser takes them for defects
        return bool(Address(addr_spec=email.encode("ascii", "replace").decode()).domain)
    except (ValueError, LookupError, AttributeError, MessageError, MessageDefect):
        return False


def must_be_free(session: Session, name: str) -> None:
    """Raises:
    Conflict: somebody has this name, or one that looks the same.
    """
    if _DELETED_NAME.search(name):
        sentence = N_("A name does not end with a tilde and a number: {name} is how deleted accounts are called.")
        raise Invalid("name-of-deleted", sentence, field="name", name=name)
    if session.scalar(select(AccountRow.id).where(AccountRow.name_key == name_key(name))) is not None:
        raise Conflict("name-taken", N_("The name {name} is taken."), hint=N_("Choose another one."), field="name", name=name)


def find(session: Session, account_id: int) -> AccountRow:
    """The account with an id.

    Raises:
        NotFound: there is none.
    """
    row = session.get(AccountRow, account_id) if 0 < account_id <= _LARGEST_ID else None
    if row is None:
        raise NotFound("no-such-account", N_("There is no account with the number {id}."), id=account_id)
    return row


def by_name(session: Session, name: str) -> AccountRow | None:
    """The account somebody means by a name they typed."""
    return session.scalar(select(AccountRow).where(AccountRow.name_key == name_key(name.strip())))


def find_group(session: Session, name: str) -> GroupRow:
    """The group with a name.

    Raises:
        NotFound: there is none.
    """
    row = session.scalar(select(GroupRow).where(GroupRow.name_key == name_key(name.strip())))
    if row is None:
        raise NotFound("no-such-group", N_("There is no group {name}."), field="group", name=name)
    return row


_STATES = {
    AccountState.APPLIED: (N_("The account {name} waits for a decision."), N_("Approve or refuse it first.")),
    AccountState.ACTIVE: (N_("The account {name} is active already."), ""),
    AccountState.BLOCKED: (N_("The account {name} is blocked."), N_("Unblock it first.")),
    AccountState.DELETED: (N_("The account {name} was deleted."), ""),
    AccountState.REFUSED: (N_("The application of {name} was refused."), N_("The person may apply again.")),
}


def must_be_in_state(row: AccountRow, *states: AccountState) -> None:
    """Raises:
    Conflict: the account is in another state than this step needs (two administrators pressed at once).
    """
    if row.state not in states:
        sentence, hint = _STATES[AccountState(row.state)]
        raise Conflict("account-state", sentence, hint=hint, name=row.name)


def must_leave_an_administrator(session: Session, row: AccountRow) -> None:
    """Raises:
    Conflict: ``row`` is the last active administrator.
    """
    others = select(func.count()).where(
        AccountRow.administrator, AccountRow.state == AccountState.ACTIVE, AccountRow.id != row.id
    )
    if row.administrator and not session.scalar(others):
        raise Conflict(
            "last-administrator",
            N_("{name} is the last administrator."),
            hint=N_("Make somebody else an administrator first."),
            name=row.name,
        )


def changed(session: Session, row: AccountRow) -> None:
    """Tell the person and the administrators."""
    announce(session, "account", row.id, Audience.of(row.id))


def administrators(session: Session) -> list[AccountRow]:
    """Everybody who may decide applications."""
    wanted = select(AccountRow).where(AccountRow.administrator, AccountRow.state == AccountState.ACTIVE)
    return list(session.scalars(wanted))


def view(row: AccountRow) -> Account:
    """An account as an administrator sees it."""
    return Account(
        id=row.id,
        name=row.name,
        uid=row.uid,
        state=AccountState(row.state),
        administrator=row.administrator,
        email=row.email,
        affiliation=row.affiliation,
        reason=row.reason,
        groups=sorted(membership.group.name for membership in row.memberships),
        created=row.created,
        decided_by=row.decided_by,
        last_seen=row.last_seen,
    )
