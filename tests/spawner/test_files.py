"""Small files in a folder that a program may write too, as a pod's supervisor does beside its program."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from trainyard_spawner import files

IN_THE_WAY: dict[str, Callable[[Path], object]] = {
    "pipe": os.mkfifo,
    "link": lambda place: place.symlink_to("others"),
    "file": lambda place: place.write_text("{}"),
}
pytestmark = pytest.mark.timeout(20)


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    return tmp_path / "certificate.json"


@pytest.mark.parametrize("lay", IN_THE_WAY.values(), ids=IN_THE_WAY)
def test_what_lies_where_a_draft_will_be_is_neither_waited_for_nor_written_to(
    certificate: Path, lay: Callable[[Path], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "urandom", bytes)
    draft = certificate.with_name(".certificate.json.0000000000000000")
    lay(draft)
    before = draft.lstat()
    with pytest.raises(FileExistsError):
        files.write_json(certificate, {"cause": "exited"})
    assert (draft.lstat(), (certificate.parent / "others").exists()) == (before, False)


@pytest.mark.parametrize("lay", IN_THE_WAY.values(), ids=IN_THE_WAY)
def test_what_lies_in_a_files_own_place_gives_way_to_it(certificate: Path, lay: Callable[[Path], object]) -> None:
    lay(certificate)
    files.write_json(certificate, {"cause": "exited"})
    assert files.read_json(certificate) == {"cause": "exited"}
    assert [path.name for path in certificate.parent.iterdir()] == ["certificate.json"]


def test_no_draft_stays_of_what_cannot_be_written(certificate: Path) -> None:
    certificate.mkdir()
    with pytest.raises(IsADirectoryError):
        files.write_json(certificate, {})
    assert list(certificate.parent.iterdir()) == [certificate]


NO_FILES: dict[str, Callable[[Path], object]] = {
    "pipe": os.mkfifo,
    "link": lambda place: place.symlink_to(__file__),
    "socket": lambda place: os.mknod(place, stat.S_IFSOCK | 0o600),
}


@pytest.mark.parametrize("lay", NO_FILES.values(), ids=NO_FILES)
def test_what_is_no_file_says_nothing(certificate: Path, lay: Callable[[Path], object]) -> None:
    lay(certificate)
    assert files.read_json(certificate) is None
