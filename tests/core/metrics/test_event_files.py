"""Event files: TensorBoard reads what we write, we read what TensorBoard and TensorFlow's kin write, while it grows."""

from __future__ import annotations

import math
import os
import struct
import time
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.compat.proto.event_pb2 import Event, SessionLog
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.compat.proto.tensor_pb2 import TensorProto
from tensorboard.summary.writer.event_file_writer import EventFileWriter
from trainyard.metrics import EventReader, EventWriter, RunReader, SeriesTable, framing
from trainyard.metrics.events import Event as OurEvent
from trainyard.metrics.events import parse_event, restart_event, scalar_event, version_event
from trainyard.metrics.series import Points, Update
from trainyard.tfrecord import frame, masked_crc


def table(reader: RunReader) -> SeriesTable:
    """Everything a run holds."""
    found = SeriesTable()
    while True:
        news = reader.poll()
        found.apply(news.updates)
        if not news.more:
            return found


def scalars(tag: str, count: int, first: int = 0) -> bytes:
    return b"".join(frame(scalar_event(float(i), i, tag, i / 2)) for i in range(first, first + count))


def test_tensorboard_reads_the_scalars_and_texts_we_write(tmp_path: Path) -> None:
    with EventWriter(tmp_path) as writer:
        for step in range(300):
            writer.add_scalar("loss/train", 1 / (step + 1), step, wall_time=1000.5 + step)
        writer.add_text("hyperparameters", "| lr | 0.1 |")
    seen = EventAccumulator(str(tmp_path), size_guidance={"scalars": 0}).Reload()
    points = seen.Scalars("loss/train")
    assert [(p.wall_time, p.step) for p in points] == [(1000.5 + step, step) for step in range(300)]
    assert points[3].value == pytest.approx(0.25)
    assert seen.Tensors("hyperparameters")[0].tensor_proto.string_val[0] == b"| lr | 0.1 |"


def test_the_bytes_are_those_of_the_protocol_buffers() -> None:
    theirs = Event(wall_time=12.5, step=1 << 40)
    theirs.summary.value.add(tag="准确率/train", simple_value=0.75)
    assert Event.FromString(scalar_event(12.5, 1 << 40, "准确率/train", 0.75)) == theirs
    start = Event(wall_time=2.0, step=7, session_log=SessionLog(status=SessionLog.START))
    assert Event.FromString(restart_event(2.0, 7)) == start


@pytest.mark.parametrize("step", [0, 1, 127, 128, 10**9, (1 << 63) - 1, -1])
def test_steps_survive_both_ways(step: int) -> None:
    assert parse_event(scalar_event(1.0, step, "a", 1.0)) == OurEvent(1.0, step, (("a", 1.0),))
    assert Event.FromString(scalar_event(1.0, step, "a", 1.0)).step == step


@pytest.mark.parametrize(("value", "seen"), [(1e300, math.inf), (-1e300, -math.inf), (math.inf, math.inf)])
def test_numbers_beyond_32_bits_become_infinite(value: float, seen: float) -> None:
    assert parse_event(scalar_event(1.0, 1, "a", value)).scalars == (("a", seen),)


def test_nan_is_kept(tmp_path: Path) -> None:
    with EventWriter(tmp_path) as writer:
        writer.add_scalar("loss/train", math.nan, 1)
    assert math.isnan(table(RunReader(tmp_path)).by_tag["loss/train"].points.values[0])


def test_we_read_what_tensorboards_own_writer_writes(tmp_path: Path) -> None:
    writer = EventFileWriter(str(tmp_path))
    for step in range(100):
        event = Event(wall_time=float(step), step=step)
        event.summary.value.add(tag="loss", simple_value=float(step))
        event.summary.value.add(tag="more", simple_value=float(-step))
        writer.add_event(event)
    writer.close()
    found = table(RunReader(tmp_path))
    assert found.by_tag["loss"].points.values.tolist() == [float(step) for step in range(100)]
    assert found.by_tag["more"].points.values.tolist() == [float(-step) for step in range(100)]


@pytest.mark.parametrize(
    "tensor",
    [
        TensorProto(dtype=1, tensor_content=struct.pack("<f", 2.5)),
        TensorProto(dtype=1, float_val=[2.5]),
        TensorProto(dtype=2, double_val=[2.5]),
        TensorProto(dtype=2, tensor_content=struct.pack("<d", 2.5)),
        TensorProto(dtype=19, tensor_content=struct.pack("<e", 2.5)),
    ],
)
def test_scalars_written_as_tensors_are_read(tensor: TensorProto, tmp_path: Path) -> None:
    events = [
        Event(wall_time=1.0, step=i, summary=Summary(value=[Summary.Value(tag="acc", tensor=tensor)])) for i in range(1, 60)
    ]
    (tmp_path / "events.out.tfevents.1.h").write_bytes(b"".join(frame(e.SerializeToString()) for e in events))
    assert table(RunReader(tmp_path)).by_tag["acc"].points.values.tolist() == [2.5] * 59


def test_integers_are_read_and_tensors_of_many_numbers_are_not() -> None:
    whole = Event(summary=Summary(value=[Summary.Value(tag="n", tensor=TensorProto(dtype=9, int64_val=[-3]))]))
    many = TensorProto(dtype=1, float_val=[1.0, 2.0])
    many.tensor_shape.dim.add(size=2)
    histogram = Event(summary=Summary(value=[Summary.Value(tag="h", tensor=many)]))
    assert parse_event(whole.SerializeToString()).scalars == (("n", -3.0),)
    assert parse_event(histogram.SerializeToString()).scalars == ()


def test_a_torn_last_record_is_read_when_the_rest_arrives(tmp_path: Path) -> None:
    path = tmp_path / "events.out.tfevents.1.h"
    data = frame(version_event(1.0)) + scalars("a", 3)
    reader = EventReader(path)
    seen = []
    for end in range(len(data) + 1):
        path.write_bytes(data[:end])
        news = reader.read()
        assert not news.problems
        seen += [step for update in news.updates for step in update.points["a"].steps.tolist()]
    assert seen == [0, 1, 2]


def test_a_hole_of_zeros_at_the_end_is_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "events.out.tfevents.1.h"
    path.write_bytes(scalars("a", 1) + bytes(64))
    reader = EventReader(path)
    assert len(reader.read().updates) == 1
    path.write_bytes(scalars("a", 2))
    reader.path.touch()
    assert [u.points["a"].steps.tolist() for u in EventReader(path, reader.offset).read().updates] == [[1]]


def test_a_damaged_record_is_passed_over_and_told(tmp_path: Path) -> None:
    data = bytearray(scalars("a", 3))
    data[len(data) // 3 + 20] ^= 1
    (tmp_path / "events.out.tfevents.1.h").write_bytes(data)
    news = RunReader(tmp_path).poll()
    assert news.updates[0].points["a"].steps.tolist() == [0, 2]
    assert [problem.offset for problem in news.problems] == [len(data) // 3]


def test_a_damaged_length_loses_the_rest_of_that_file_only_and_is_told_once(tmp_path: Path) -> None:
    data = bytearray(scalars("a", 3))
    data[len(data) // 3] ^= 1
    (tmp_path / "events.out.tfevents.1.h").write_bytes(data)
    (tmp_path / "events.out.tfevents.2.h").write_bytes(scalars("a", 2, first=10))
    reader = RunReader(tmp_path)
    news = reader.poll()
    assert [step for u in news.updates for step in u.points["a"].steps.tolist()] == [0, 10, 11]
    assert len(news.problems) == 1
    assert not reader.poll().problems


def test_bytes_that_are_no_events_do_no_harm(tmp_path: Path) -> None:
    noise = np.random.default_rng(1)
    records = [frame(noise.bytes(int(noise.integers(0, 90)))) for _ in range(2000)]
    (tmp_path / "events.out.tfevents.1.h").write_bytes(b"".join(records) + scalars("a", 50))
    assert table(RunReader(tmp_path)).by_tag["a"].points.steps.tolist() == list(range(50))


def test_a_run_is_followed_as_it_grows_and_into_its_next_file(tmp_path: Path) -> None:
    reader, found = RunReader(tmp_path / "run", "logs"), SeriesTable()
    assert reader.poll().updates == []
    logs = tmp_path / "run" / "logs"
    logs.mkdir(parents=True)
    first = logs / "events.out.tfevents.100.h"
    first.write_bytes(scalars("a", 5))
    found.apply(reader.poll().updates)
    with first.open("ab") as file:
        file.write(scalars("a", 5, first=5))
    (logs / "events.out.tfevents.200.h").write_bytes(scalars("a", 2, first=10))
    found.apply(reader.poll().updates)
    assert found.by_tag["a"].points.steps.tolist() == list(range(12))
    assert reader.poll().bytes == 0


def test_a_reader_resumes_where_another_stopped(tmp_path: Path) -> None:
    path = tmp_path / "events.out.tfevents.100.h"
    path.write_bytes(scalars("a", 5))
    before = RunReader(tmp_path)
    before.poll()
    with path.open("ab") as file:
        file.write(scalars("a", 1, first=5))
    after = RunReader(tmp_path)
    after.resume(before.marks)
    assert [u.points["a"].steps.tolist() for u in after.poll().updates] == [[5]]


def test_a_replaced_file_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "events.out.tfevents.100.h"
    path.write_bytes(scalars("a", 5))
    reader = RunReader(tmp_path)
    reader.poll()
    path.write_bytes(scalars("b", 1))
    news = reader.poll()
    assert "b" in news.updates[0].points
    assert len(news.problems) == 1


def test_large_files_are_read_in_pieces(tmp_path: Path) -> None:
    (tmp_path / "events.out.tfevents.1.h").write_bytes(scalars("loss/train", 20_000))
    reader = RunReader(tmp_path)
    first = reader.poll(limit=1)
    assert first.more or first.bytes < 5_000_000
    assert len(table(RunReader(tmp_path)).by_tag["loss/train"]) == 20_000


def test_a_thousand_tags_are_read(tmp_path: Path) -> None:
    data = b"".join(frame(scalar_event(1.0, s, f"t/{i:04d}", i + s)) for s in range(5) for i in range(1000))
    (tmp_path / "events.out.tfevents.1.h").write_bytes(data)
    found = table(RunReader(tmp_path))
    assert len(found.by_tag) == 1000
    assert found.by_tag["t/0999"].points.values.tolist() == [999.0, 1000.0, 1001.0, 1002.0, 1003.0]


def test_symbolic_links_and_pipes_in_a_run_are_not_followed(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(scalars("secret", 3))
    logs = tmp_path / "run" / "logs"
    logs.mkdir(parents=True)
    (logs / "events.out.tfevents.1.h").symlink_to(secret)
    os.mkfifo(logs / "events.out.tfevents.2.h")
    (tmp_path / "run" / "elsewhere").symlink_to(tmp_path)
    assert RunReader(tmp_path / "run", "logs").poll().updates == []
    assert RunReader(tmp_path / "run", "elsewhere").poll().updates == []
    assert len(RunReader(tmp_path / "run", "logs").poll().problems) == 2


def test_points_reach_the_file_within_a_second_without_a_close(tmp_path: Path) -> None:
    writer = EventWriter(tmp_path, interval=0.05)
    writer.add_scalar("a", 1.0, 1)
    reader, deadline = RunReader(tmp_path), time.monotonic() + 120
    while not reader.poll().updates and time.monotonic() < deadline:
        time.sleep(0.02)
    assert reader.offsets
    writer.close()


def test_a_disk_that_refuses_never_stops_the_training(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    writer = EventWriter(tmp_path / "file", interval=0.01)
    writer.add_scalar("a", 1.0, 1)
    assert writer.flush() is False
    (tmp_path / "file").unlink()
    assert writer.flush() is True
    writer.close()
    assert len(table(RunReader(tmp_path / "file")).by_tag["a"]) == 1


def test_a_forked_child_writes_nothing(tmp_path: Path) -> None:
    writer = EventWriter(tmp_path)
    writer.add_scalar("a", 1.0, 1)
    child = os.fork()
    if child == 0:
        writer.add_scalar("a", 2.0, 2)
        writer.close()
        os._exit(0)
    os.waitpid(child, 0)
    writer.close()
    assert table(RunReader(tmp_path)).by_tag["a"].points.steps.tolist() == [1]


def test_a_record_no_scalar_needs_is_passed_over_without_being_read(tmp_path: Path) -> None:
    path = tmp_path / "events.out.tfevents.1.host"
    hole = 900 << 20
    length = hole.to_bytes(8, "little")
    with path.open("wb") as file:
        file.write(scalars("a", 3) + length + struct.pack("<I", masked_crc(length)))
        file.seek(hole + 4, os.SEEK_CUR)
        file.write(scalars("a", 3, first=3))
    tracemalloc.start()
    found = table(RunReader(tmp_path))
    assert tracemalloc.get_traced_memory()[1] < 100 << 20
    tracemalloc.stop()
    assert found.by_tag["a"].points.steps.tolist() == [0, 1, 2, 3, 4, 5]


def test_a_large_record_that_is_still_being_written_is_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "events.out.tfevents.1.host"
    length = (64 << 20).to_bytes(8, "little")
    path.write_bytes(scalars("a", 3) + length + struct.pack("<I", masked_crc(length)) + b"begun")
    reader = RunReader(tmp_path)
    assert len(table(reader).by_tag["a"]) == 3
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size - 5 + (64 << 20) + 4)
        file.seek(0, os.SEEK_END)
        file.write(scalars("b", 2))
    assert len(table(reader).by_tag["b"]) == 2


def test_a_table_takes_no_more_tags_than_it_is_made_for() -> None:
    some = SeriesTable(most=2)
    for tag in ("a", "b", "c", "a"):
        some.apply([Update({tag: Points(np.array([len(some.by_tag)]), np.zeros(1), np.zeros(1))})])
    assert list(some.by_tag) == ["a", "b"]


def test_threads_that_read_first_at_once_lose_nothing(tmp_path: Path) -> None:
    for number in range(8):
        (tmp_path / str(number)).mkdir()
        (tmp_path / str(number) / "events.out.tfevents.1.h").write_bytes(scalars("a" * (number + 20), 2000))
    for _ in range(5):
        framing._tables.cache_clear()
        with ThreadPoolExecutor(8) as pool:
            found = list(pool.map(lambda number: table(RunReader(tmp_path / str(number))).size, range(8)))
        assert found == [2000] * 8


@pytest.mark.parametrize("broken", [0, 1, 700, 1999])
def test_one_damaged_record_among_many_alike_is_passed_over(tmp_path: Path, broken: int) -> None:
    records = [frame(scalar_event(float(i), i + 200, "a", i / 2)) for i in range(2000)]
    damaged = bytearray(records[broken])
    damaged[-6] ^= 0x10
    records[broken] = bytes(damaged)
    (tmp_path / "events.out.tfevents.1.h").write_bytes(b"".join(records))
    news = RunReader(tmp_path).poll()
    seen = [step for update in news.updates for step in update.points["a"].steps.tolist()]
    assert seen == [i + 200 for i in range(2000) if i != broken]
    assert [problem.offset for problem in news.problems] == [sum(map(len, records[:broken]))]
