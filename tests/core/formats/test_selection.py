"""Which samples of a list are formatted, and what their labels become, for every type of label set."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from trainyard.errors import Invalid
from trainyard.formats.record import UNLABELLED, Box, Labels, one_class, several_classes
from trainyard.formats.selection import Selection

SQUARE = [[1, 2], [11, 2], [11, 12], [1, 12]]


def listed(folder: Path, *pictures: list[dict[str, Any]] | None) -> Path:
    """A list with one line for each picture's label sets; None is a picture without."""
    lines = [json.dumps({"url": f"{number}.jpg", "label": label or []}) for number, label in enumerate(pictures)]
    (folder / "index.jsonl").write_text("\n".join(lines))
    return folder / "index.jsonl"


def one(kind: str, *data: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"name": "a", "type": kind, "data": list(data)}]


def told(path: Path, key: str) -> tuple[str, list[Labels], dict[str, int]]:
    chosen = Selection(path, key)
    found = [chosen.labels_of(chosen.sample(number)) for number in range(len(chosen))]
    chosen.close()
    return chosen.kind, found, chosen.labels


def test_one_class_a_picture_is_its_index(tmp_path: Path) -> None:
    path = listed(tmp_path, one("classification", {"class": "dog"}), None, one("classification", {"class": "cat"}))
    assert told(path, "classification.a") == ("class", [one_class(1), one_class(0)], {"cat": 0, "dog": 1})


def test_one_picture_with_two_classes_makes_the_set_one_of_several(tmp_path: Path) -> None:
    path = listed(tmp_path, one("classification", {"class": "b"}), one("classification", {"class": "a"}, {"class": "b"}))
    assert told(path, "classification.a")[:2] == ("classes", [several_classes((0, 1)), several_classes((1, 1))])


def test_boxes_are_the_extent_of_their_points(tmp_path: Path) -> None:
    hard = {"class": "dog", "bbox": [[5, 5], [3, 9], [4, 1]], "difficult": True}
    path = listed(tmp_path, one("detection", {"class": "cat", "bbox": SQUARE}, hard), None)
    kind, found, _ = told(path, "detection.a")
    assert (kind, len(found)) == ("boxes", 1)
    assert found[0].boxes == (Box(0, 1, 2, 11, 12), Box(1, 3, 1, 5, 9, True))


def test_a_crowd_counts_as_difficult_and_the_set_says_so(tmp_path: Path) -> None:
    chosen = Selection(listed(tmp_path, one("detection", {"class": "cat", "bbox": SQUARE, "crowd": True})), "detection.a")
    assert chosen.difficult
    chosen.close()


def test_faces_are_of_the_class_they_name_or_of_the_class_face(tmp_path: Path) -> None:
    path = listed(tmp_path, one("face", {"bbox": SQUARE}, {"bbox": SQUARE, "class": "ann"}, {"cluster": {"id": "x"}}))
    kind, found, labels = told(path, "face.a")
    assert (kind, labels, [box.label for box in found[0].boxes]) == ("boxes", {"ann": 0, "face": 1}, [1, 0])


def test_without_a_label_set_every_picture_is_taken_unlabelled(tmp_path: Path) -> None:
    path = listed(tmp_path, None, one("classification", {"class": "cat"}))
    assert told(path, "") == ("none", [UNLABELLED] * 2, {})


@pytest.mark.parametrize(
    ("key", "code"),
    [
        ("segmentation.a", "label-set-type"),
        ("classification.b", "label-set-unknown"),
        ("face.a", "label-set-without-boxes"),
    ],
)
def test_what_cannot_be_selected_is_refused(tmp_path: Path, key: str, code: str) -> None:
    with pytest.raises(Invalid) as refused:
        Selection(listed(tmp_path, one("face", {"cluster": {"id": "x"}})), key)
    assert refused.value.code == code


def test_a_list_of_nothing_is_refused_without_a_label_set_too(tmp_path: Path) -> None:
    with pytest.raises(Invalid) as refused:
        Selection(listed(tmp_path), "")
    assert refused.value.code == "list-without-pictures"
