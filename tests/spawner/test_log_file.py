"""A launch's output on its way into a file that stays below a limit."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from trainyard_spawner.log_file import MARK, TIMES, LogFile, LogPump, Stamps, pause_after

LIMIT = 1 << 18


def opened(path: Path, limit: int = LIMIT) -> LogFile:
    return LogFile(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT), limit)


def lines(first: int, last: int) -> bytes:
    return b"".join(b"line %08d\n" % number for number in range(first, last))


def numbers(path: Path) -> list[int]:
    return [int(found) for found in re.findall(rb"^line (\d{8})$", path.read_bytes(), re.M)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "train_x_out.log"


def test_a_long_log_loses_its_middle_and_says_how_much(path):
    log = opened(path)
    for begin in range(0, 100_000, 500):
        log.append(lines(begin, begin + 500))
    log.close()
    kept = numbers(path)
    assert path.stat().st_size <= LIMIT
    assert (kept[0], kept[-1]) == (0, 99_999)
    [told] = MARK.findall(path.read_bytes())
    assert int(told) == 14 * (100_000 - len(kept))


def test_what_stays_are_whole_lines_from_both_ends(path):
    log = opened(path)
    log.append(lines(0, 40_000))
    log.close()
    kept = numbers(path)
    gap = next(place for place in range(1, len(kept)) if kept[place] != kept[place - 1] + 1)
    assert kept == [*range(gap), *range(kept[gap], 40_000)]
    assert len(path.read_bytes().splitlines()) == len(kept) + 1


def test_a_log_without_line_ends_is_cut_too(path):
    log = opened(path)
    for _ in range(100):
        log.append(b"x" * 10_000)
    log.close()
    assert path.stat().st_size <= LIMIT


def test_the_next_launch_goes_on_below_the_same_limit(path):
    for attempt in range(4):
        log = opened(path)
        log.append(lines(attempt * 15_000, (attempt + 1) * 15_000))
        log.close()
    assert path.stat().st_size <= LIMIT
    assert len(MARK.findall(path.read_bytes())) == 1
    assert numbers(path)[-1] == 59_999


def test_output_a_full_disk_does_not_take_is_counted_and_told(path, monkeypatch):
    log = opened(path)
    log.append(b"before\n")
    with monkeypatch.context() as full:
        full.setattr(os, "write", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device")))
        log.append(b"lost\n")
    log.append(b"after\n")
    log.close()
    assert path.read_text() == "before\n\n=== 5 bytes of output were lost here: the disk was full ===\nafter\n"


def test_the_pump_carries_everything_until_the_last_writer_is_gone(path, tmp_path):
    pump = LogPump(opened(path, 1 << 30), tmp_path / "kept" / "output.times", os.getuid(), os.getgid())
    ours = os.dup(pump.writer)
    pump.start()
    whole = lines(0, 200_000)
    left = memoryview(whole)
    while left:
        left = left[os.write(ours, left) :]
    os.close(ours)
    pump.finish(60)
    assert path.read_bytes() == whole
    stamps = list(TIMES.iter_unpack((tmp_path / "kept" / "output.times").read_bytes()))
    assert stamps[0][0] == 0
    assert [at for at, _ in stamps] == sorted({at for at, _ in stamps})


def test_times_move_with_what_they_belong_to(tmp_path):
    stamps = Stamps(tmp_path / "times")
    stamps._every = 0
    for offset in (0, 100, 5000, 9000):
        stamps.add(offset)
    stamps.moved(4000, 100)
    stamps.close()
    assert [at for at, _ in TIMES.iter_unpack((tmp_path / "times").read_bytes())] == [0, 100, 1000, 5000]


@pytest.mark.timeout(20)
def test_a_pipe_in_place_of_the_times_is_no_file_of_times(tmp_path):
    os.mkfifo(tmp_path / "times")
    stamps = Stamps(tmp_path / "times")
    stamps._every, more_than_a_pipe_holds = 0, 5000
    for offset in range(more_than_a_pipe_holds):
        stamps.add(offset)
    stamps.close()


@pytest.mark.parametrize("speed", [100 << 20, 1 << 30], ids=["100 MiB a second", "1 GiB a second"])
def test_a_flood_does_not_fill_its_pipe_while_nobody_looks(speed):
    pipe, pause = 1 << 20, 0.05
    for _ in range(10):
        taken = min(pipe, int(speed * pause))
        pause = pause_after(pause, taken, pipe // 4)
    assert taken < pipe // 2


def test_a_script_that_prints_letter_by_letter_wakes_the_pump_seldom():
    assert pause_after(0.05, 1, 1 << 18) == 0.05
    assert pause_after(1e-5, 1, 1 << 18) == 0.05
