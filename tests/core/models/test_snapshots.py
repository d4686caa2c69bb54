"""Snapshots and packed models: complete or absent, verified, and never a way out of their folder."""

from __future__ import annotations

import io
import os
import tarfile
from pathlib import Path

import pytest
from trainyard.errors import Conflict, Invalid
from trainyard.models import contents, keep, newest, read_manifest, snapshots, verify
from trainyard.training import Moment
from trainyard.training.snapshots import manifest_of, pack, unpack


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    path = tmp_path / "weights"
    path.write_bytes(os.urandom(5000))
    return path


def archive(path: Path, *entries: tarfile.TarInfo) -> Path:
    with tarfile.open(path, "w:gz") as tar:
        for entry in entries:
            tar.addfile(entry, io.BytesIO(b"x" * entry.size))
    return path


def entry(name: str, kind: bytes = tarfile.REGTYPE, size: int = 0) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.size, info.linkname = kind, size, "/etc/passwd"
    return info


def test_a_snapshot_is_packed_listed_and_unpacked(tmp_path: Path, weights: Path) -> None:
    made = pack(tmp_path / "out", {"snapshot-0003.params": weights}, Moment(3, 90, metrics={"loss/train": 0.5}))
    assert made.file == "snapshot-model-3.tar.gz"
    assert snapshots(tmp_path / "out") == [made]
    unpack(tmp_path / "out" / made.file, tmp_path / "in")
    assert (tmp_path / "in" / "snapshot-0003.params").read_bytes() == weights.read_bytes()


def test_the_same_files_give_the_same_bytes(tmp_path: Path, weights: Path) -> None:
    first, second = (pack(tmp_path / name, {"w": weights}, Moment(1, 1)) for name in "ab")
    assert first.sha256 == second.sha256


def test_a_snapshot_without_its_manifest_does_not_exist(tmp_path: Path, weights: Path) -> None:
    made = pack(tmp_path, {"w": weights}, Moment(1, 1))
    manifest_of(tmp_path / made.file).unlink()
    assert snapshots(tmp_path) == []


def test_the_newest_sound_snapshot_is_taken_when_a_newer_one_is_damaged(tmp_path: Path, weights: Path) -> None:
    older, newer = pack(tmp_path, {"w": weights}, Moment(1, 10)), pack(tmp_path, {"w": weights}, Moment(2, 20))
    damaged = bytearray((tmp_path / newer.file).read_bytes())
    damaged[50] ^= 1
    (tmp_path / newer.file).write_bytes(damaged)
    assert newest(tmp_path) == older


def test_a_missing_file_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        pack(tmp_path / "out", {"w": tmp_path / "absent"}, Moment(1, 1))
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize(
    "bad",
    [entry("../out"), entry("/etc/x"), entry("a/../../x"), entry("l", tarfile.SYMTYPE), entry("h", tarfile.LNKTYPE)],
    ids=["up", "absolute", "inner-up", "symlink", "hardlink"],
)
def test_an_archive_that_leads_out_is_refused(tmp_path: Path, bad: tarfile.TarInfo) -> None:
    path = archive(tmp_path / "m.tar.gz", bad)
    with pytest.raises(Invalid, match="not a usable packed model"):
        unpack(path, tmp_path / "in")
    with pytest.raises(Invalid):
        contents(path)


def test_an_archive_that_would_fill_the_disk_is_refused(tmp_path: Path) -> None:
    path = archive(tmp_path / "m.tar.gz", entry("zeros", size=100_000))
    with pytest.raises(Invalid, match="more than 1000 bytes"):
        contents(path, largest=1000)


@pytest.mark.parametrize("data", [b"", b"PK\3\4", b"\x1f\x8b\x08\x00" + b"0" * 40], ids=["empty", "zip", "torn"])
def test_what_is_no_archive_is_refused(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "m.tar.gz").write_bytes(data)
    with pytest.raises(Invalid):
        contents(tmp_path / "m.tar.gz")


def test_a_kept_model_is_verified_and_damage_is_seen(tmp_path: Path, weights: Path) -> None:
    made = pack(tmp_path / "runs" / "i", {"w": weights}, Moment(1, 1))
    manifest = keep(tmp_path / "runs", f"i/{made.file}", tmp_path / "model", name="digits", kind="snapshot")
    assert (manifest.sha256, manifest.files) == (made.sha256, {"w": 5000})
    assert verify(tmp_path / "model") == manifest
    (tmp_path / "model" / "model.tar.gz").write_bytes(b"")
    with pytest.raises(Conflict):
        verify(tmp_path / "model")


def test_a_link_in_a_run_is_not_kept_as_a_model(tmp_path: Path, weights: Path) -> None:
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "snapshot.tar.gz").symlink_to(weights)
    with pytest.raises(Invalid):
        keep(tmp_path / "runs", "snapshot.tar.gz", tmp_path / "model", name="x", kind="snapshot")
    assert read_manifest(tmp_path / "model") is None
