"""Curves on disk: the same as the event files say, whatever was killed, cut, replaced or damaged in between."""

from __future__ import annotations

import math
import os
import sqlite3
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from trainyard.home import Home
from trainyard.metrics import tags
from trainyard.metrics.events import restart_event, scalar_event
from trainyard.metrics.series import Points, Series
from trainyard.tfrecord import frame
from trainyard_service.trainings import curves, followed
from trainyard_service.trainings.curves import CurveReader, Window
from trainyard_service.trainings.followed import Followed
from trainyard_service.trainings.series_store import Overtaken, SeriesStore

EVERYTHING = Window(points=20_000)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    (tmp_path / "service").mkdir()
    return Home(tmp_path)


@pytest.fixture
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """The store is written as soon as there is anything."""
    monkeypatch.setattr(followed, "WAITING", 1)
    monkeypatch.setattr(followed, "AT_ONCE", 1)


def write(home: Home, data: bytes, name: str = "events.out.tfevents.1.h", instance: str = "i") -> Path:
    path = home.run("t") / instance / "logs" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as file:
        file.write(data)
    return path


def scalars(steps: list[int] | range, tag: str = "loss/train", value: float | None = None) -> bytes:
    return b"".join(
        frame(scalar_event(1000.0 + at, step, tag, float(step) if value is None else value)) for at, step in enumerate(steps)
    )


def steps(reader: CurveReader, tag: str = "loss/train", window: Window = EVERYTHING) -> list[int]:
    found = {one.tag: one.steps for one in reader.series("t", "i", window)}
    return found.get(tag, [])


def stored(home: Home) -> Path:
    return home.service / "series" / "i.series"


def settled(home: Home) -> CurveReader:
    """A reader that has read and written everything, and one that begins with what it left."""
    reader = CurveReader(home)
    steps(reader)
    reader.close()
    return CurveReader(home)


def test_after_a_start_charts_come_from_the_disk(home):
    path = write(home, scalars(range(10_000)))
    reader = settled(home)
    path.write_bytes(bytes(path.stat().st_size))  # were it read again, nothing would be found
    assert steps(reader) == list(range(10_000))


def test_what_came_while_nobody_looked_is_added(home):
    write(home, scalars(range(5000)))
    settled(home)
    write(home, scalars(range(5000, 6000)))
    assert steps(CurveReader(home)) == list(range(6000))


@pytest.mark.usefixtures("often")
@settings(max_examples=25, deadline=None)
@given(
    batches=st.lists(st.lists(st.integers(0, 40), max_size=12), max_size=6),
    again=st.lists(st.booleans(), min_size=6, max_size=6),
)
def test_later_steps_replace_what_they_repeat_in_the_store_too(tmp_path_factory, batches, again):
    home = Home(tmp_path_factory.mktemp("home"))
    reader, expected = CurveReader(home), Series("")
    for batch, restart in zip(batches, again, strict=False):
        write(home, scalars(batch))
        numbers = np.array(batch, np.int64)
        expected.append(Points(numbers, numbers.astype(float), numbers.astype(float)))
        reader = CurveReader(home) if restart else reader
        assert steps(reader) == expected.points.steps.tolist()
    reader.close()


@pytest.mark.usefixtures("often")
def test_a_restart_voids_what_an_earlier_attempt_wrote_behind_it(home):
    write(home, scalars(range(9000)) + scalars(range(9000), tag="other"))
    reader = settled(home)
    write(home, frame(restart_event(2000.0, 4500)) + scalars(range(4500, 4600)), name="events.out.tfevents.2.h")
    assert steps(reader) == list(range(4600))
    assert steps(reader, "other") == list(range(4500))
    assert reader.newest("t", "i")["other"] == 4499


def test_lowest_highest_and_no_number_of_a_long_series_are_drawn(home):
    values = np.sin(np.arange(300_000) / 1000)
    values[[77_777, 123_456, 200_001]] = 99, -99, math.nan
    write(home, b"".join(frame(scalar_event(1.0, at, "loss/train", value)) for at, value in enumerate(values.tolist())))
    [few] = settled(home).series("t", "i", Window(points=1000))
    assert len(few.steps) <= 1000
    known = dict(zip(few.steps, few.values, strict=True))
    assert (known[77_777], known[123_456], known[200_001]) == (99, -99, None)
    assert few.total == 300_000


def test_zooming_in_shows_every_point(home):
    write(home, scalars(range(200_000)))
    near = Window(points=1000, first=77_000, last=77_499)
    assert steps(settled(home), window=near) == list(range(77_000, 77_500))


def test_a_torn_last_record_is_added_when_the_rest_arrives(home):
    data = scalars(range(100))
    write(home, data[:-7])
    assert steps(settled(home)) == list(range(99))
    write(home, data[-7:])
    assert steps(CurveReader(home)) == list(range(100))


@pytest.mark.parametrize("damage", [b"no database at all", b""])
def test_a_store_that_is_none_is_made_anew(home, damage):
    write(home, scalars(range(5000)))
    settled(home)
    stored(home).write_bytes(damage)
    assert steps(CurveReader(home)) == list(range(5000))


def test_a_store_damaged_inside_is_made_anew(home):
    write(home, scalars(range(50_000)))
    settled(home)
    whole = bytearray(stored(home).read_bytes())
    whole[8192:] = os.urandom(len(whole) - 8192)
    stored(home).write_bytes(whole)
    assert steps(CurveReader(home), window=Window(points=20_000, first=100, last=200)) == list(range(100, 201))


def test_a_store_of_another_version_is_made_anew(home):
    write(home, scalars(range(5000)))
    settled(home)
    connection = sqlite3.connect(stored(home))
    connection.execute("PRAGMA user_version = 77")
    connection.close()
    assert steps(CurveReader(home)) == list(range(5000))


def test_an_event_file_that_was_replaced_is_read_again(home):
    path = write(home, scalars(range(5000)))
    settled(home)
    other = path.with_suffix(".new")
    other.write_bytes(scalars(range(300), value=7.0))
    other.replace(path)
    [one] = CurveReader(home).series("t", "i", EVERYTHING)
    assert (len(one.steps), set(one.values)) == (300, {7.0})


def test_two_services_may_follow_one_run(home, monkeypatch):
    monkeypatch.setattr(followed, "WAITING", 1000)
    one, other = settled(home), CurveReader(home)
    for begin in range(0, 10_000, 700):
        write(home, scalars(range(begin, begin + 700)))
        assert steps(one) == list(range(begin + 700))
        assert steps(other) == list(range(begin + 700))


def test_a_write_on_another_state_is_refused(home, tmp_path):
    store = SeriesStore.draft(tmp_path / "x")
    before = store.state()
    points = Points(np.arange(3), np.arange(3.0), np.arange(3.0))
    store.fold(before, {}, {"a": points}, {})
    with pytest.raises(Overtaken):
        store.fold(before, {}, {"a": points}, {})


@pytest.mark.usefixtures("often")
def test_a_full_disk_keeps_no_chart_from_being_drawn(home, monkeypatch):
    write(home, scalars(range(3000)))
    reader = settled(home)

    def full(*_: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    with monkeypatch.context() as broken:
        broken.setattr(SeriesStore, "fold", full)
        write(home, scalars(range(2000, 4000)))
        assert steps(reader) == list(range(4000))
        assert "disk is full" in reader.problems("t", "i")[0]
    assert steps(reader) == list(range(4000))


@pytest.mark.usefixtures("often")
def test_a_thousand_tags_and_a_billion_steps_are_kept(home):
    names = [f"layer_{number:04}/gradient" for number in range(1000)]
    for begin in (0, 10**9, 2**62):
        write(home, b"".join(frame(scalar_event(1.0, begin + at, tag, at)) for at in range(3) for tag in names))
    reader = settled(home)
    series = reader.series("t", "i", Window(points=10))
    assert [one.tag for one in series] == names
    assert series[500].steps == [begin + at for begin in (0, 10**9, 2**62) for at in range(3)]


def test_a_job_that_writes_without_end_fills_no_disk(home, monkeypatch):
    monkeypatch.setattr(followed, "MOST_POINTS", 5000)
    monkeypatch.setattr(followed, "MOST_TAGS", 3)
    write(home, b"".join(scalars(range(10), tag=f"tag{number}") for number in range(10)) + scalars(range(10**5)))
    assert len(CurveReader(home).series("t", "i", EVERYTHING)) == 3


def test_progress_is_told_from_the_store_alone(home):
    write(home, b"".join(scalars(range(200), tag=tag) for tag in (tags.EPOCH, tags.BATCH)))
    reader = settled(home)
    assert reader.progress("t", "i")[0].epoch == 199
    assert followed.Followed(home.run("t"), "i/logs", stored(home)).progress().batch == 199


def test_drafts_of_a_killed_service_are_removed_and_those_of_a_living_one_are_not(home):
    folder = home.service / "series"
    folder.mkdir()
    for pid in (os.getpid(), 2**22 + 1):
        (folder / f"i.series.{pid}-00.draft").touch()
    CurveReader(home)
    assert [one.name for one in folder.iterdir()] == [f"i.series.{os.getpid()}-00.draft"]


def test_an_instance_that_is_gone_leaves_nothing(home):
    write(home, scalars(range(5000)))
    reader = settled(home)
    assert stored(home).exists()
    reader.forget("i")
    assert list((home.service / "series").iterdir()) == []


def test_memory_holds_only_what_waits(home, monkeypatch):
    monkeypatch.setattr(followed, "WAITING", 4096)
    run = Followed(home.run("t"), "i/logs", stored(home))
    write(home, scalars(range(100_000)))
    with run.locked():
        run.catch_up()
        assert run.waiting < 4096
        assert run.size == 100_000
        run.remove()


def test_many_instances_are_drawn_at_once(home, monkeypatch):
    monkeypatch.setattr(curves, "MOST_KEPT", 2)
    for number in range(5):
        write(home, scalars(range(number + 1)), instance=f"i{number}")
    reader = CurveReader(home)
    found = reader.of_many([("t", f"i{number}") for number in range(5)], EVERYTHING)
    assert [len(series[0].steps) for series in found] == [1, 2, 3, 4, 5]
    reader.close()
