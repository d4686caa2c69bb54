"""Pictures are found below the given roots and nowhere else."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from trainyard.datasets.packed import PackWriter
from trainyard.datasets.sources import FolderSource, ObjectSource, PictureProblem, Sources, object_path


@pytest.fixture
def sources(tmp_path: Path) -> Sources:
    inside = tmp_path / "inside"
    inside.mkdir()
    (inside / "1.jpg").write_bytes(b"one")
    (inside / "组 1").mkdir()
    (inside / "组 1" / "2.jpg").write_bytes(b"two")
    (tmp_path / "secret").write_bytes(b"secret")
    (inside / "out").symlink_to(tmp_path / "secret")
    (inside / "in").symlink_to("1.jpg")
    return Sources(FolderSource({"": inside, "/workspace/mnt/group/g": inside}))


@pytest.mark.parametrize(
    ("url", "content"),
    [
        ("1.jpg", b"one"),
        ("组 1/2.jpg", b"two"),
        ("/workspace/mnt/group/g/1.jpg", b"one"),
        ("file:///workspace/mnt/group/g/%E7%BB%84%201/2.jpg", b"two"),
        ("in", b"one"),
    ],
)
def test_files_below_a_root_are_read(sources: Sources, url: str, content: bytes) -> None:
    assert sources.read(url) == content


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("../secret", "picture-outside"),
        ("out", "picture-outside"),
        ("/etc/passwd", "picture-outside"),
        ("/workspace/mnt/group/gg/1.jpg", "picture-outside"),
        ("/workspace/mnt/group/g/../../secret", "picture-missing"),
        ("none.jpg", "picture-missing"),
        ("组 1", "picture-missing"),
        ("a\0b", "picture-missing"),
        ("ftp://host/a.jpg", "url-scheme"),
        ("s3://bucket/a.jpg", "no-storage"),
        ("pack:none.zip/a", "url-pack"),
        ("pack:../secret.zip/a#offset=0,length=1", "picture-missing"),
    ],
)
def test_everything_else_is_refused_with_a_reason(sources: Sources, url: str, code: str) -> None:
    with pytest.raises(PictureProblem) as refused:
        sources.read(url)
    assert refused.value.code == code


def test_a_pipe_is_refused_and_does_not_hang(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(PictureProblem):
        FolderSource({"": tmp_path}).read("pipe")


def test_packed_pictures_are_read_by_their_place(tmp_path: Path) -> None:
    pack = PackWriter(tmp_path / "pictures.zip")
    urls = [pack.add(f"类/{n}.png", b"x" * n) for n in range(1, 4)]
    pack.close()
    assert [len(Sources(FolderSource({"": tmp_path})).read(url)) for url in urls] == [1, 2, 3]


@pytest.mark.parametrize("place", ["offset=99999999999999999999,length=1", "offset=0,length=99999999999999999999", "offset=-1"])
def test_a_place_outside_of_the_pack_is_a_missing_picture(tmp_path: Path, place: str) -> None:
    (tmp_path / "pictures.zip").write_bytes(b"short")
    with pytest.raises(PictureProblem):
        Sources(FolderSource({"": tmp_path})).read(f"pack:pictures.zip/1.png#{place}")


@pytest.mark.parametrize("url", ["s3://b/k/1.jpg", "qiniu:///b/k/1.jpg", "qiniu://z0/b/k/1.jpg"])
def test_object_urls_name_bucket_and_key(url: str) -> None:
    assert object_path(url) == "b/k/1.jpg"


def test_objects_are_read_through_the_given_file_system() -> None:
    import fsspec

    memory = fsspec.filesystem("memory")
    memory.pipe_file("/b/k.jpg", b"three")
    assert Sources(FolderSource({}), ObjectSource(memory)).read("qiniu:///b/k.jpg") == b"three"
