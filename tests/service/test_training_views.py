"""What a job's files tell, as the service shows it."""

from __future__ import annotations

from pathlib import Path

import pytest
from trainyard.home import Home
from trainyard.metrics import EventWriter, tags
from trainyard_service.trainings import curves
from trainyard_service.trainings.views import moment


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
