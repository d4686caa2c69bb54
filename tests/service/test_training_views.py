"""What a job's files tell, as the service shows it."""

from __future__ import annotations

from pathlib import Path

import pytest
from trainyard.home import Home
from trainyard.metrics import EventWriter, tags
from trainyard.records.jobs import JobKind
from trainyard_service.database.tables.trainings import TrainingRow
from trainyard_service.jobs import life
from trainyard_service.trainings import curves
from trainyard_service.trainings.curves import moment
from trainyard_service.trainings.kind import on_a_line_of_its_own


@pytest.mark.parametrize("seconds", [1e300, -1e300, float("nan"), float("inf"), 0, None])
def test_a_time_no_calendar_has_is_none(seconds):
    assert moment(seconds) is None


def test_a_time_is_in_utc():
    assert moment(86_400).isoformat() == "1970-01-02T00:00:00+00:00"


def _epoch(home: Home, instance: str, epoch: int) -> Path:
    with EventWriter(home.run("t") / instance / "logs") as writer:
        writer.add_scalar(tags.EPOCH, epoch, epoch)
    return writer.path


def test_instances_beyond_those_kept_are_told_without_reading_them_again(tmp_path, monkeypatch):
    monkeypatch.setattr(curves, "MOST_KEPT", 1)
    home, reader = Home(tmp_path), curves.CurveReader(Home(tmp_path))
    old, running = _epoch(home, "old", 3), _epoch(home, "running", 1)
    assert [reader.progress("t", name)[0].epoch for name in ("old", "running")] == [3, 1]
    # were it read again, nothing would be found
    old.write_bytes(bytes(old.stat().st_size))
    assert reader.progress("t", "old")[0].epoch == 3
    reader.series("t", "old", curves.Window())
    assert running.exists() and _epoch(home, "running", 2)
    assert reader.progress("t", "running")[0].epoch == 2
    reader.forget("old")
    assert reader.progress("t", "old")[0].epoch is None


@pytest.mark.parametrize(("log", "expected"), [(b"", "=\n"), (b"done\n", "=\n"), (b"\x80 live: ", "\n=\n"), (None, "=\n")])
def test_how_a_training_ended_begins_a_line(tmp_path, log, expected):
    if log is not None:
        (tmp_path / "out.log").write_bytes(log)
    assert on_a_line_of_its_own(tmp_path, "out.log", "=\n") == expected


@pytest.mark.one_database
def test_a_page_of_trainings_tells_how_many_there_are_to_whoever_may_see_them(service):
    vision, speech = service.group("vision"), service.group("speech")
    anna, ben, root = (
        service.account("anna", vision),
        service.account("ben", speech),
        service.account("root", administrator=True),
    )
    with service.context.database.write() as session:
        for number, (owner, group) in enumerate([(anna, vision)] * 3 + [(ben, speech)]):
            job = life.submit(session, life.NewJob(JobKind.TRAIN, f"t{number}", owner.id, group.id, "mxnet:1", "1Core2G"))
            row = TrainingRow(id=job.id, job=job, owner_id=owner.id, group_id=group.id, name=job.name, entry="sh", hours=1)
            session.add(row)
    for who, count in ((anna, 3), (ben, 1), (root, 4)):
        page = service.client(who).get("/trainings", params={"limit": 2}).json()
        assert (page["total"], len(page["items"])) == (count, min(count, 2))
        assert service.client(who).get("/trainings", params={"state": "running"}).json()["total"] == 0
