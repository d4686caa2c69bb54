"""One pass over a list counts it, indexes it, and writes the manifest last."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from trainyard.datasets.folder import DatasetFolder, Stopped
from trainyard.datasets.sources import FolderSource, Sources
from trainyard.errors import Invalid


def line(number: int, kind: str | None) -> str:
    labels = [{"name": "animal", "type": "classification", "data": [{"class": kind}]}] if kind else []
    return json.dumps({"url": f"{number}.jpg", "type": "image", "label": labels}, ensure_ascii=False)


def dataset(tmp_path: Path, lines: list[str]) -> DatasetFolder:
    (tmp_path / "index.jsonl").write_text("\n".join(lines))
    return DatasetFolder(tmp_path)


KINDS = ["cat", "dog", None, "猫", "cat", "cat"]


def test_classes_are_counted(tmp_path: Path) -> None:
    statistics = dataset(tmp_path, [line(n, kind) for n, kind in enumerate(KINDS)]).prepare()
    assert statistics.to_record().label_sets[0].classes == {"cat": 3, "dog": 1, "猫": 1}


def test_unlabelled_pictures_and_problems_are_counted(tmp_path: Path) -> None:
    statistics = dataset(tmp_path, [line(1, None), "{", line(2, "cat")]).prepare()
    assert (statistics.lines, statistics.unlabelled, statistics.problems_total) == (3, 1, 1)


def test_boxes_are_counted_as_objects(tmp_path: Path) -> None:
    box = {"class": "dog", "bbox": [[1, 1], [2, 2]]}
    text = json.dumps({"url": "a", "type": "image", "label": [{"name": "g", "type": "detection", "data": [box, box]}]})
    record = dataset(tmp_path, [text]).prepare().to_record()
    assert (record.objects, record.label_sets[0].classes, record.label_sets[0].objects_by_class) == (
        2,
        {"dog": 1},
        {"dog": 2},
    )


def test_a_page_is_found_by_its_place(tmp_path: Path) -> None:
    folder = dataset(tmp_path, ["{", *(line(n, "cat") for n in range(50))])
    folder.prepare()
    assert [sample.url for sample in folder.index().page(10, 3)] == ["10.jpg", "11.jpg", "12.jpg"]


def test_a_page_of_some_classes_keeps_the_order_of_the_list(tmp_path: Path) -> None:
    folder = dataset(tmp_path, [line(n, kind) for n, kind in enumerate(KINDS)])
    folder.prepare()
    total, found = folder.index().class_page("classification.animal", ("cat", "dog"), 1, 2)
    assert (total, [sample.url for sample in found]) == (4, ["1.jpg", "4.jpg"])


def test_the_unlabelled_are_a_page_of_their_own(tmp_path: Path) -> None:
    folder = dataset(tmp_path, [line(n, kind) for n, kind in enumerate(KINDS)])
    folder.prepare()
    assert folder.index().numbers().tolist() == [2]


def test_index_agrees_with_the_list_beyond_one_buffer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trainyard.datasets.index._BUFFER", 7)
    kinds = [str(n) for n in np.random.default_rng(3).integers(0, 5, 200)]
    folder = dataset(tmp_path, [line(n, kind) for n, kind in enumerate(kinds)])
    folder.prepare()
    index = folder.index()
    for kind in set(kinds):
        expected = [n for n, other in enumerate(kinds) if other == kind]
        assert index.numbers("classification.animal", (kind,)).tolist() == expected


def test_a_sample_is_found_by_its_line(tmp_path: Path) -> None:
    folder = dataset(tmp_path, ["{", line(7, "cat")])
    folder.prepare()
    found = folder.index().at_line(2)
    assert found is not None
    assert (found.url, folder.index().at_line(1)) == ("7.jpg", None)


@pytest.mark.parametrize(("lines", "code"), [([], "list-empty"), (["{", "["], "list-without-samples")])
def test_a_list_without_samples_is_refused_and_leaves_no_manifest(tmp_path: Path, lines: list[str], code: str) -> None:
    folder = dataset(tmp_path, lines)
    with pytest.raises(Invalid) as refused:
        folder.prepare()
    assert (refused.value.code, folder.complete) == (code, False)


def test_a_stop_leaves_no_manifest(tmp_path: Path) -> None:
    folder = dataset(tmp_path, [line(1, "cat")])
    with pytest.raises(Stopped):
        folder.prepare(should_stop=lambda: True)
    assert not folder.complete


FASHION = Path("/usr/share/datasets/fashion-mnist")


@pytest.mark.slow
@pytest.mark.skipif(not FASHION.exists(), reason="Debian's dataset-fashion-mnist is not installed")
def test_fashion_mnist_is_built_whole_from_its_package(tmp_path: Path) -> None:
    from trainyard.datasets.public import build_fashion_mnist

    statistics = build_fashion_mnist(tmp_path / "set")
    folder = DatasetFolder(tmp_path / "set")
    first = folder.index().page(0, 1)[0]
    assert Sources(FolderSource({"": folder.pictures})).read(first.url).startswith(b"\x89PNG")
    assert set(statistics.to_record().label_sets[0].classes.values()) == {7000}
