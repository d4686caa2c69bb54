"""What a pod's supervisor writes down is found while the launch runs and stays when its folder is gone; links lead nowhere."""

from __future__ import annotations

import errno
import os
import resource
from array import array
from collections.abc import Callable
from pathlib import Path
from unittest.mock import Mock

import pytest
from trainyard.home import Home
from trainyard.jobs.launch import OUTPUT
from trainyard_service.jobs import kept
from trainyard_service.jobs.stamps import Stamps
from trainyard_spawner import log_file, usage
from trainyard_spawner.kubernetes import volumes

JOB = "0123456789abcdef"
KEY = f"job-{JOB}-1"
SAMPLE = b"[1700000000.0, 0.5, 1048576.0, null, null, null, null, null, null, null]\n"
TIMES = log_file.TIMES.pack(0, 1_700_000_000_000)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A state folder with the folder of one launch."""
    home = Home(tmp_path)
    (home.launches / KEY).mkdir(parents=True)
    volumes.show_kept(home, KEY)
    return home


def write(home: Home, samples: bytes = SAMPLE, times: bytes = TIMES) -> None:
    """What the pod has written into its launch's folder."""
    (home.launches / KEY / usage.FILE).write_bytes(samples)
    (home.launches / KEY / log_file.FILE).write_bytes(times)


def known(home: Home) -> tuple[list[float | None], int]:
    """The cores used, and when the log's first byte was written, as the service tells them."""
    return kept.usage(home, JOB, 100).cpu, Stamps(kept.folders(home, JOB)).at(0)


def gone(home: Home) -> None:
    """The launch is forgotten."""
    volumes.keep(home, KEY)
    volumes.remove_folder(home.launches, KEY)


def test_it_is_found_while_the_launch_is_there_and_afterwards(home: Home) -> None:
    write(home)
    assert known(home) == ([0.5], 1_700_000_000_000)
    gone(home)
    assert known(home) == ([0.5], 1_700_000_000_000)
    gone(home)
    assert known(home) == ([0.5], 1_700_000_000_000)
    assert not home.kept(KEY).is_symlink()


def test_a_launch_that_wrote_nothing_leaves_nothing(home: Home) -> None:
    gone(home)
    assert list(home.kept(KEY).parent.iterdir()) == []


def test_a_log_that_goes_nowhere_else_is_read_in_one_place_while_the_launch_is_there_and_afterwards(home: Home) -> None:
    (home.launches / KEY / OUTPUT).write_text("said\n")
    assert (home.kept(KEY) / OUTPUT).read_text() == "said\n"
    gone(home)
    assert (home.kept(KEY) / OUTPUT).read_text() == "said\n"


@pytest.fixture
def no_room(home: Home) -> None:
    """The launch could not be forgotten, because its log did not go where it stays."""
    (home.launches / KEY / OUTPUT).write_bytes(b"x" * (4 << 20))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, before[1]))
    try:
        with pytest.raises(OSError, match="too large"):
            gone(home)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_log_for_which_there_is_no_room_stays_where_it_is(home: Home, no_room: None) -> None:
    assert (home.kept(KEY) / OUTPUT).stat().st_size == 4 << 20


def test_a_log_for_which_there_is_no_room_takes_none(home: Home, no_room: None) -> None:
    assert list(home.kept(KEY).parent.iterdir()) == [home.kept(KEY)]


def test_a_log_that_cannot_be_opened_just_now_is_not_lost(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    (home.launches / KEY / OUTPUT).write_text("said\n")
    with monkeypatch.context() as busy:
        busy.setattr(volumes, "open_beneath", Mock(side_effect=OSError(errno.EMFILE, "Too many open files")))
        with pytest.raises(OSError, match="Too many"):
            gone(home)
    gone(home)
    assert (home.kept(KEY) / OUTPUT).read_text() == "said\n"


@pytest.mark.parametrize("killed_at", ["unlink", "rename"])
def test_killed_while_it_is_copied_nothing_is_lost(home: Home, monkeypatch: pytest.MonkeyPatch, killed_at: str) -> None:
    write(home)
    with monkeypatch.context() as killed:
        killed.setattr(Path, killed_at, Mock(side_effect=KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            gone(home)
    gone(home)
    assert known(home) == ([0.5], 1_700_000_000_000)


@pytest.mark.parametrize("how", ["link", "pipe", "folder"])
def test_what_a_program_puts_in_their_place_is_neither_read_nor_kept(home: Home, tmp_path: Path, how: str) -> None:
    (tmp_path / "others").write_bytes(SAMPLE)
    ways: dict[str, Callable[[Path], object]] = {
        "link": lambda place: place.symlink_to(tmp_path / "others"),
        "pipe": os.mkfifo,
        "folder": Path.mkdir,
    }
    for name in (usage.FILE, log_file.FILE, OUTPUT):
        ways[how](home.launches / KEY / name)
    assert known(home) == ([], 0)
    gone(home)
    assert not home.kept(KEY).exists()


@pytest.mark.parametrize(
    "line",
    [b"[" * 100_000, b"[1, NaN, 1e400, 3, 4, 5, 6, 7, 8, 9]", b'[1, "x", 2, 3, 4, 5, 6, 7, 8, 9]', b"[1, 2]", b"{}", b"\xff"],
    ids=["deep", "no numbers", "text", "short", "object", "no text"],
)
def test_a_line_that_is_no_sample_is_passed_over(home: Home, line: bytes) -> None:
    write(home, line + b"\n" + SAMPLE)
    assert known(home)[0] == [0.5]


def test_times_that_cannot_be_are_none(home: Home) -> None:
    write(home, times=array("Q", [0, 2**63]).tobytes())
    assert known(home)[1] == 0
