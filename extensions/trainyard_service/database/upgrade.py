"""Bring a database to the newest migration; safe to call at every start and by two processes at once.

``python -m trainyard_service.database.upgrade "what changes"`` writes the next migration from the difference to the tables.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, text

from trainyard_service.database.engine import Database

_MIGRATIONS = Path(__file__).parent / "migrations"
_LOCK = 0x7472_6169  # any number that no one else uses on this PostgreSQL database


def configuration(connection: Connection) -> Config:
    """Alembic's configuration for one open connection."""
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    config.attributes["connection"] = connection
    return config


def upgrade(database: Database) -> None:
    """Run the missing migrations in one transaction, under a lock."""
    with database.engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        command.upgrade(configuration(connection), "head")


def write_next(message: str) -> None:
    """Write the migration that leads from the newest one to the tables as they are now."""
    with tempfile.TemporaryDirectory() as folder:
        database = Database(f"sqlite:///{folder}/service.db")
        upgrade(database)
        with database.engine.begin() as connection:
            number = len(list((_MIGRATIONS / "versions").glob("[0-9]*.py"))) + 1
            command.revision(configuration(connection), message, autogenerate=True, rev_id=f"{number:04}")


if __name__ == "__main__":
    write_next(sys.argv[1])
