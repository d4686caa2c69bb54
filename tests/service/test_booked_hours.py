"""Booked and idle hours of a month: what ended starts held is kept, by whom and how much of it stood idle; who sees what."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import Mock

import pytest
from alembic import command as command_line
from sqlalchemy import insert, text
from trainyard_service.database.base import now
from trainyard_service.database.engine import Database
from trainyard_service.database.tables.disk import PreferenceRow
from trainyard_service.database.tables.jobs import AllocationRow, BookingRow, WorkspaceRow
from trainyard_service.database.upgrade import configuration, upgrade
from trainyard_service.jobs import booking, kept
from trainyard_service.jobs.booking import forget_old, give_back, read_all
from trainyard_spawner.kubernetes import volumes

BEGIN = datetime(2026, 3, 1, tzinfo=UTC)
TYPES = {"gpu-0": "A100", "gpu-1": "A100"}
JOB = "job-00000000000000aa-1"


@pytest.fixture
def service(start_service: Any) -> Any:
    """Without work beside it: samples are read, and what is left over is swept, when a test says so."""
    return start_service(parts=())


@pytest.fixture
def vision(service: Any) -> Any:
    return service.group("vision")


@pytest.fixture
def anna(service: Any, vision: Any) -> Any:
    return service.account("anna", vision)


def _held(owner: Any, group: Any, key: str = JOB, **more: Any) -> AllocationRow:
    values = {"cpu": 2, "memory": 2**30, "gpu": 0, "jobs": 1, "since": now() - timedelta(hours=1), **more}
    return AllocationRow(key=key, owner_id=owner.id, group_id=group and group.id, **values)


def _ended(owner: Any, group: Any, hours: float, **more: Any) -> BookingRow:
    values = {"key": JOB, "cpu": 2, "gpu": 0, "devices": [], "since": BEGIN, "until": BEGIN + timedelta(hours=hours), **more}
    return BookingRow(owner_id=owner.id, group_id=group and group.id, **values)


def _keep(service: Any, *rows: Any) -> None:
    with service.context.database.write() as session:
        session.add_all(rows)


def _samples(service: Any, key: str, begin: datetime, *told: tuple[float, float | None, float | None]) -> None:
    """As a supervisor writes them: seconds after ``begin``, cores, how busy the cards were."""
    folder = service.context.home.kept(key)
    folder.mkdir(parents=True)
    lines = [[begin.timestamp() + at, cores, 0, cards, None, None, None, None, None] for at, cores, cards in told]
    (folder / "usage.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))


def _rows(answer: Any, which: str) -> list[tuple[Any, ...]]:
    return [
        (row["group"], row["person"] and row["person"]["name"], row["device"], row["booked"], row["measured"], row["idle"])
        for row in answer.json()[which]
    ]


def test_what_a_start_held_is_kept_when_it_is_given_back(service: Any, anna: Any, vision: Any) -> None:
    with service.context.database.write() as session:
        session.add(_held(anna, vision, gpu=1, devices=["gpu-0"]))
        session.flush()
        give_back(session, JOB)
        give_back(session, JOB)
    with service.context.database.read() as session:
        assert session.query(AllocationRow).count() == 0
        (row,) = session.query(BookingRow).all()
        assert (row.key, row.owner_id, row.group_id, row.cpu, row.devices) == (JOB, anna.id, vision.id, 2, ["gpu-0"])
        assert 3600 <= (row.until - row.since).total_seconds() < 3700


def test_hours_are_told_by_group_person_and_device(service: Any, anna: Any, vision: Any) -> None:
    ben, root = service.account("ben", vision), service.account("root", administrator=True)
    meter = {"devices": {"cpu": 2, "A100": 1}, "months": {"2026-03": {"cores": [3600, 1800], "cards": [3600, 3600]}}}
    _keep(service, _ended(anna, vision, 2, meter=meter), _ended(ben, vision, 3), _ended(ben, None, 4))
    answer = service.client(root).get("/usage/hours", params={"month": "2026-03"})
    assert _rows(answer, "groups") == [
        ("vision", None, "cpu", 10, 2, 1), ("vision", None, "A100", 2, 1, 1), (None, None, "cpu", 8, 0, 0),
    ]  # fmt: skip
    assert _rows(answer, "people") == [
        ("vision", "anna", "cpu", 4, 2, 1), ("vision", "anna", "A100", 2, 1, 1), ("vision", "ben", "cpu", 6, 0, 0),
        (None, "ben", "cpu", 8, 0, 0),
    ]  # fmt: skip


def test_others_see_their_own_hours_and_the_sums_of_their_groups(service: Any, anna: Any, vision: Any) -> None:
    speech = service.group("speech")
    ben = service.account("ben", vision, speech)
    _keep(service, _ended(anna, vision, 2), _ended(ben, vision, 3), _ended(ben, speech, 5))
    answer = service.client(anna).get("/usage/hours", params={"month": "2026-03"})
    assert _rows(answer, "groups") == [("vision", None, "cpu", 10, 0, 0)]
    assert _rows(answer, "people") == [("vision", "anna", "cpu", 4, 0, 0)]


def test_other_months_are_empty_and_the_present_one_is_the_default(service: Any, anna: Any, vision: Any) -> None:
    _keep(service, _ended(anna, vision, 2))
    client = service.client(anna)
    assert client.get("/usage/hours", params={"month": "2026-02"}).json()["groups"] == []
    answer = client.get("/usage/hours").json()
    assert (answer["month"], answer["groups"]) == (f"{now():%Y-%m}", [])


def test_what_is_still_held_counts_until_now_with_what_its_samples_tell(service: Any, anna: Any, vision: Any) -> None:
    since = now() - timedelta(seconds=120)
    _samples(service, JOB, since, (0, None, None), (60, 1.0, None), (100, 0.0, None))
    _keep(service, _held(anna, vision, since=since))
    client = service.client(anna)
    months = {f"{since:%Y-%m}", f"{now():%Y-%m}"}  # at midnight of the first two
    rows = [row for month in months for row in client.get("/usage/hours", params={"month": month}).json()["people"]]
    hour = 3600
    assert sum(row["booked"] for row in rows) * hour == pytest.approx(2 * 120, abs=60)
    assert sum(row["measured"] for row in rows) * hour == pytest.approx(200)
    assert sum(row["idle"] for row in rows) * hour == pytest.approx(80)
    assert {row["holds"] for row in rows} == {2}


def test_samples_of_what_is_held_are_read_once_a_minute_and_only_for_those_who_see_it(
    service: Any, anna: Any, vision: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    moment, read = now(), Mock(wraps=kept.samples)
    monkeypatch.setattr(booking, "now", lambda: moment)
    monkeypatch.setattr(kept, "samples", read)
    since = moment - timedelta(hours=1)
    _samples(service, JOB, since, (0, None, None), (60, 1.0, None))
    _keep(service, _held(anna, vision, since=since))
    stranger, owner = service.client(service.account("ben")), service.client(anna)
    assert stranger.get("/usage/hours").json()["people"] == []
    read.assert_not_called()
    for _ in range(3):
        assert owner.get("/usage/hours").json()["people"]
    read.assert_called_once()


def test_samples_of_what_has_ended_are_read_once_and_by_month(service: Any, anna: Any, vision: Any) -> None:
    begin = datetime(2026, 3, 31, 23, 0, tzinfo=UTC)
    _samples(service, JOB, begin, (0, None, None), (1800, 1.0, 0.0), (5400, 0.0, 0.5), (7200, 0.0, 0.0))
    _keep(service, _ended(anna, vision, 0, since=begin, until=begin + timedelta(hours=2), gpu=2, devices=["gpu-0", "gpu-1"]))
    read_all(service.context, TYPES)
    with service.context.database.read() as session:
        (row,) = session.query(BookingRow).all()
    assert row.meter == {
        "devices": {"cpu": 2, "A100": 2},
        "months": {
            "2026-03": {"cores": [3600, 1800], "cards": [3600, 1800]},
            "2026-04": {"cores": [3600, 3600], "cards": [3600, 1800]},
        },
    }


def test_samples_written_out_of_order_count_by_their_times(service: Any, anna: Any, vision: Any) -> None:
    """Where a launch is a pod its samples lie where the person's own programs can write."""
    _samples(service, f"{JOB}-worker0", BEGIN, (100, 0.0, None), (110, 0.0, None), (20, 1.0, None))
    _samples(service, f"{JOB}-worker1", BEGIN, (1, 0.0, None))
    _keep(service, _ended(anna, vision, 1))
    read_all(service.context, {})
    with service.context.database.read() as session:
        assert [row.meter and row.meter["months"]["2026-03"]["cores"] for row in session.query(BookingRow)] == [[90, 90]]
    (row,) = service.client(anna).get("/usage/hours", params={"month": "2026-03"}).json()["people"]
    assert (row["booked"], row["measured"]) == (2, pytest.approx(2 * 90 / 3600))


@pytest.mark.one_database
def test_the_samples_of_a_workspace_are_not_needed_once_they_are_read(service: Any, anna: Any, vision: Any) -> None:
    key = f"workspace-{anna.id}-1"
    _samples(service, key, BEGIN, (0, None, None), (60, 0.0, None))
    _keep(service, _ended(anna, vision, 1, key=key))
    read_all(service.context, {})
    assert not service.context.home.kept(key).exists()
    told = service.client(anna).get("/usage/hours", params={"month": "2026-03"}).json()["people"]
    assert [(row["measured"], row["idle"]) for row in told] == [(pytest.approx(2 / 60), pytest.approx(2 / 60))]


def test_of_two_services_that_read_samples_at_once_the_first_one_counts(
    service: Any, anna: Any, vision: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, own = f"workspace-{anna.id}-1", booking.meter

    def second(*arguments: Any) -> Any:
        monkeypatch.setattr(booking, "meter", own)
        read_all(service.context, {})
        return own(*arguments)

    _samples(service, key, BEGIN, (0, None, None), (60, 0.0, None))
    _keep(service, _ended(anna, vision, 1, key=key))
    monkeypatch.setattr(booking, "meter", second)
    read_all(service.context, {})
    told = service.client(anna).get("/usage/hours", params={"month": "2026-03"}).json()["people"]
    assert [row["measured"] for row in told] == [pytest.approx(2 / 60)]


def test_a_workspace_on_a_cluster_leaves_nothing_when_its_samples_are_read_before_it_is_forgotten(
    service: Any, anna: Any, vision: Any
) -> None:
    home, key = service.context.home, f"workspace-{anna.id}-1"
    (home.launches / key).mkdir(parents=True)
    volumes.show_kept(home, key)
    (home.launches / key / kept.USAGE).write_text(json.dumps([BEGIN.timestamp(), 0, 0, *[None] * 6]) + "\n")
    _keep(service, _ended(anna, vision, 1, key=key))
    read_all(service.context, {})
    volumes.keep(home, key)
    assert not home.kept(key).exists()


def test_a_workspace_that_ends_is_booked(service: Any, anna: Any, vision: Any) -> None:
    key = f"workspace-{anna.id}-1"
    row = WorkspaceRow(key=key, account_id=anna.id, number=1, group_id=vision.id, image="workspace:1", package="1Core2G")
    row.ends_at = now() + timedelta(hours=1)
    _keep(service, row)
    _keep(service, _held(anna, vision, key, workspace=key, jobs=0))
    assert service.internal().post(f"/internal/workspaces/{anna.hub_name}/ended", json={"key": key}).is_success
    with service.context.database.read() as session:
        assert [one.key for one in session.query(BookingRow)] == [key]


def test_one_odd_row_takes_nobody_else_s_samples_away(
    service: Any, anna: Any, vision: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    odd, sane, own = "job-00000000000000bb-1", JOB, kept.samples

    def fails_for_one(home: Any, job: str, attempt: int) -> Any:
        if job in odd:
            raise RuntimeError("nobody has thought of this")
        return own(home, job, attempt)

    monkeypatch.setattr(kept, "samples", fails_for_one)
    _samples(service, sane, BEGIN, (0, None, None), (3600, 1.0, None))
    _keep(service, _ended(anna, vision, 1, key=odd), _ended(anna, vision, 1, key=sane))
    read_all(service.context, {})
    (row,) = service.client(anna).get("/usage/hours", params={"month": "2026-03"}).json()["people"]
    assert (row["booked"], row["measured"]) == (4, 2)


@pytest.mark.parametrize(
    "meter", [{"devices": {"cpu": 2}}, {"devices": {"cpu": "two"}, "months": {}}, {"months": {"2026-03": 7}}]
)
def test_one_odd_row_does_not_take_the_page_away(service: Any, anna: Any, vision: Any, meter: Any) -> None:
    _keep(service, _ended(anna, vision, 2, meter=meter), _ended(anna, vision, 3))
    (row,) = service.client(anna).get("/usage/hours", params={"month": "2026-03"}).json()["people"]
    assert row["booked"] == 6


def test_what_ended_longer_ago_than_is_kept_is_forgotten_and_the_answer_says_since_when(
    service: Any, anna: Any, vision: Any
) -> None:
    day, long_ago, lately = timedelta(days=1), now() - timedelta(days=401), now() - timedelta(days=399)
    _keep(service, *(_ended(anna, vision, 0, key=f"{JOB}{at:%j}", since=at - day, until=at) for at in (long_ago, lately)))
    with service.context.database.write() as session:
        session.get_one(PreferenceRow, "bookings").at = BEGIN - timedelta(days=5000)
    forget_old(service.context, 400)
    with service.context.database.read() as session:
        assert [row.until for row in session.query(BookingRow)] == [lately]
    since = datetime.fromisoformat(service.client(anna).get("/usage/hours").json()["kept_since"])
    assert abs(since - (now() - timedelta(days=400))) < timedelta(minutes=10)


@pytest.mark.parametrize("month", ["2026-13", "october", "2026-1", "9999-12"])
@pytest.mark.one_database
def test_what_is_no_month_is_refused_with_an_example(service: Any, anna: Any, month: str) -> None:
    answer = service.client(anna).get("/usage/hours", params={"month": month})
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["field"]) == (422, "no-such-month", "month")
    assert f"{now():%Y-%m}" in error["hint"]


@pytest.mark.one_database
def test_it_says_since_when_hours_are_kept(tmp_path: Any) -> None:
    """A database of before: nothing true is known of what had ended, what is held then counts whole."""
    database = Database(f"sqlite:///{tmp_path / 'old.db'}")
    with database.engine.begin() as connection:
        command_line.upgrade(configuration(connection), "0015")
        connection.execute(
            text(
                "INSERT INTO accounts (id, name, name_key, password_hash, state, administrator, email, affiliation, reason,"
                " language, session, created) VALUES (1, 'anna', 'anna', '!', 'active', 0, '', '', '', 'en', 0, '2026-01-01')"
            )
        )
        connection.execute(
            text(
                "INSERT INTO allocations (key, owner_id, cpu, memory, gpu, jobs, devices, since)"
                " VALUES ('job-00000000000000aa-1', 1, 2, 5, 0, 1, '[]', '2026-01-01 00:00:00')"
            )
        )
    before = now()
    upgrade(database)
    with database.write() as session:
        since = session.get_one(PreferenceRow, "bookings")
        assert before <= since.at <= now()
        give_back(session, JOB)
    with database.read() as session:
        assert [one.since.year for one in session.query(BookingRow)] == [2026]
    database.close()


@pytest.mark.one_database
def test_a_month_of_many_starts_is_added_up(service: Any, anna: Any, vision: Any) -> None:
    meter = {"devices": {"cpu": 2}, "months": {"2026-03": {"cores": [36, 18], "cards": [0, 0]}}}
    with service.context.database.write() as session:
        new = {"key": JOB, "owner_id": anna.id, "group_id": vision.id, "cpu": 2, "gpu": 0, "devices": [], "meter": meter}
        new |= {"since": BEGIN, "until": BEGIN + timedelta(seconds=36)}
        session.execute(insert(BookingRow), [new] * 20_000)
    (row,) = service.client(anna).get("/usage/hours", params={"month": "2026-03"}).json()["people"]
    assert (row["booked"], row["idle"]) == (pytest.approx(400), pytest.approx(200))
