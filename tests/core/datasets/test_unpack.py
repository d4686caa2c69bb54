"""Archives are unpacked inside their folder and within limits, with the names their packers meant."""

from __future__ import annotations

import gzip
import io
import os
import stat
import struct
import tarfile
import unicodedata
import zipfile
import zlib
from pathlib import Path

import pytest
from trainyard.datasets.folder import Stopped
from trainyard.datasets.unpack import Rules, unpack
from trainyard.errors import UserError

from .archives import jpeg, zip_of


def unpacked(folder: Path, data: bytes, rules: Rules = Rules()) -> set[str]:
    (folder / "archive").write_bytes(data)
    unpack(folder / "archive", folder / "out", rules)
    return {str(path.relative_to(folder / "out")) for path in (folder / "out").rglob("*") if path.is_file()}


def refused(folder: Path, data: bytes, rules: Rules = Rules()) -> str:
    with pytest.raises(UserError) as error:
        unpacked(folder, data, rules)
    assert not (folder / "out").exists()
    return error.value.code


def named(*names: bytes) -> bytes:
    """A zip whose names do not say their encoding."""
    stand_ins = [chr(ord("A") + number) * len(name) for number, name in enumerate(names)]
    data = zip_of(dict.fromkeys(stand_ins, b"x"))
    for one, name in zip(stand_ins, names, strict=True):
        data = data.replace(one.encode(), name)
    return data


@pytest.mark.parametrize("name", ["../a", "/etc/a", "a/../../b", "..\\a", "C:\\a", "C:/a"])
def test_a_name_that_leads_away_is_refused(tmp_path: Path, name: str) -> None:
    assert refused(tmp_path, zip_of({name: b"x"})) == "archive-broken"


def test_a_link_in_a_zip_or_tar_is_refused(tmp_path: Path) -> None:
    info = zipfile.ZipInfo("link")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(info, "/etc/passwd")
    assert refused(tmp_path, buffer.getvalue()) == "archive-broken"
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tape:
        member = tarfile.TarInfo("link")
        member.type, member.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tape.addfile(member)
    assert refused(tmp_path, buffer.getvalue()) == "archive-broken"


def test_a_bomb_is_refused_before_it_fills_the_disk(tmp_path: Path) -> None:
    assert refused(tmp_path, zip_of({f"{n}.jpg": bytes(30_000_000) for n in range(2)})) == "archive-too-large"


def test_a_bomb_that_lies_about_its_size_is_refused(tmp_path: Path) -> None:
    data = zip_of({"a.jpg": bytes(30_000_000)})
    assert refused(tmp_path, data.replace(struct.pack("<I", 30_000_000), struct.pack("<I", 10))) in (
        "archive-too-large",
        "archive-broken",
    )


def test_more_than_the_room_that_is_left_is_refused(tmp_path: Path) -> None:
    assert refused(tmp_path, zip_of({"a.jpg": os.urandom(1000)}), Rules(room=999)) == "archive-too-large"


def test_a_zip_with_a_password_says_so(tmp_path: Path) -> None:
    data = bytearray(zip_of({"a.jpg": b"x"}))
    data[data.index(b"PK\x01\x02") + 8] |= 1
    assert refused(tmp_path, bytes(data)) == "archive-encrypted"


@pytest.mark.parametrize(
    "data", [b"", b"no archive", b"PK\x03\x04", zip_of({"a": b"x" * 500})[:-30]], ids=["empty", "text", "begun", "cut off"]
)
def test_what_is_no_whole_archive_is_refused(tmp_path: Path, data: bytes) -> None:
    assert refused(tmp_path, data) == "archive-broken"


@pytest.mark.parametrize(
    ("data", "kind"),
    [(b"Rar!\x1a\x07\x01\0", "RAR"), (b"7z\xbc\xaf\x27\x1c", "7-Zip"), (jpeg(), "JPG")],
    ids=["RAR", "7-Zip", "JPG"],
)
def test_an_archive_of_another_kind_is_refused_as_what_it_is(tmp_path: Path, data: bytes, kind: str) -> None:
    (tmp_path / "a").write_bytes(data + b"\0" * 1000)
    with pytest.raises(UserError, match=f"is a file of type {kind}; zip and tar are read") as refusal:
        unpack(tmp_path / "a", tmp_path / "out", Rules())
    assert refusal.value.code == "archive-kind"


@pytest.mark.parametrize("data", [b"no archive", gzip.compress(b"no tar")], ids=["text", "packed text"])
def test_what_is_no_archive_is_told_in_one_line(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "a").write_bytes(data)
    with pytest.raises(UserError) as refusal:
        unpack(tmp_path / "a", tmp_path / "out", Rules())
    assert "\n" not in str(refusal.value)


def test_a_file_where_a_folder_must_be_is_refused(tmp_path: Path) -> None:
    assert refused(tmp_path, zip_of({"a": b"x", "a/b": b"y"})) == "archive-broken"


def test_a_name_too_long_for_a_disk_is_refused(tmp_path: Path) -> None:
    assert refused(tmp_path, zip_of({"x" * 300: b"x"})) == "archive-broken"


def test_chinese_names_of_windows_come_out_right(tmp_path: Path) -> None:
    # alone, the bytes of the first one are valid UTF-8, too
    assert unpacked(tmp_path, named("猫/1.jpg".encode("gbk"), "小狗/2.jpg".encode("gbk"))) == {"猫/1.jpg", "小狗/2.jpg"}


def test_utf_8_names_that_do_not_say_so_come_out_right(tmp_path: Path) -> None:
    assert unpacked(tmp_path, named("猫/1.jpg".encode())) == {"猫/1.jpg"}


def test_names_of_dos_come_out_right(tmp_path: Path) -> None:
    assert unpacked(tmp_path, named("été.jpg".encode("cp437"))) == {"été.jpg"}


def test_a_name_told_in_unicode_beside_is_taken(tmp_path: Path) -> None:
    info = zipfile.ZipInfo("x.jpg")
    told = b"\x01" + struct.pack("<I", zlib.crc32(b"x.jpg")) + "猫.jpg".encode()
    info.extra = struct.pack("<HH", 0x7075, len(told)) + told
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(info, b"x")
    assert unpacked(tmp_path, buffer.getvalue()) == {"猫.jpg"}


def test_names_of_macos_come_out_in_normal_form_c(tmp_path: Path) -> None:
    assert unpacked(tmp_path, zip_of({unicodedata.normalize("NFD", "é.jpg"): b"x"})) == {"é.jpg"}


def test_names_stay_as_they_are_where_a_list_names_them(tmp_path: Path) -> None:
    name = unicodedata.normalize("NFD", "é.jpg")
    assert unpacked(tmp_path, zip_of({name: b"x", ".hidden/1.jpg": b"y"}), Rules(normal=False)) == {name, ".hidden/1.jpg"}


def test_a_stop_leaves_nothing_that_can_be_seen(tmp_path: Path) -> None:
    (tmp_path / "archive").write_bytes(zip_of({"a": b"x"}))
    with pytest.raises(Stopped):
        unpack(tmp_path / "archive", tmp_path / "out", Rules(should_stop=lambda: True))
    assert not (tmp_path / "out").exists()
