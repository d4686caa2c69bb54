"""Bring a database to the newest migration; safe to call at every start and by two processes at once.

``python -m trainyard_service.database.upgrade "what changes"`` writes the next migration from the difference to the tables.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect, text

from trainyard_service.database.engine import Database

if TYPE_CHECKING:
    from alembic.config import Config

_MIGRATIONS = Path(__file__).parent / "migrations"
_LOCK = 0x7472_6169  # any number that no one else uses on this PostgreSQL database


def configuration(connection: Connection) -> Config:
    """Alembic's configuration for one open connection."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    config.attributes["connection"] = connection
    return config


def upgrade(database: Database) -> None:
    """Run the missing migrations in one transaction, under a lock.

    Where none is missing Alembic is not even imported: a tenth of the service's start.
    """
    with database.engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        if _is_newest(connection):
            return
        from alembic import command

        command.upgrade(configuration(connection), "head")


def _is_newest(connection: Connection) -> bool:
    """Whether the database bears the mark of the last migration; files are named after their number."""
    newest = max(path.name for path in (_MIGRATIONS / "versions").glob("[0-9]*.py")).partition("_")[0]
    if not inspect(connection).has_table("alembic_version"):
        return False
    marks = connection.scalars(text("SELECT version_num FROM alembic_version")).all()
    return list(marks) == [newest]


def write_next(message: str) -> None:
    """Write the migration that leads from the newest one to the tables as they are now."""
    with tempfile.TemporaryDirectory() as folder:
        database = Database(f"sqlite:///{folder}/service.db")
        upgrade(database)
        from alembic import command

        with database.engine.begin() as connection:
            number = len(list((_MIGRATIONS / "versions").glob("[0-9]*.py"))) + 1
            command.revision(configuration(connection), message, autogenerate=True, rev_id=f"{number:04}")


if __name__ == "__main__":
    write_next(sys.argv[1])
