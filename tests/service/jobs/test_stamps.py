"""When what was written: read once, then only what was added, and again where a time file was written anew."""

from __future__ import annotations

import os
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from trainyard_service.jobs.stamps import Stamps, StampStore


class Pread:
    """Counts the bytes that are read."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.bytes, self._pread = 0, os.pread
        monkeypatch.setattr(os, "pread", self)

    def __call__(self, descriptor: int, size: int, offset: int) -> bytes:
        found = self._pread(descriptor, size, offset)
        self.bytes += len(found)
        return found


@pytest.fixture
def pread(monkeypatch: pytest.MonkeyPatch) -> Pread:
    return Pread(monkeypatch)


def write(folder: Path, pairs: Sequence[tuple[int, int]], mode: str = "ab") -> Path:
    folder.mkdir(exist_ok=True)
    with (folder / "output.times").open(mode) as file:
        file.write(b"".join(struct.pack("<QQ", *pair) for pair in pairs))
    return folder


def told(known: Stamps, *offsets: int) -> list[int]:
    return [known.at(offset) for offset in offsets]


def test_a_page_reads_only_what_was_added_since_the_last_one(tmp_path: Path, pread: Pread) -> None:
    store, folders = StampStore(), [write(tmp_path / "one", [(at, at + 7) for at in range(0, 200_000, 2)])]
    assert told(store.of(folders), 0, 1, 199_998) == [7, 7, 200_005]
    whole, pread.bytes = pread.bytes, 0
    assert told(store.of(folders), 199_999) == [200_005]
    write(folders[0], [(200_000, 300_000)])
    assert told(store.of(folders), 199_999, 200_000) == [200_005, 300_000]
    assert whole > 1_600_000
    assert pread.bytes < 200


@pytest.mark.parametrize(
    "anew",
    [[(0, 1)], [(0, 1), (10, 20), (20, 30), (30, 40)], []],
    ids=["shorter", "longer", "empty"],
)
def test_a_time_file_that_was_written_anew_is_read_anew(tmp_path: Path, anew: list[tuple[int, int]]) -> None:
    store, folders = StampStore(), [write(tmp_path / "one", [(0, 1), (5, 6), (10, 11)])]
    assert told(store.of(folders), 10) == [11]
    write(folders[0], anew, "r+b" if len(anew) > 3 else "wb")
    assert told(store.of(folders), 0, 10, 30) == told(Stamps(folders), 0, 10, 30)


def test_a_new_attempt_and_one_that_begins_to_write_are_seen(tmp_path: Path) -> None:
    store, first = StampStore(), write(tmp_path / "one", [(0, 1), (10, 11)])
    assert told(store.of([first, tmp_path / "two"]), 10, 20) == [11, 11]
    second = write(tmp_path / "two", [(10, 50)])
    assert told(store.of([first, second]), 9, 10, 20) == [1, 50, 50]


def test_what_is_kept_is_bounded(tmp_path: Path, pread: Pread) -> None:
    store = StampStore(most=250)
    folders = [write(tmp_path / str(number), [(at, at) for at in range(100)]) for number in range(3)]
    for folder in folders:
        store.of([folder])
    pread.bytes = 0
    assert told(store.of([folders[2]]), 99) == [99]
    assert pread.bytes < 100
    store.of([folders[0]])
    assert pread.bytes > 1600


def test_a_torn_pair_is_left_out_until_it_is_whole(tmp_path: Path) -> None:
    store, folder = StampStore(), write(tmp_path / "one", [(0, 1)])
    torn: Any = struct.pack("<QQ", 10, 20)
    with (folder / "output.times").open("ab") as file:
        file.write(torn[:9])
    assert told(store.of([folder]), 10) == [1]
    with (folder / "output.times").open("ab") as file:
        file.write(torn[9:])
    assert told(store.of([folder]), 10) == [20]
