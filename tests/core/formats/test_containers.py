"""RecordIO's framing and Caffe's Datum hold the bytes their definitions ask for."""

from __future__ import annotations

import io
import os
import struct
from pathlib import Path

import lmdb
import pytest
from hypothesis import given
from hypothesis import strategies as st
from trainyard.formats.lmdb.datum import BadDatum, Datum, decode, encode
from trainyard.formats.lmdb.reader import LmdbReader
from trainyard.formats.lmdb.writer import LmdbWriter, key_of
from trainyard.formats.record import Record, one_class
from trainyard.formats.recordio.framing import MAGIC_BYTES, BadRecord, frame, pack, pieces, read_record, unpack


def test_a_record_has_magic_length_and_padding() -> None:
    assert frame(b"abcde") == bytes.fromhex("0a23d7ce 05000000") + b"abcde\0\0\0"


def test_a_payload_with_the_aligned_magic_is_split_there() -> None:
    framed = frame(b"head" + MAGIC_BYTES + b"tail")
    assert (
        framed
        == MAGIC_BYTES + struct.pack("<I", 1 << 29 | 4) + b"head" + MAGIC_BYTES + struct.pack("<I", 3 << 29 | 4) + b"tail"
    )


def test_an_unaligned_magic_is_left_alone() -> None:
    assert frame(b"x" + MAGIC_BYTES).count(MAGIC_BYTES) == 2


@given(st.lists(st.sampled_from([MAGIC_BYTES, b"x", b"1234", b"\0" * 7]), max_size=12).map(b"".join))
def test_any_payload_comes_back(payload: bytes) -> None:
    assert read_record(io.BytesIO(frame(payload))) == payload


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        read_record(io.BytesIO(MAGIC_BYTES + data))
    except BadRecord:
        return


@given(st.lists(st.sampled_from([MAGIC_BYTES, b"x", b"four"])).map(b"".join))
def test_a_picture_written_in_pieces_is_the_same_record(picture: bytes) -> None:
    head = pack(7, (1.0, 0.0), alone=False)
    assert b"".join(pieces(head, picture)) == frame(head + picture)


def test_one_label_stands_in_the_header() -> None:
    assert pack(7, (3.0,), alone=True) == struct.pack("<IfQQ", 0, 3.0, 7, 0)


def test_several_labels_stand_behind_the_header() -> None:
    payload = pack(7, (1.0, 0.0), alone=False) + b"jpg"
    assert payload[:4] == struct.pack("<I", 2)
    assert unpack(payload) == (7, (1.0, 0.0), False, len(payload) - 3)


DATUM = Datum(3, 300, 2, b"\xff\xd8", 150, (0.5,), True)


def test_datum_has_the_bytes_of_protobuf() -> None:
    assert encode(DATUM) == bytes.fromhex("0803 10ac02 1802 2202ffd8 289601 350000003f 3801")


def test_datum_comes_back() -> None:
    assert decode(encode(DATUM)) == DATUM


def test_packed_floats_and_unknown_fields_are_read() -> None:
    message = bytes.fromhex("0801 3208 0000003f 00000040 4a0161")
    assert decode(message).float_data == (0.5, 2.0)


@given(st.binary(max_size=80))
def test_any_bytes_are_a_datum_or_refused(data: bytes) -> None:
    try:
        decode(data)
    except BadDatum:
        return


def record(number: int, size: int = 10) -> Record:
    return Record(number, "类/1.jpg", one_class(1), bytes(size), 3, 1, 1)


def test_long_names_fit_into_a_key_and_stay_text() -> None:
    key = key_of(Record(42, "目" * 400, one_class(0), b""))
    assert len(key) <= 511
    assert key.decode().startswith("00000042_目")


def test_the_map_grows_with_the_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trainyard.formats.lmdb.writer.FIRST_MAP", 1 << 16)
    writer = LmdbWriter(tmp_path)
    for number in range(1500):
        writer.add(record(number, 1000))
    writer.close()
    with lmdb.open(str(tmp_path), readonly=True) as environment:
        assert environment.stat()["entries"] == 1500


def test_what_was_committed_after_a_checkpoint_is_dropped(tmp_path: Path) -> None:
    writer = LmdbWriter(tmp_path)
    for number in range(3):
        writer.add(record(number))
    state = writer.checkpoint()
    writer.add(record(3, 99))
    writer.close()
    again = LmdbWriter(tmp_path, state)
    again.add(record(3, 5))
    again.close()
    with lmdb.open(str(tmp_path), readonly=True) as environment, environment.begin() as transaction:
        assert [len(decode(value).data) for _, value in transaction.cursor()] == [10, 10, 10, 5]


def numbers_in_child(folder: Path) -> int:
    """How many records a forked process reads with a reader of its own."""
    if pid := os.fork():
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    with LmdbReader(folder) as reader:
        os._exit(len(list(reader)))


def test_a_set_is_opened_twice_and_after_a_fork(tmp_path: Path) -> None:
    writer = LmdbWriter(tmp_path)
    for number in range(3):
        writer.add(record(number))
    writer.close()
    with LmdbReader(tmp_path) as first, LmdbReader(tmp_path) as second:
        assert (len(list(first)), len(list(second)), numbers_in_child(tmp_path)) == (3, 3, 3)
    assert len(list(LmdbReader(tmp_path))) == 3
