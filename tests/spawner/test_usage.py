"""What a launch uses, sampled from the kernel's own counters."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from trainyard_spawner import usage
from trainyard_spawner.nvml import Reading
from trainyard_spawner.usage import Rates, Sampler, halved

BUSY = "import time\nx = bytearray(64 << 20)\nend = time.time() + 60\nwhile time.time() < end: pass"


def rows(folder: Path) -> list[list[float | None]]:
    return [json.loads(line) for line in (folder / usage.FILE).read_text().splitlines()]


def test_a_busy_process_is_seen_without_a_control_group(tmp_path):
    with subprocess.Popen([sys.executable, "-c", BUSY]) as process:
        sampler = Sampler(tmp_path, [], process.pid)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and not sampler.peaks().get("cpu"):
            sampler.sample()
            time.sleep(0.6)
        process.kill()
    assert sampler.peaks()["cpu"] > 0
    assert sampler.peaks()["memory"] > 32 << 20
    assert rows(tmp_path)[-1][1] > 0


def test_counters_of_a_control_group_are_read_in_both_versions(tmp_path):
    second, first = tmp_path / "v2", tmp_path / "v1"
    for folder in (first, second):
        folder.mkdir()
    (second / "cpu.stat").write_text("usage_usec 2500000\nuser_usec 1\n")
    (second / "memory.current").write_text("1000\n")
    (second / "memory.stat").write_text("anon 5\ninactive_file 300\n")
    (first / "cpuacct.usage").write_text("2500000000\n")
    (first / "memory.usage_in_bytes").write_text("1000\n")
    (first / "memory.stat").write_text("inactive_file 1\ntotal_inactive_file 300\n")
    for folder in (first, second):
        assert usage._group_cpu([folder]) == 2.5
        assert usage._group_memory([folder]) == 700


def test_the_file_stays_small_and_keeps_the_most_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(usage, "MOST", 8)
    sampler = Sampler(tmp_path, [], 1)
    for number in range(100):
        sampler._add([float(number), 1.0, 100.0 if number != 41 else 9000.0, None, None, 0.0, 0.0, None, None, None])
    assert len(rows(tmp_path)) < 8
    assert max(row[2] for row in rows(tmp_path)) == 9000
    assert sampler.seconds > usage.SECONDS
    assert sampler.peaks()["memory"] == 9000


@pytest.mark.parametrize("way", [os.mkfifo, lambda place: place.symlink_to("others")], ids=["pipe", "link"])
@pytest.mark.parametrize("name", ["usage.jsonl", "usage.draft"])
@pytest.mark.timeout(20)
def test_what_a_program_puts_in_its_place_is_neither_waited_for_nor_followed(tmp_path, monkeypatch, name, way):
    monkeypatch.setattr(usage, "MOST", 2)
    sampler = Sampler(tmp_path, [], os.getpid())
    way(tmp_path / name)
    for _ in range(3):
        sampler.sample()
    assert sampler.peaks()["memory"] > 0
    assert not (tmp_path / "others").exists()


def test_a_counter_becomes_a_rate():
    rates = Rates()
    assert rates.of("in", 1000, 10.0) is None
    assert rates.of("in", 5000, 12.0) == 2000
    assert rates.of("in", 0, 14.0) == 0
    assert rates.of("in", None, 16.0) is None


def test_two_samples_become_their_mean_and_the_larger_memory():
    first = [0.0, 1.0, 10.0, None, 5.0, 1.0, None, 1.0, 1.0, None]
    second = [2.0, 3.0, 4.0, None, 7.0, 3.0, 8.0, None, 1.0, 80.0]
    assert halved(first, second) == [1.0, 2.0, 10.0, None, 7.0, 2.0, 8.0, 1.0, 1.0, 80.0]


def test_each_sample_tells_what_the_cards_have_together(tmp_path, monkeypatch):
    cards = SimpleNamespace(total=80e9, read=lambda: Reading(busy=0.5, memory=5e9))
    monkeypatch.setattr(usage.nvml, "Cards", lambda devices: cards)
    sampler = Sampler(tmp_path, [], 1, ("GPU-one",))
    sampler.sample()
    assert [rows(tmp_path)[0][place] for place in (3, 4, 9)] == [0.5, 5e9, 80e9]
    assert sampler.peaks()["gpu_memory_limit"] == 80e9


@pytest.mark.parametrize("root", [2**22 + 5])
def test_a_process_that_is_gone_ends_nothing(tmp_path, root):
    Sampler(tmp_path / "no" / "folder", [tmp_path / "gone"], root, ("GPU-none",)).sample()


def test_the_network_is_told_where_it_is_the_launchs_own():
    """As in a pod; the machine's counters would be everybody's."""
    assert usage._network(os.getpid(), alone=False) == (None, None)
    received, sent = usage._network(os.getpid(), alone=True)
    assert received >= 0
    assert sent >= 0
