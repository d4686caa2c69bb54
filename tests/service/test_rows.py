"""Rows written by one statement past the ORM's unit of work are what the ORM would have written."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import event, select, text
from trainyard.records.jobs import JobKind
from trainyard_service.database import Database
from trainyard_service.database.rows import add_row, ask, change_row
from trainyard_service.database.tables.accounts import AccountRow
from trainyard_service.database.tables.jobs import JobRow


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    made = Database(database_url)
    yield made
    made.close()


def new_job(owner: AccountRow) -> JobRow:
    return JobRow(id="a" * 16, kind=JobKind.TRAIN, name="j", owner_id=owner.id, image="i:1", package="p", restart=None)


def person() -> AccountRow:
    return AccountRow(name="anna", name_key="anna", password_hash="!", state="active")


def stored(database: Database, *, by_orm: bool) -> dict[str, object]:
    with database.write() as session:
        session.add(owner := person())
        session.flush()
        if by_orm:
            session.add(new_job(owner))
        else:
            add_row(session, new_job(owner))
        session.flush()
        columns = dict(session.execute(text("SELECT * FROM jobs")).mappings().one())
        session.rollback()
    return {name: value for name, value in columns.items() if name not in ("created", "owner_id")}


def test_a_row_is_stored_as_the_orm_stores_it(database: Database) -> None:
    assert stored(database, by_orm=False) == stored(database, by_orm=True)


def test_a_written_object_goes_on_as_one_that_was_read(database: Database) -> None:
    with database.write() as session:
        session.add(owner := person())
        session.flush()
        add_row(session, job := new_job(owner))
        assert job.owner is owner
        job.name = "changed"
    with database.read() as session:
        assert session.scalars(select(JobRow)).one().name == "changed"


def test_a_change_is_written_at_once_and_is_none_of_the_object_any_more(database: Database) -> None:
    with database.write() as session:
        session.add(owner := person())
        session.flush()
        add_row(session, job := new_job(owner))
        change_row(session, job, {"state": "queued", "ending": {"cause": "exited"}})
        assert (job.state, job.ending, session.is_modified(job)) == ("queued", {"cause": "exited"}, False)
        assert ask(session, select(JobRow.state, JobRow.ending)).one() == ("queued", {"cause": "exited"})


def test_what_stays_as_it_is_is_not_written(database: Database) -> None:
    with database.write() as session:
        session.add(owner := person())
        session.flush()
        add_row(session, job := new_job(owner))
        said: list[str] = []
        event.listen(database.engine, "before_cursor_execute", lambda *told: said.append(told[2]))
        change_row(session, job, {"state": "created", "waiting": None})
        assert said == []


def test_asking_sees_what_the_transaction_has_changed(database: Database) -> None:
    with database.write() as session:
        session.add(owner := person())
        session.flush()
        owner.name = "berta"
        assert ask(session, select(AccountRow.name)).scalar() == "berta"
