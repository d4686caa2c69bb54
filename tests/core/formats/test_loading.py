"""A formatted set as a dataset for loaders: arrays of a fixed size, targets that fit them, usable from several processes."""

from __future__ import annotations

import multiprocessing
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from trainyard.formats.damage import Damaged
from trainyard.formats.labels import write_labels
from trainyard.formats.loading import FormattedDataset, keep_apart
from trainyard.formats.record import Box, Kind, Record, some_boxes
from trainyard.formats.registry import FORMATS, index_table

from tests.core.formats.pictures import array, encoded
from tests.core.formats.test_contract import records, write

LABELS = {"cat": 0, "dog": 1, "猫": 2}


def dataset(folder: Path, name: str, kind: Kind, size: tuple[int, int] | None = (20, 10)) -> FormattedDataset:
    write_labels(write(name, folder, kind, records(kind)), index_table(name, kind, LABELS))
    return FormattedDataset(folder, size)


@pytest.mark.parametrize("name", [name for name, one in FORMATS.items() if "class" in one.accepts])
def test_every_format_is_known_by_its_files(tmp_path: Path, name: str) -> None:
    data = dataset(tmp_path, name, "class")
    assert (data.format, len(data), data.classes) == (name, 7, list(LABELS))
    assert [data[number][1] for number in range(7)] == [0, 1, 2, 0, 1, 2, 0]


@pytest.mark.parametrize("name", list(FORMATS))
def test_classes_of_boxes_count_from_0_in_every_format(tmp_path: Path, name: str) -> None:
    data = dataset(tmp_path, name, "boxes")
    assert (data.classes, data[1][1]["labels"].tolist()) == (list(LABELS), [1, 2, 0])


def test_pictures_are_red_green_blue_from_0_to_1(tmp_path: Path) -> None:
    one = Record(0, "a.png", records("class")[0].labels, encoded("PNG", seed=4), 3, 30, 40)
    picture, _ = FormattedDataset(write("recordio", tmp_path, "class", [one]))[0]
    assert (picture.shape, picture.dtype) == ((3, 30, 40), np.float32)
    assert np.allclose(picture, array(seed=4).transpose(2, 0, 1) / 255, atol=1e-6)


def test_boxes_are_scaled_with_their_picture(tmp_path: Path) -> None:
    one = records("boxes")[0]._replace(labels=some_boxes([Box(2, 4, 3, 20, 15)]))
    write("tfrecord", tmp_path, "boxes", [one])
    picture, target = FormattedDataset(tmp_path, size=(80, 30))[0]
    assert picture.shape == (3, 30, 80)
    assert np.allclose(target["boxes"], [[8, 3, 40, 15]], atol=1e-4)


def test_several_classes_and_none_have_targets_too(tmp_path: Path) -> None:
    assert dataset(tmp_path / "a", "lmdb", "classes")[1][1].tolist() == [1, 1, 0]
    assert dataset(tmp_path / "b", "lmdb", "none")[1][1] == 0


def test_grey_pictures_have_three_channels(tmp_path: Path) -> None:
    assert {picture.shape for picture, _ in dataset(tmp_path, "pictures", "class")} == {(3, 10, 20)}


def mean_of(job: tuple[FormattedDataset, int]) -> float:
    data, number = job
    return float(data[number][0].mean())


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_the_processes_of_a_loader_read_it(tmp_path: Path, method: Any) -> None:
    data = dataset(tmp_path, "lmdb", "class")
    here = [mean_of((data, number)) for number in range(7)]
    with multiprocessing.get_context(method).Pool(2) as pool:
        assert pool.map(mean_of, [(data, number) for number in range(7)]) == here


def test_a_dataset_travels_without_its_open_files(tmp_path: Path) -> None:
    data = dataset(tmp_path, "lmdb", "class")
    assert pickle.loads(pickle.dumps(data))[3][1] == data[3][1]


def test_it_ends_like_a_list(tmp_path: Path) -> None:
    data = dataset(tmp_path, "recordio", "class")
    assert data[-1][1] == data[6][1]
    with pytest.raises(IndexError):
        data[7]


def test_batches_of_boxes_are_kept_apart(tmp_path: Path) -> None:
    data = dataset(tmp_path, "roidb", "boxes")
    pictures, targets = keep_apart([data[0], data[1]])
    assert ([one.shape for one in pictures], [len(one["boxes"]) for one in targets]) == ([(3, 10, 20)] * 2, [1, 3])


def test_a_folder_without_a_set_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Damaged):
        FormattedDataset(tmp_path)
