"""Migrations and moves, on SQLite and on PostgreSQL."""

from __future__ import annotations

import secrets
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest
import trainyard_service.database.tables  # noqa: F401  (fills the metadata)
from alembic import command as command_line
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, text
from sqlalchemy.exc import DBAPIError
from trainyard.errors import Conflict, Unavailable
from trainyard_service.database.base import Table
from trainyard_service.database.engine import _WRITE_LOCK, Database
from trainyard_service.database.move import beside, move, move_ours
from trainyard_service.database.tables.accounts import AccountRow
from trainyard_service.database.tables.datasets import BatchRow, DatasetRow
from trainyard_service.database.upgrade import configuration, upgrade
from trainyard_service.main import command
from typer.testing import CliRunner


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    database = Database(database_url)
    yield database
    database.close()


AT = "'2026-01-01 00:00:00.000000'"
OLD_ROWS = (
    "INSERT INTO accounts (id, name, name_key, password_hash, state, administrator, email, affiliation, reason, language,"
    f" session, created) VALUES (1, 'anna', 'anna', '!', 'active', 0, '', '', '', 'en', 0, {AT})",
    f"INSERT INTO groups (id, name, name_key, description, created) VALUES (1, 'vision', 'vision', '', {AT})",
    "INSERT INTO jobs (id, kind, name, owner_id, group_id, state, wanted, attempt, lost, priority, image, package, spec,"
    f" created) VALUES ('j', 'format', 'd', 1, 1, 'finished', 'run', 1, 0, 100, 'w', '1Core2G', '{{}}', {AT})",
    "INSERT INTO datasets (id, name, description, state, owner_id, source, created, error, lines, images, objects, bytes,"
    f" label_sets) VALUES ('d', 'd', '', 'ready', 1, '{{}}', {AT}, '', 1, 1, 0, 9, '[]')",
    f"INSERT INTO dataset_shares (id, dataset_id, group_id, by_id, at) VALUES (1, 'd', 1, 1, {AT})",
    "INSERT INTO batches (id, dataset_id, creator_id, plan, created, classes, skipped, error, job_id)"
    f" VALUES ('b', 'd', 1, '{{}}', {AT}, '[]', 0, '', 'j')",
    'INSERT INTO formatted_sets (id, batch_id, format, split, ratio, first, "end", samples, bytes, ready)'
    " VALUES ('b-lmdb-train', 'b', 'lmdb', 'train', 1, 0, 1, 1, 70, 1)",
)


def _person(name: str, **columns: object) -> AccountRow:
    return AccountRow(name=name, name_key=name, password_hash="!", **columns)


def test_a_write_takes_its_lock_at_once_so_that_nobody_waits_for_it_with_another_one_in_hand(database: Database) -> None:
    with database.write():
        if database.file is not None:
            with closing(sqlite3.connect(database.file, timeout=0)) as other, pytest.raises(sqlite3.OperationalError):
                other.execute("BEGIN IMMEDIATE")
        else:
            with database.engine.connect() as connection:
                asked = text("SELECT pg_try_advisory_xact_lock(:lock)")
                assert connection.scalar(asked, {"lock": _WRITE_LOCK}) is False


def test_migrations_lead_to_the_tables_of_the_code(database):
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Table.metadata) == []


def test_migrating_again_changes_nothing(database):
    with database.write() as session:
        session.add(_person("anna"))
    upgrade(database)
    with database.read() as session:
        assert session.get(AccountRow, 1).name == "anna"


def test_a_migration_keeps_what_hangs_on_a_table_it_changes(tmp_path):
    """SQLite would drop the rows of dependent tables with the table that Alembic makes anew to add a column."""
    database = Database(f"sqlite:///{tmp_path / 'old.db'}")
    with database.engine.begin() as connection:
        command_line.upgrade(configuration(connection), "0002")
        for statement in OLD_ROWS:
            connection.execute(text(statement))
    upgrade(database)
    with database.read() as session:
        batch = session.get(BatchRow, "b")
        assert (batch.group_id, batch.disk, [one.bytes for one in batch.sets]) == (1, 70, [70])
        dataset = session.get(DatasetRow, "d")
        assert (dataset.disk, dataset.group_id, len(dataset.shares)) == (9, None, 1)
    database.close()


def test_a_read_session_keeps_nothing(database):
    with database.read() as session, pytest.raises((RuntimeError, DBAPIError)):
        session.add(_person("anna"))
        session.flush()
        raise RuntimeError("PostgreSQL refuses at the flush, SQLite forgets at the end")
    with database.read() as session:
        assert session.query(AccountRow).count() == 0


def test_what_a_writer_reads_stays_true_until_its_commit(database):
    seen: list[int] = []
    looked = threading.Event()

    def count() -> None:
        with database.write() as session:
            seen.append(session.query(AccountRow).count())
        looked.set()

    with database.write() as session:
        session.add(_person("anna"))
        session.flush()
        other = threading.Thread(target=count)
        other.start()
        looked.wait(0.3)  # a second writer that does not wait for us has looked by now
    other.join()
    assert seen == [1]


def test_an_id_is_never_given_twice(database):
    for name in ("anna", "ben"):
        with database.write() as session:
            row = _person(name)
            session.add(row)
            session.flush()
            number = row.id
            session.delete(row)
    assert number == 2


@pytest.fixture
def elsewhere(postgres_server: str) -> Iterator[str]:
    """An empty PostgreSQL database."""
    name = f"m{secrets.token_hex(6)}"
    engine = create_engine(postgres_server.format(database="postgres"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    yield postgres_server.format(database=name)
    with engine.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    engine.dispose()


def test_a_database_moves_with_every_row_and_goes_on_counting(database, database_url, elsewhere):
    with database.write() as session:
        session.add_all([_person("anna", administrator=True), _person("李雷"), _person("gone")])
    with database.write() as session:
        session.delete(session.get(AccountRow, 3))
    counts = move_ours(database_url, elsewhere)
    assert counts["accounts"] == 2 and set(counts) >= set(Table.metadata.tables)
    moved = Database(elsewhere)
    upgrade(moved)
    with moved.write() as session:
        anna = session.get(AccountRow, 1)
        assert (anna.administrator, anna.created.tzinfo is not None, session.get(AccountRow, 2).name) == (True, True, "李雷")
        row = _person("next")
        session.add(row)
        session.flush()
        assert row.id > (3 if database.engine.dialect.name == "sqlite" else 2)
    moved.close()


def test_a_moved_database_is_migrated_like_any_other(database, database_url, elsewhere):
    move_ours(database_url, elsewhere)
    moved = Database(elsewhere)
    with moved.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Table.metadata) == []
    moved.close()


def test_a_move_never_goes_into_a_database_that_is_used(database_url, elsewhere):
    move_ours(database_url, elsewhere)
    with pytest.raises(Conflict, match="tables already"):
        move_ours(database_url, elsewhere)


@pytest.mark.one_database
def test_the_hubs_database_moves_the_same_way(tmp_path, database_url, elsewhere):
    from jupyterhub import orm

    source = f"sqlite:///{tmp_path}/hub.sqlite"
    session = orm.new_session_factory(source)()
    session.add_all([orm.User(name="u1", admin=True), orm.Group(name="vision"), orm.User(name="u2")])
    session.commit()
    later = datetime.now(UTC).replace(tzinfo=None, microsecond=0) + timedelta(hours=1)
    session.add(orm.APIToken(user=session.query(orm.User).first(), hashed="x", prefix="x", scopes=[], expires_at=later))
    session.commit()
    session.close()
    counts = move(source, elsewhere)
    assert (counts["users"], counts["groups"]) == (2, 1)
    moved = orm.new_session_factory(elsewhere)()
    assert moved.query(orm.User).filter_by(name="u1").one().admin is True
    # the Hub compares its times with others that have no zone
    assert moved.query(orm.APIToken).one().expires_at == later
    moved.add(orm.User(name="u3"))
    moved.commit()
    moved.close()


@pytest.mark.one_database
def test_a_database_that_is_not_there_is_said_in_a_sentence(database_url, elsewhere):
    with pytest.raises(Unavailable, match="cannot be used"):
        move_ours(database_url, beside(elsewhere, "_missing"))


@pytest.mark.one_database
def test_the_command_moves_both_databases(database, database_url, elsewhere, tmp_path, monkeypatch):
    with database.write() as session:
        session.add(_person("anna"))
    monkeypatch.setenv("TRAINYARD_SERVICE_HOME", str(tmp_path))
    monkeypatch.setenv("TRAINYARD_SERVICE_DATABASE_URL", database_url)
    result = CliRunner().invoke(command, ["move-database", elsewhere])
    assert result.exit_code == 0 and "accounts: 1 rows" in result.stdout
    assert CliRunner().invoke(command, ["move-database", elsewhere]).exit_code == 1
