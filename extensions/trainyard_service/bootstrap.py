"""The first administrator, made once by the stack before anything else runs."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import select
from sqlalchemy.exc import ArgumentError, OperationalError
from trainyard.errors import Unavailable
from trainyard.records.accounts import AccountState
from trainyard.words import N_

from trainyard_service import audit, volume
from trainyard_service.accounts import passwords, people
from trainyard_service.database.engine import Database
from trainyard_service.database.tables.accounts import AccountRow
from trainyard_service.database.upgrade import upgrade
from trainyard_service.settings import Settings


def bootstrap(settings: Settings, name: str, password_file: Path) -> int:
    """Make the first administrator unless there are accounts; the id of the oldest administrator either way.

    Raises:
        Unavailable: the database's address is none, or nothing answers there.
    """
    settings.places.service.mkdir(parents=True, exist_ok=True)
    database = _opened(settings.database)
    try:
        with database.write() as session:
            row = session.scalar(select(AccountRow).where(AccountRow.administrator).order_by(AccountRow.id).limit(1))
            if row is None:
                row = AccountRow(
                    name=name,
                    name_key=people.name_key(name),
                    password_hash=passwords.hash_password(password_file.read_text(encoding="utf-8").strip()),
                    state=AccountState.ACTIVE,
                    administrator=True,
                    decided_by="bootstrap",
                )
                session.add(row)
                session.flush()
                audit.record(session, "bootstrap", "accounts.bootstrap", name)
                volume.make_home(settings.places, row)
            return row.id
    finally:
        database.close()


def _opened(url: str) -> Database:
    try:
        database = Database(url)
        upgrade(database)
    except (ArgumentError, OperationalError) as error:
        # the driver's own words; SQLAlchemy's around them end in a link
        reason = str(error.orig if isinstance(error, OperationalError) else error).strip().splitlines()[0]
        hint = N_("Look at TRAINYARD_SERVICE_DATABASE_URL.")
        raise Unavailable("database-away", N_("The database cannot be opened: {reason}"), hint=hint, reason=reason) from error
    return database
