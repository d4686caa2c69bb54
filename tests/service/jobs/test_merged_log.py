"""The logs of replicas as one: in the order they were written, the same page by page, lines as soon as they are whole."""

from __future__ import annotations

import struct
import tracemalloc
from collections.abc import Sequence
from pathlib import Path
from random import Random
from unittest.mock import Mock

import pytest
from trainyard.metrics.beneath import open_beneath
from trainyard.records.monitoring import LogMatch
from trainyard_service.jobs import merged_search
from trainyard_service.jobs.log import LogFile
from trainyard_service.jobs.log_search import MOST_MATCHES
from trainyard_service.jobs.merged_log import START, MergedLog, Source
from trainyard_service.jobs.merged_search import search_all


class Written:
    """Logs of replicas with their time files, written line by line at given milliseconds."""

    def __init__(self, folder: Path, names: Sequence[str]) -> None:
        self.folder, self.names = folder, names
        for name in names:
            (folder / name).mkdir()

    def say(self, name: str, words: bytes, at: int | None) -> None:
        log = self.folder / f"{name}.log"
        with log.open("ab") as file, (self.folder / name / "output.times").open("ab") as times:
            if at is not None:
                times.write(struct.pack("<QQ", file.tell(), at))
            file.write(words)

    def merged(self, *, times: bool = False) -> MergedLog:
        sources = [Source(name, LogFile(self.folder, f"{name}.log"), [self.folder / name]) for name in self.names]
        return MergedLog(sources, times=times)

    def forward(self, limit: int = 1 << 20, *, final: bool = True) -> bytes:
        return self.merged().forward(START, limit, final=final).data


def test_lines_come_in_the_order_they_were_written_with_the_replica_in_front(tmp_path: Path) -> None:
    logs = Written(tmp_path, ["worker0", "worker1"])
    for name, words, at in (("worker1", b"one\n", 1000), ("worker0", b"two\n", 2000), ("worker1", b"three\n", 3000)):
        logs.say(name, words, at)
    assert logs.forward() == b"worker1 | one\nworker0 | two\nworker1 | three\n"


def test_lines_of_one_moment_stand_in_the_order_of_the_replicas(tmp_path: Path) -> None:
    logs = Written(tmp_path, ["worker0", "worker1"])
    logs.say("worker1", b"b1\nb2\n", None)
    logs.say("worker0", b"a1\na2\n", None)
    assert logs.forward() == b"worker0 | a1\nworker0 | a2\nworker1 | b1\nworker1 | b2\n"


def test_of_a_progress_bar_its_last_state_is_a_line(tmp_path: Path) -> None:
    logs = Written(tmp_path, ["worker0"])
    logs.say("worker0", b" 10 %\r 50 %\r100 %\r\ndone\r\n", 1)
    assert logs.forward() == b"worker0 | 100 %\nworker0 | done\n"


def test_a_clock_that_was_set_back_turns_no_log_round(tmp_path: Path) -> None:
    logs = Written(tmp_path, ["worker0", "worker1"])
    logs.say("worker0", b"first\n", 5000)
    logs.say("worker0", b"second\n", 1000)
    logs.say("worker1", b"beside\n", 2000)
    assert logs.forward() == b"worker1 | beside\nworker0 | first\nworker0 | second\n"


def test_a_line_without_an_end_waits_for_it_while_the_job_goes_on(tmp_path: Path) -> None:
    logs = Written(tmp_path, ["worker0"])
    logs.say("worker0", b"whole\nhal", 1)
    piece = logs.merged().forward(START, 1000, final=False)
    assert piece.data == b"worker0 | whole\n"
    logs.say("worker0", b"f\n", None)
    assert logs.merged().forward(piece.next, 1000, final=False).data == b"worker0 | half\n"
    logs.say("worker0", b"the end", None)
    assert logs.forward().endswith(b"worker0 | the end\n")


def test_a_line_longer_than_a_block_is_cut(tmp_path: Path) -> None:
    logs = Written(tmp_path, ["worker0", "worker1"])
    logs.say("worker0", b"x" * 200_000, 1)
    logs.say("worker1", b"short\n", 2)
    lines = logs.forward().splitlines()
    assert b"".join(line.removeprefix(b"worker0 | ") for line in lines[:-1]) == b"x" * 200_000
    assert max(map(len, lines)) < 150_000


@pytest.mark.parametrize("seed", range(3))
def test_page_by_page_in_both_directions_it_is_the_same(tmp_path: Path, seed: int) -> None:
    dice, moment = Random(seed), 0
    logs = Written(tmp_path, ["worker0", "worker1", "server0"])
    for number in range(4000):
        moment += dice.randrange(3)
        words = b"%d %s\n" % (number, b"." * dice.randrange(200))
        logs.say(dice.choice(logs.names), words, moment if dice.random() < 0.3 else None)
    merged = logs.merged()
    whole = b"".join(merged.whole())
    assert whole.count(b"\n") == 4000
    cursor, pages = START, []
    while (piece := merged.forward(cursor, 5000, final=True)).data:
        pages.append(piece.data)
        cursor = piece.next
    assert b"".join(pages) == whole
    last = merged.backward(None, 5000, final=True)
    back = [last.data]
    while (piece := merged.backward(last.first, 5000, final=True)).data:
        back.insert(0, piece.data)
        last = piece
    assert b"".join(back) == whole
    assert merged.backward(START, 5000, final=True).data == b""


def test_pages_of_the_shortest_lines_are_the_whole_too(tmp_path: Path) -> None:
    logs = Written(tmp_path, ["worker0", "worker1"])
    for name, moment in (("worker0", 1), ("worker1", 2), ("worker0", 3)):
        logs.say(name, b"\n" * 4000, moment)
    merged = logs.merged()
    whole = b"".join(merged.whole())
    last = merged.backward(None, 1000, final=True)
    back = [last.data]
    while (last := merged.backward(last.first, 1000, final=True)).data:
        back.insert(0, last.data)
    assert b"".join(back) == whole
    assert max(map(len, back)) <= 1000


def test_a_log_that_lost_its_middle_goes_on_with_its_last_lines(tmp_path: Path) -> None:
    logs = Written(tmp_path, ["worker0", "worker1"])
    logs.say("worker0", b"new\n", 1)
    logs.say("worker1", b"old\n", 1)
    assert logs.merged().forward("900.4", 1000, final=True).data == b"worker0 | new\n"


def test_a_replica_that_has_not_written_yet_is_empty(tmp_path: Path) -> None:
    logs = Written(tmp_path, ["worker0", "worker1"])
    logs.say("worker1", b"alone\n", 1)
    assert logs.merged().backward(None, 1000, final=False).data == b"worker1 | alone\n"


def test_a_line_begins_with_when_it_was_written_where_that_is_wished_and_known(tmp_path: Path) -> None:
    logs = Written(tmp_path, ["worker0", "worker1"])
    logs.say("worker0", b"first\n", 1_795_340_114_000)
    logs.say("worker1", b"whenever\n", None)
    logs.say("worker0", b"second\n", 1_795_340_115_900)
    told = b"worker1 | whenever\n", b"2026-11-22T09:35:14Z worker0 | first\n", b"2026-11-22T09:35:15Z worker0 | second\n"
    assert logs.merged(times=True).forward(START, 1000, final=True).data == b" " * 21 + b"".join(told)
    followed = logs.merged(times=True).forward("6.9", 1000, final=True, timed=False)
    assert followed.data == told[2], "what is followed is not put in order by time, and has one all the same"


def test_the_lines_of_one_process_have_no_name_in_front(tmp_path: Path) -> None:
    logs = Written(tmp_path, ["worker0"])
    logs.say("worker0", b"10 %\r20 %\nalone\n", 1_795_340_114_000)
    [source] = logs.merged().sources
    view = MergedLog([Source("", source.log, source.folders)], times=True)
    assert view.backward(None, 27, final=True).data == b"2026-11-22T09:35:14Z alone\n"
    assert view.forward(START, 26, final=True).data == b"2026-11-22T09:35:14Z 20 %\n"


def all_matches(log: MergedLog, text: str, at_once: int, most: int) -> list[LogMatch]:
    """What is found call by call."""
    found, since = [], START
    while since is not None:
        answer = search_all(log, text, since, at_once, most)
        assert answer.since != since, "every call gets further"
        found += answer.matches
        since = answer.since  # type: ignore[assignment]
    return found


@pytest.mark.parametrize("at_once", [2000, 40_000, 1 << 30])
@pytest.mark.parametrize("most", [3, 500])
@pytest.mark.parametrize("seed", range(2))
def test_call_by_call_every_line_is_found_once_in_the_order_of_the_view(
    tmp_path: Path, at_once: int, most: int, seed: int
) -> None:
    dice, moment = Random(seed), 0
    logs = Written(tmp_path, ["worker0", "worker1", "server0"])
    for number in range(2000):
        moment += dice.randrange(3)
        words = b"%d %s %s\n" % (number, b"Needle" if dice.random() < 0.05 else b"hay", b"." * dice.randrange(100))
        logs.say(dice.choice(logs.names), words, moment if dice.random() < 0.3 else None)
    log = logs.merged()
    lines = [line for line in b"".join(log.whole()).decode().splitlines() if "Needle" in line]
    found = all_matches(log, "nEEdle", at_once, most)
    assert [f"{one.replica} | {one.text}" for one in found] == lines
    assert [log.forward(one.at, 1, final=True).data.decode().rstrip("\n") for one in found] == lines


def test_without_times_the_replicas_stand_behind_each_other(tmp_path: Path) -> None:
    logs = Written(tmp_path, ["worker0", "worker1"])
    for number in range(3):
        logs.say("worker1", b"b%d here\n" % number, None)
        logs.say("worker0", b"a%d here\n" % number, None)
    found = search_all(logs.merged(), "here", START).matches
    assert [one.text[:2] for one in found] == ["a0", "a1", "a2", "b0", "b1", "b2"]
    assert logs.merged().forward(found[4].at, 1 << 20, final=True).data == b"worker1 | b1 here\nworker1 | b2 here\n"


def test_nothing_is_found_in_logs_that_are_not_there(tmp_path: Path) -> None:
    answer = search_all(Written(tmp_path, ["worker0"]).merged(), "x", START)
    assert (answer.matches, answer.since, answer.size) == ([], None, 0)


def test_where_many_matches_lie_is_found_with_each_log_opened_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    logs = Written(tmp_path, [f"worker{number}" for number in range(20)])
    for moment in range(50):
        for name in logs.names:
            logs.say(name, b"here\n", 1000 * moment + 1)
    opened = Mock(wraps=open_beneath)
    monkeypatch.setattr(merged_search, "open_beneath", opened)
    assert len(search_all(logs.merged(), "here", START).matches) == MOST_MATCHES
    assert opened.call_count == len(logs.names)


def test_long_logs_are_searched_with_a_few_blocks_in_memory(tmp_path: Path) -> None:
    logs = Written(tmp_path, ["worker0", "worker1"])
    for moment in range(32):
        logs.say("worker0", b"a line like all the others\n" * 40_000, moment + 1)
    logs.say("worker1", b"the needle\n", 20)
    log = logs.merged()
    tracemalloc.start()
    found = all_matches(log, "needle", 1 << 30, 500)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert [one.text for one in found] == ["the needle"]
    assert peak < 24 << 20, "34 MB were searched"


@pytest.mark.parametrize(
    "content",
    [b"the needle\n" + b"a line like all the others\n" * 200_000, b"50 %\r" * 600_000 + b"the needle" + b"60 %\r" * 400_000],
    ids=["lines", "one-line"],
)
def test_many_logs_are_searched_with_a_few_blocks_in_memory_together(tmp_path: Path, content: bytes) -> None:
    logs = Written(tmp_path, [f"worker{number}" for number in range(16)])
    for name in logs.names:
        logs.say(name, content, 1)
    log = logs.merged()
    tracemalloc.start()
    found = all_matches(log, "needle", 1 << 30, 500)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert ["the needle" in one.text for one in found] == [True] * 16
    assert peak < 24 << 20, "80 MB were searched"
