"""Whatever bytes stand in the files of a set, a reader tells the samples or says ``Damaged``: nothing else, and soon."""

from __future__ import annotations

import random
from pathlib import Path

import lmdb
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from trainyard.formats.damage import LONGEST_RECORD, Damaged
from trainyard.formats.labels import read_labels
from trainyard.formats.lmdb.datum import decode as decode_datum
from trainyard.formats.lmdb.datum import encode as encode_datum
from trainyard.formats.lmdb.labels import to_datum
from trainyard.formats.lmdb.skim import skim
from trainyard.formats.record import Kind, Record
from trainyard.formats.recordio.framing import PART, frame, pack
from trainyard.formats.registry import FORMATS
from trainyard.formats.tfrecord.example import Example
from trainyard.formats.tfrecord.writer import to_example

from tests.core.formats.test_contract import records, write

FILES = {
    "recordio": ("cache/data.rec", "cache/data.idx", "cache/data.lst"),
    "pictures": ("samples.jsonl",),
    "roidb": ("samples.jsonl",),
    "webdataset": ("data-00000.tar", "data.idx"),
    "tfrecord": ("data-00000.tfrecord", "data.idx"),
}
BROKEN = [(name, path) for name, paths in FILES.items() for path in paths]
LABELLED = [(*one, kind) for one in BROKEN for kind in ("class", "boxes") if kind in FORMATS[one[0]].accepts]
QUICK = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])


def read_all(name: str, folder: Path) -> int:
    """How many samples a reader tells, both ways."""
    with FORMATS[name].reader(folder) as reader:
        assert len(list(reader.describe())) == len(reader)
        return len(list(reader))


def read_or_refused(name: str, folder: Path) -> None:
    try:
        read_all(name, folder)
    except Damaged:
        return


def mutilated(data: bytes, seed: int) -> bytes:
    """``data`` with some bytes changed, cut out, doubled, or with its end cut off."""
    rng, changed = random.Random(seed), bytearray(data)
    for _ in range(rng.randint(1, 4)):
        place = rng.randrange(len(changed) or 1)
        end = place + rng.choice((1, 4, 100, len(changed)))
        changed[place:end] = rng.choice(
            (rng.randbytes(min(len(changed[place:end]), 8)), b"", changed[place:end] * 2, b"\xff" * 8)
        )
    return bytes(changed)


@pytest.mark.parametrize(("name", "path", "kind"), LABELLED)
def test_mutilated_files_are_read_or_refused(tmp_path: Path, name: str, path: str, kind: Kind) -> None:
    folder = write(name, tmp_path, kind, records(kind))
    whole = (folder / path).read_bytes()
    for seed in range(40):
        (folder / path).write_bytes(mutilated(whole, seed))
        read_or_refused(name, folder)


@pytest.mark.parametrize(("name", "path"), [one for one in BROKEN if not one[1].endswith(".lst")])
@given(data=st.binary(max_size=1200))
@QUICK
def test_garbage_is_read_or_refused(tmp_path: Path, name: str, path: str, data: bytes) -> None:
    if not (tmp_path / "set").exists():
        write(name, tmp_path / "set", "boxes", records("boxes", 2))
    (tmp_path / "set" / path).write_bytes(data)
    read_or_refused(name, tmp_path / "set")


@given(st.integers(0, 2**32))
@QUICK
def test_a_mutilated_datum_is_read_or_refused(seed: int) -> None:
    message = encode_datum(to_datum(records("boxes", 2)[1], raw=False))
    try:
        decode_datum(mutilated(message, seed))
    except Damaged:
        return


@given(st.integers(0, 2**32))
@QUICK
def test_a_mutilated_example_is_read_or_refused(seed: int) -> None:
    try:
        Example(mutilated(to_example(records("boxes", 2)[1], [b"cat"]), seed))
    except Damaged:
        return


@given(st.binary(max_size=300))
@QUICK
def test_a_label_table_is_read_or_refused(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "labels.csv").write_bytes(data)
    try:
        read_labels(tmp_path)
    except Damaged:
        return


@pytest.mark.parametrize("name", ["recordio", "webdataset", "tfrecord"])
def test_a_set_without_its_index_is_read(tmp_path: Path, name: str) -> None:
    folder = write(name, tmp_path, "class", records("class"))
    for index in folder.rglob("data.idx"):
        index.unlink()
    assert read_all(name, folder) == 7


def test_a_record_in_many_parts_is_held_to_its_limit(tmp_path: Path) -> None:
    (tmp_path / "data.rec").write_bytes(PART.pack(0xCED7230A, 1 << 29 | (LONGEST_RECORD + 4)))
    with (tmp_path / "data.rec").open("r+b") as file:
        file.truncate(LONGEST_RECORD + 100)
    (tmp_path / "data.idx").write_text("0\t0\n")
    with FORMATS["recordio"].reader(tmp_path) as reader, pytest.raises(Damaged) as refused:
        reader[0]
    assert "longer than" in str(refused.value)


def test_the_place_of_the_damage_is_told(tmp_path: Path) -> None:
    folder = write("recordio", tmp_path, "class", records("class"))
    rec = folder / "cache" / "data.rec"
    data = bytearray(rec.read_bytes())
    offset = int((folder / "cache" / "data.idx").read_text().splitlines()[3].split("\t")[1])
    data[offset] ^= 1
    rec.write_bytes(data)
    with FORMATS["recordio"].reader(folder) as reader, pytest.raises(Damaged) as refused:
        list(reader)
    assert str(refused.value).startswith("Record 3 of data.rec cannot be read: There is no RecordIO record at this place.")
    assert refused.value.text("zh") == "无法读取 data.rec 中的第 3 条记录：此处没有 RecordIO 记录。"


def test_labels_that_are_no_numbers_are_refused(tmp_path: Path) -> None:
    (tmp_path / "data.rec").write_bytes(frame(pack(0, (float("nan"),), alone=True) + b"picture"))
    with FORMATS["recordio"].reader(tmp_path) as reader, pytest.raises(Damaged):
        reader[0]


def foreign(folder: Path, keys: list[bytes]) -> list[Record]:
    """An LMDB with keys as other tools write them."""
    samples = records("class", len(keys))
    with lmdb.open(str(folder), map_size=1 << 24) as environment, environment.begin(write=True) as transaction:
        for key, one in zip(keys, samples, strict=True):
            transaction.put(key, encode_datum(to_datum(one, raw=False)._replace(channels=0, height=0, width=0)))
    return samples


@pytest.mark.parametrize("pattern", ["{:08d}", "{:010d}", "img-{:05d}.jpg"])
def test_lmdb_with_other_keys_is_read_by_number(tmp_path: Path, pattern: str) -> None:
    samples = foreign(tmp_path, [pattern.format(number).encode() for number in range(200)])
    with FORMATS["lmdb"].reader(tmp_path) as reader:
        assert [reader[number].picture == samples[number].picture for number in (199, 0, 64, 63, 130)] == [True] * 5
        assert (reader[2].width, reader[2].channels) == (40, 3)
        assert [one.labels for one in reader.describe()] == [one.labels for one in samples]


def test_an_lmdb_that_is_cut_off_is_refused(tmp_path: Path) -> None:
    write("lmdb", tmp_path, "class", records("class", 40))
    data = (tmp_path / "data.mdb").read_bytes()
    (tmp_path / "data.mdb").write_bytes(data[: len(data) // 2])
    with pytest.raises(Damaged):
        read_all("lmdb", tmp_path)


@pytest.mark.parametrize("kind", ["class", "boxes"])
def test_lmdb_with_damaged_pages_is_read_or_refused(tmp_path: Path, kind: Kind) -> None:
    """LMDB's own library ends the process on some of these."""
    data = (write("lmdb", tmp_path, kind, records(kind, 60)) / "data.mdb").read_bytes()
    rng = random.Random(7)
    for _ in range(60):
        changed = bytearray(data)
        for _ in range(rng.randint(1, 20)):
            page = rng.randrange(len(changed) // 4096)
            changed[page * 4096 + rng.choice((rng.randrange(32), rng.randrange(4096)))] = rng.randrange(256)
        (tmp_path / "data.mdb").write_bytes(changed)
        read_or_refused("lmdb", tmp_path)


@given(st.integers(0, 2**32))
@QUICK
def test_a_skimmed_datum_says_what_the_whole_one_says(seed: int) -> None:
    message = mutilated(encode_datum(to_datum(records("boxes", 2)[1], raw=False)), seed)
    try:
        whole = decode_datum(message)
        found = skim(lambda start, size: message[start : start + size], len(message))
    except Damaged:
        return
    assert len(whole.data) == found.size or whole.data == b""


def test_recordio_beside_each_other_without_a_folder_is_read(tmp_path: Path) -> None:
    folder = write("recordio", tmp_path, "class", records("class"))
    for path in (folder / "cache").iterdir():
        path.rename(folder / path.name)
    (folder / "cache").rmdir()
    assert read_all("recordio", folder) == 7


def test_raw_pixels_that_do_not_fit_their_size_are_refused(tmp_path: Path) -> None:
    datum = to_datum(records("class")[0], raw=True)
    with lmdb.open(str(tmp_path), map_size=1 << 24) as environment, environment.begin(write=True) as transaction:
        transaction.put(b"00000000", encode_datum(datum._replace(height=datum.height + 1)))
    with FORMATS["lmdb"].reader(tmp_path) as reader, pytest.raises(Damaged) as refused:
        reader[0]
    assert np.all([word in str(refused.value) for word in ("Record 0", "3 × 31 × 40")])
