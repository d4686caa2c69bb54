"""Watching a training over REST: what it uses, its log searched and timed, runs side by side, curves as files."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import os
import re
import struct
import tracemalloc
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from trainyard.jobs.states import JobState
from trainyard.metrics import EventWriter
from trainyard.records.trainings import SeriesPoints
from trainyard_service.database.tables.jobs import AttemptRow, JobRow
from trainyard_service.database.tables.trainings import InstanceRow, TrainingRow
from trainyard_service.jobs import kept, log_search
from trainyard_service.jobs.log import LogFile
from trainyard_service.trainings.charts import charts_of, labels
from trainyard_service.trainings.comparison import differing
from trainyard_service.trainings.drawing import Picture, draw, smoothed

pytestmark = pytest.mark.one_database
RUNS = [("a" * 16, "a" * 24, 0.1), ("b" * 16, "b" * 24, 0.2)]


@pytest.fixture
def client(service: Any) -> Any:
    """Anna's client; she has two trainings with an instance and curves each."""
    vision = service.group("vision")
    anna = service.account("anna", vision)
    with service.context.database.write() as session:
        for identifier, instance, rate in RUNS:
            name = f"net {rate}"
            row = JobRow(id=identifier, kind="train", name=name, owner_id=anna.id, group_id=vision.id, state=JobState.FINISHED)
            row.image, row.package = "workspace:1", "1Core2G"
            session.add(row)
            session.flush()
            told = {"name": name, "owner_id": anna.id, "group_id": vision.id, "job_id": identifier, "entry": "x", "hours": 1}
            session.add(TrainingRow(id=identifier, **told))
            session.flush()
            parameters = {"optimizer": {"lr": rate}, "epochs": 3}
            session.add(InstanceRow(id=instance, training_id=identifier, attempt=1, parameters=parameters))
    for identifier, instance, rate in RUNS:
        with EventWriter(service.context.home.run(identifier) / instance / "logs") as writer:
            for step in range(100):
                writer.add_scalar("loss/train", rate / (step + 1), step)
                writer.add_scalar("准确率/train", step / 100, step)
    return service.client(anna)


def log_of(service: Any) -> Path:
    path: Path = service.context.home.group_share(1) / "anna" / "run" / "train_net 0.1_out.log"
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def test_runs_are_compared_by_what_differs_and_where_they_ended(client):
    found = client.get("/comparison", params={"training": [run[0] for run in RUNS]}).json()
    assert found["differing"] == ["optimizer.lr"]
    assert [run["parameters"]["optimizer.lr"] for run in found["runs"]] == [0.1, 0.2]
    assert found["runs"][1]["metrics"]["loss/train"] == pytest.approx(0.002)
    assert found["runs"][1]["best"] == {"loss/train": pytest.approx(0.002), "准确率/train": pytest.approx(0.99)}


def test_a_program_that_only_prints_took_what_its_job_took(service, client):
    with service.context.database.write() as session:
        session.delete(session.get_one(InstanceRow, RUNS[0][1]))
        job = session.get_one(JobRow, RUNS[0][0])
        job.started, job.ended = datetime(2026, 11, 22, 8, tzinfo=UTC), datetime(2026, 11, 22, 8, 0, 11, tzinfo=UTC)
    found = client.get("/comparison", params={"training": [run[0] for run in RUNS]}).json()
    assert found["runs"][0]["elapsed"] == 11


def test_curves_of_several_come_in_the_order_asked_for(client):
    instances = [RUNS[1][1], RUNS[0][1]]
    found = client.get("/curves", params={"instance": instances, "tags": "loss/train"}).json()
    assert [one["instance"] for one in found] == instances
    assert found[0]["series"][0]["values"][0] == pytest.approx(0.2)


@pytest.mark.parametrize(("kind", "begin"), [("png", b"\x89PNG"), ("svg", b"<?xml")])
def test_curves_are_drawn_outside_of_the_service(client, kind, begin):
    answer = client.get("/curves/file", params={"instance": [run[1] for run in RUNS], "format": kind, "smoothing": 0.5})
    assert answer.content.startswith(begin)


def test_runs_of_one_picture_are_told_apart_without_their_colours(client):
    def dashes(runs):
        answer = client.get("/curves/file", params={"instance": runs, "tags": "loss/train", "format": "svg"})
        return set(re.findall(r"stroke-dasharray: [^;\"]+", answer.text))

    first, second = (run[1] for run in RUNS)
    assert (len(dashes([first])), len(dashes([first, second]))) == (0, 1)


def test_every_point_comes_as_csv(client):
    answer = client.get("/curves/file", params={"instance": [run[1] for run in RUNS], "format": "csv"})
    rows = list(csv.reader(io.StringIO(answer.text)))
    assert rows[0] == ["instance", "tag", "step", "time", "value"]
    assert len(rows) == 1 + 2 * 2 * 100


def test_a_picture_by_epochs_needs_runs_that_tell_them(service, client):
    asked = {"instance": RUNS[0][1], "tags": "loss/train", "x": "epoch", "format": "svg"}
    assert client.get("/curves/file", params=asked).json()["error"]["code"] == "no-epochs"
    with EventWriter(service.context.home.run(RUNS[0][0]) / RUNS[0][1] / "logs") as writer:
        writer.add_scalar("progress/batches_per_epoch", 10, 0)
    assert client.get("/curves/file", params=asked).content.startswith(b"<?xml")


def test_a_run_has_one_colour_and_one_name_in_all_charts_of_a_picture():
    def series(tag, step):
        return SeriesPoints(tag=tag, steps=[0, step], times=[60.0, 120.0], values=[1.0, 0.5], total=2)

    per_epoch = SeriesPoints(tag="progress/batches_per_epoch", steps=[0], times=[0.0], values=[4.0], total=1)
    found = [[series("loss/train", 8)], [series("loss/train", 2), series("rate", 2), per_epoch]]
    names = labels([("net", "a" * 24), ("net", "b" * 24)])
    charts = charts_of(names, found, "step")
    drawn = [(chart["title"], line["label"], line["place"]) for chart in charts for line in chart["lines"]]
    assert drawn == [("loss/train", "net aaaaaa", 0), ("loss/train", "net bbbbbb", 1), ("rate", "net bbbbbb", 1)]
    assert [line["x"] for line in charts_of(names, found, "epoch")[0]["lines"]] == [[0.0, 0.5]]
    assert [line["x"] for line in charts_of(names, found, "time")[0]["lines"]] == [[0.0, 1.0], [1.0, 2.0]]


@pytest.mark.parametrize("name", ["_warm", "costs $5 to $\\foo$"])
def test_a_run_stands_in_a_pictures_legend_by_its_name_as_it_is(name, tmp_path):
    def picture(label):
        charts = [{"title": "loss", "lines": [{"label": label, "place": 0, "x": [1, 2], "values": [1.0, 0.5]}]}]
        drawn = asyncio.run(draw(Picture("svg", "runs", "step", charts), tmp_path))
        return drawn.partition(b'id="legend_1"')[2].count(b"<use ")

    assert picture(name) - picture("a") == len(name) - 1


def test_a_run_without_numbers_is_not_drawn(service, client):
    answer = client.get("/curves/file", params={"instance": RUNS[0][1], "tags": "nothing"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "no-curves")


def test_use_is_told_over_all_attempts_and_torn_lines_are_passed_over(service, client):
    for attempt in (1, 2, 10):
        folder = service.context.home.kept(f"job-{RUNS[0][0]}-{attempt}")
        folder.mkdir(parents=True)
        rows = [[attempt * 100.0 + at, 0.5, 1e6 * at, None, None, 0.0, 1.0, None, None] for at in range(10)]
        (folder / "usage.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows) + "[1, 2")
    found = client.get(f"/jobs/{RUNS[0][0]}/usage").json()
    assert found["times"] == sorted(found["times"])
    assert (len(found["cpu"]), found["attempts"], found["gpu"][0]) == (30, [0, 10, 20], None)
    few = client.get(f"/jobs/{RUNS[0][0]}/usage", params={"points": 10}).json()
    assert (len(few["cpu"]), max(few["memory"])) == (10, 9e6)
    kept.remove(service.context.home, RUNS[0][0])
    assert client.get(f"/jobs/{RUNS[0][0]}/usage").json()["times"] == []


def test_a_log_is_searched_with_line_numbers_whatever_the_case(service, client):
    log_of(service).write_text("one\nTwo 准确率\nthree\nno TWO\n")
    found = client.get(f"/jobs/{RUNS[0][0]}/log/search", params={"text": "two"}).json()
    assert [(one["line"], one["offset"], one["text"]) for one in found["matches"]] == [(2, 4, "Two 准确率"), (4, 24, "no TWO")]
    assert found["next"] is None


def test_the_whole_log_is_downloaded(service, client):
    log_of(service).write_bytes(b"x" * 3_000_000)
    answer = client.get(f"/jobs/{RUNS[0][0]}/log/file")
    assert len(answer.content) == 3_000_000
    assert "attachment" in answer.headers["Content-Disposition"]


def test_a_search_stops_after_so_many_lines_and_goes_on_there(tmp_path, monkeypatch):
    monkeypatch.setattr(log_search, "MOST_MATCHES", 7)
    monkeypatch.setattr(log_search, "BLOCK", 64)
    (tmp_path / "log").write_text("".join(f"line {number}\n" for number in range(100)))
    at, line, seen = 0, 1, []
    while at is not None:
        found = log_search.search(LogFile(tmp_path, "log"), "LINE", at, line)
        seen += [(one.line, one.text) for one in found.matches]
        at, line = found.next, found.next_line
    assert seen == [(number + 1, f"line {number}") for number in range(100)]


def test_colours_hide_nothing_from_a_search(tmp_path, monkeypatch):
    monkeypatch.setattr(log_search, "MOST_MATCHES", 1)
    (tmp_path / "log").write_bytes(b"\x1b[32mno\x1b[0m\n\x1b[32mEpoch[3]\x1b[0m Batch [5]\nepoch[3] \x1b[1mbatch\x1b[0m [5]\n")
    first = log_search.search(LogFile(tmp_path, "log"), "epoch[3] batch [5]", 0, 1)
    assert first.next is not None
    second = log_search.search(LogFile(tmp_path, "log"), "epoch[3] batch [5]", first.next, first.next_line)
    found = [*first.matches, *second.matches]
    assert [(one.line, one.offset, one.text) for one in found] == [(2, 12, "Epoch[3] Batch [5]"), (3, 40, "epoch[3] batch [5]")]


def test_a_search_in_a_large_log_holds_a_few_blocks(tmp_path):
    with (tmp_path / "log").open("wb") as file:
        for _ in range(64):
            file.write(b"a line of output\n" * 60_000)
        file.write(b"needle\n")
    tracemalloc.start()
    found = log_search.search(LogFile(tmp_path, "log"), "needle", 0, 1)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found.matches[0].line == 64 * 60_000 + 1
    assert peak < 8 * log_search.BLOCK


def test_times_of_a_log_are_those_of_the_attempt_that_wrote_last(tmp_path):
    folders = [tmp_path / "1", tmp_path / "2"]
    for folder, pairs in zip(folders, ([(0, 1000), (500, 2000), (900, 3000)], [(600, 9000), (700, 9500)]), strict=True):
        folder.mkdir()
        (folder / "output.times").write_bytes(b"".join(struct.pack("<QQ", *pair) for pair in pairs) + b"torn")
    found = log_search.times(folders, 550, None)
    assert list(zip(found.offsets, found.times, strict=True)) == [(500, 2.0), (600, 9.0), (700, 9.5)]


def test_times_of_a_log_are_read_once_and_then_only_what_was_added(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read, pread = list[bytes](), os.pread

    def counted(*asked: int) -> bytes:
        read.append(pread(*asked))
        return read[-1]

    monkeypatch.setattr(os, "pread", counted)
    with (tmp_path / "output.times").open("wb") as file:
        file.write(b"".join(struct.pack("<QQ", at, 1000 * at) for at in range(50_000)))
        file.flush()
        log_search.times([tmp_path], 0, None)
        file.write(struct.pack("<QQ", 50_000, 60_000_000))
    read.clear()
    assert log_search.times([tmp_path], 49_999, None).times == [49_999, 60_000]
    assert sum(map(len, read)) < 100


def test_smoothing_begins_at_the_first_value_and_passes_over_what_is_none():
    assert smoothed([4.0, None, 4.0], 0.9) == [pytest.approx(4.0), None, pytest.approx(4.0)]


def test_a_parameter_only_one_run_has_differs():
    assert differing([{"a": 1, "b": None}, {"a": 1}]) == ["b"]


def write_use_of_cards(service: Any, attempt: str, *totals: int | None) -> None:
    """Samples of an attempt, or of one replica of it, whose cards have so much memory together."""
    folder = service.context.home.kept(f"job-{RUNS[0][0]}-{attempt}")
    folder.mkdir(parents=True)
    rows = [[100.0 + at, 0.5, 1e6, 0.5, 5e9, None, None, None, None, total] for at, total in enumerate(totals)]
    (folder / "usage.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


def memory_of_cards(client: Any) -> Any:
    return client.get(f"/jobs/{RUNS[0][0]}/usage").json()["gpu_memory_limit"]


def test_the_memory_of_the_cards_is_known_from_the_first_sample_on(service: Any, client: Any) -> None:
    assert memory_of_cards(client) is None
    write_use_of_cards(service, "1", 24 << 30)
    assert memory_of_cards(client) == 24 << 30


def test_the_memory_of_the_cards_is_told_by_the_newest_attempt_that_knew_it(service: Any, client: Any) -> None:
    for number, total in enumerate((24 << 30, 80 << 30, None), 1):
        write_use_of_cards(service, str(number), total)
    assert memory_of_cards(client) == 80 << 30


def test_the_memory_of_the_cards_of_samples_that_do_not_tell_it_is_that_of_the_newest_end(service: Any, client: Any) -> None:
    with service.context.database.write() as session:
        for number, total in enumerate((24 << 30, 80 << 30, None), 1):
            ending = {"cause": "exited", "last_lines": [], "gpu_memory_limit": total}
            session.add(AttemptRow(job_id=RUNS[0][0], number=number, ending=ending))
    write_use_of_cards(service, "3", None)
    assert memory_of_cards(client) == 80 << 30


def test_replicas_have_the_memory_of_all_their_cards_together(service: Any, client: Any) -> None:
    write_use_of_cards(service, "1-worker0", 24 << 30, 24 << 30, 24 << 30)
    write_use_of_cards(service, "1-worker1", 80 << 30)
    assert memory_of_cards(client) == 104 << 30
