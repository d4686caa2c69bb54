"""Every format keeps every sample: what is written comes back, in order, whatever is in it and wherever the work was cut."""

from __future__ import annotations

import gc
import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import lmdb
import numpy as np
import pytest
from trainyard.formats.damage import Damaged
from trainyard.formats.record import (
    UNLABELLED,
    Box,
    Kind,
    Labels,
    Record,
    SetOptions,
    one_class,
    several_classes,
    some_boxes,
)
from trainyard.formats.recordio.framing import MAGIC_BYTES
from trainyard.formats.registry import FORMATS

from tests.core.formats.pictures import encoded

CASES = [(name, kind) for name, one in FORMATS.items() for kind in sorted(one.accepts)]
SMALL_SHARDS = 4000
NAMES = ("cat/1.jpg", "类/猫 1.png", "a.b/c.d.e", "ä" * 200, "no-ending", "../../etc/passwd", "x/.jpg")


def labels_of(kind: Kind, number: int) -> Labels:
    if kind == "class":
        return one_class(number % 3)
    if kind == "classes":
        return several_classes((1.0, float(number % 2), 0.0))
    if kind == "none":
        return UNLABELLED
    count = (1, 3, 200)[number % 3]
    return some_boxes(Box((number + at) % 3, at / 10, 1.5, 10 + at / 10, 20.25, at % 5 == 1) for at in range(count))


def records(kind: Kind, count: int = 7) -> list[Record]:
    made = []
    for number in range(count):
        picture = encoded("PNG" if number % 3 == 2 else "JPEG", channels=1 if number % 4 == 3 else 3, seed=number)
        if number == 1:
            picture += bytes(-len(picture) % 4) + MAGIC_BYTES * 2
        channels = 1 if number % 4 == 3 else 3
        made.append(Record(number, NAMES[number % len(NAMES)], labels_of(kind, number), picture, channels, 30, 40))
    return made


def options(kind: Kind) -> SetOptions:
    return SetOptions(kind, ("cat", "类", "b,c"), True, shard_bytes=SMALL_SHARDS)


def write(name: str, folder: Path, kind: Kind, samples: Sequence[Record]) -> Path:
    folder.mkdir(exist_ok=True)
    writer = FORMATS[name].writer(folder, None, options(kind))
    for record in samples:
        writer.add(record)
    writer.finish()
    writer.close()
    return folder


def content(name: str, folder: Path) -> object:
    """What a set holds, byte for byte; of LMDB, whose free pages may differ, the sequence of keys and values."""
    if name == "lmdb":
        with lmdb.open(str(folder), readonly=True, lock=False) as environment, environment.begin() as transaction:
            return list(transaction.cursor())
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def same(found: Record, expected: Record) -> bool:
    """Whether all is equal; edges may be rounded, for some formats keep them as parts of 1 in single precision."""
    boxes = zip(found.labels.boxes, expected.labels.boxes, strict=True)
    return (
        found._replace(labels=UNLABELLED) == expected._replace(labels=UNLABELLED)
        and found.labels[:2] == expected.labels[:2]
        and all((one.label, one.difficult) == (two.label, two.difficult) for one, two in boxes)
        and np.allclose(edges(found), edges(expected), atol=1e-4)
    )


def edges(record: Record) -> list[tuple[float, ...]]:
    return [box[1:5] for box in record.labels.boxes]


@pytest.fixture(params=CASES, ids=lambda case: f"{case[0]}-{case[1]}")
def case(request: pytest.FixtureRequest) -> tuple[str, Kind]:
    name, kind = request.param
    return name, kind


def test_what_was_written_comes_back_in_order(tmp_path: Path, case: tuple[str, Kind]) -> None:
    name, kind = case
    expected = records(kind)
    with FORMATS[name].reader(write(name, tmp_path / "set", kind, expected)) as reader:
        assert len(reader) == len(expected)
        assert all(same(found, one) for found, one in zip(reader, expected, strict=True))


def test_any_record_is_found_by_its_number(tmp_path: Path, case: tuple[str, Kind]) -> None:
    name, kind = case
    expected = records(kind)
    with FORMATS[name].reader(write(name, tmp_path / "set", kind, expected)) as reader:
        assert all(same(reader[number], expected[number]) for number in (5, 0, 6, 1))


@pytest.mark.parametrize("number", [7, -1])
def test_a_number_that_there_is_not_is_refused(tmp_path: Path, case: tuple[str, Kind], number: int) -> None:
    name, kind = case
    with FORMATS[name].reader(write(name, tmp_path / "set", kind, records(kind))) as reader, pytest.raises(IndexError):
        reader[number]


def test_labels_are_told_without_pictures(tmp_path: Path, case: tuple[str, Kind]) -> None:
    name, kind = case
    expected = records(kind)
    with FORMATS[name].reader(write(name, tmp_path / "set", kind, expected)) as reader:
        for told, one in zip(reader.describe(), expected, strict=True):
            assert same(Record(*told[:3], one.picture, *told[4:]), one)
            assert told.bytes == len(one.picture)


def test_a_reader_that_is_forgotten_lets_go_of_its_files(tmp_path: Path, case: tuple[str, Kind]) -> None:
    name, kind = case
    folder = write(name, tmp_path / "set", kind, records(kind))
    gc.collect()  # what other tests have forgotten
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(3):
        FORMATS[name].reader(folder)[0]
    gc.collect()
    assert len(list(Path("/proc/self/fd").iterdir())) == before


@pytest.mark.parametrize("count", [0, 1])
def test_a_set_of_no_or_one_sample_is_read(tmp_path: Path, case: tuple[str, Kind], count: int) -> None:
    name, kind = case
    with FORMATS[name].reader(write(name, tmp_path / "set", kind, records(kind, count))) as reader:
        assert [record.number for record in reader] == list(range(count))


def test_the_same_samples_make_the_same_bytes(tmp_path: Path, case: tuple[str, Kind]) -> None:
    name, kind = case
    first, second = (write(name, tmp_path / folder, kind, records(kind)) for folder in ("one", "two"))
    assert content(name, first) == content(name, second)


def cuts(kind: Kind, name: str, folder: Path) -> Iterator[dict[str, int]]:
    """The state after every record, while the writer goes on to the end and even finishes."""
    folder.mkdir()
    writer = FORMATS[name].writer(folder, None, options(kind))
    states = [writer.checkpoint()]
    for record in records(kind):
        writer.add(record)
        states.append(writer.checkpoint())
        writer.sync()
    writer.finish()
    writer.close()
    return iter(states)


def test_after_a_cut_at_any_checkpoint_the_bytes_are_the_same(tmp_path: Path, case: tuple[str, Kind]) -> None:
    name, kind = case
    whole = content(name, write(name, tmp_path / "whole", kind, records(kind)))
    for done, state in enumerate(cuts(kind, name, tmp_path / "cut")):
        assert FORMATS[name].writer.reaches(tmp_path / "cut", state)
        writer = FORMATS[name].writer(tmp_path / "cut", state, options(kind))
        for record in records(kind)[done:]:
            writer.add(record)
        writer.finish()
        writer.close()
        assert content(name, tmp_path / "cut") == whole


def test_files_that_do_not_reach_a_checkpoint_are_told(tmp_path: Path, case: tuple[str, Kind]) -> None:
    name, kind = case
    (tmp_path / "short").mkdir()
    state = list(cuts(kind, name, tmp_path / "set"))[-1]
    writer = FORMATS[name].writer(tmp_path / "short", None, options(kind))
    writer.add(records(kind)[0])
    writer.checkpoint()
    writer.close()
    assert not FORMATS[name].writer.reaches(tmp_path / "short", state)
    assert not FORMATS[name].writer.reaches(tmp_path / "nothing", state)


@pytest.mark.parametrize("name", list(FORMATS))
def test_a_folder_without_a_set_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(Damaged):
        FORMATS[name].reader(tmp_path)


def test_pictures_stay_inside_the_set(tmp_path: Path) -> None:
    write("pictures", tmp_path / "set", "none", records("none"))
    assert {path.parents[1].name for path in tmp_path.rglob("*_*")} == {"images"}


def test_a_list_that_leads_out_of_the_set_is_refused(tmp_path: Path) -> None:
    folder = write("pictures", tmp_path / "set", "none", records("none", 1))
    (tmp_path / "secret.jpg").write_bytes(b"secret")
    line = (folder / "samples.jsonl").read_text().replace('"image":"images/00000/', '"image":"../secret.jpg/../')
    (folder / "samples.jsonl").write_text(line.replace("../secret.jpg/../00000000_1.jpg", "../secret.jpg"))
    with FORMATS["pictures"].reader(folder) as reader, pytest.raises(Damaged):
        reader[0]


def test_raw_values_are_the_pixels_of_the_picture(tmp_path: Path) -> None:
    writer = FORMATS["lmdb"].writer(tmp_path, None, options("class")._replace(values="raw"))
    for record in records("class"):
        writer.add(record)
    writer.close()
    with FORMATS["lmdb"].reader(tmp_path) as reader:
        from trainyard.formats.lmdb.labels import pixels_of

        for found, one in zip(reader, records("class"), strict=True):
            assert pixels_of(found.picture, found.channels) == pixels_of(one.picture, one.channels)
