"""YOLO's text files: one line a box, ``class x y width height`` as parts of the picture, beside pictures or in ``labels/``.

Format: https://docs.ultralytics.com/datasets/detect/ and /segment/, and AlexeyAB's darknet (``obj.names``). A line with three
or more points instead is an outline; a sixth number is a score. Pixels come from the size in the picture's
header, upright.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import yaml

from trainyard.datasets.frame import Frame
from trainyard.datasets.importers.media import frame_of, media_type, suffix_of
from trainyard.datasets.importers.report import Report
from trainyard.datasets.importers.tree import Tree
from trainyard.datasets.importers.turned import Labelled
from trainyard.datasets.sample import Entry, LabelSet, Point, Sample, corners

_LARGEST = 16 * 2**20
_YAML = (".yaml", ".yml")
_LISTS = ("classes.txt", "obj.names", "names.txt")


def names(tree: Tree) -> tuple[list[str], bool] | None:
    """The class names, and whether boxes carry key points behind them; None where the archive has no such table."""
    for suffix in _YAML:
        for path in tree.survey.first.get(suffix, []):
            if found := _of_yaml(tree, path):
                return found
    for path in [*tree.survey.first.get(".names", []), *tree.survey.first.get(".txt", [])]:
        last = path.rpartition("/")[2]
        if last in _LISTS or last.endswith(".names"):
            lines = tree.path(path).read_bytes()[:_LARGEST].decode("utf-8-sig", "replace").splitlines()
            return [line.strip() for line in lines if line.strip()], False
    return None


def _of_yaml(tree: Tree, path: str) -> tuple[list[str], bool] | None:
    try:
        data = tree.path(path).read_bytes()
        content: Any = yaml.safe_load(data) if len(data) <= _LARGEST else None
    except (yaml.YAMLError, ValueError, RecursionError, OSError):
        return None
    if not isinstance(content, dict):
        return None
    table = content.get("names")
    if isinstance(table, dict) and all(isinstance(key, int) and 0 <= key < 100_000 for key in table):
        table = [table.get(number, number) for number in range(max(table, default=-1) + 1)]
    if not isinstance(table, list) or not table:
        return None
    return [str(one).strip() for one in table], "kpt_shape" in content


def samples(tree: Tree, report: Report, label_set: str) -> Iterator[Sample]:
    """Every picture with the boxes of its text file; one with a broken line is left out."""
    classes, keyed = names(tree) or ([], False)
    for path in tree.media():
        labels = _labels_of(tree, path)
        kind = media_type(path) or "image"
        if labels is None:
            report.remark("unlabelled", path)
            yield Sample(0, path, kind)
            continue
        lines = _lines(tree, labels)
        frame = frame_of(tree.path(path)) if lines else Frame(1, 1)
        if frame is None:
            report.problem(path, "picture-size")
            continue
        size, picture = frame.upright, Labelled(frame)
        try:
            entries = tuple(_entry(line, classes, size, keyed=keyed) for line in lines)
        except _Bad as bad:
            report.problem(labels, "yolo", reason=str(bad))
            continue
        if any(_outside(entry, size) for entry in entries):
            report.remark("box-outside", labels)
        if picture.turned:
            report.remark("turned", path)
        yield Sample(0, path, kind, (LabelSet(label_set, "detection", picture.stored(entries)),) if entries else ())


class _Bad(Exception):
    """What is wrong with a line."""


def _lines(tree: Tree, path: str) -> list[str]:
    with tree.path(path).open("rb") as file:
        text = file.read(_LARGEST).decode("utf-8-sig", "replace")
    return [line for line in text.splitlines() if line.strip()]


def _entry(line: str, classes: list[str], size: tuple[int, int], *, keyed: bool) -> Entry:
    first, *rest = line.split()
    numbers = [_number(text, line) for text in rest]
    number = _number(first, line)
    if not number.is_integer() or not 0 <= number < (len(classes) or 100_000):
        raise _Bad(f"{line[:60]!r} has the class {first[:20]}, and there are {len(classes)}")
    name = classes[int(number)] if classes else str(int(number))
    if not name:
        raise _Bad(f"{line[:60]!r} has the class {first[:20]}, which has no name")
    if len(numbers) in (4, 5) or (keyed and len(numbers) > 5):
        score = numbers[4] if len(numbers) == 5 else None
        return Entry(name, bbox=_box(numbers[:4], size), score=score)
    if len(numbers) >= 6 and len(numbers) % 2 == 0:
        points = tuple((x * size[0], y * size[1]) for x, y in zip(numbers[::2], numbers[1::2], strict=True))
        return Entry(name, bbox=corners(points), polygon=points)
    raise _Bad(f"{line[:60]!r} has {len(numbers)} numbers behind the class")


def _number(text: str, line: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not abs(value) < 1e9:
        raise _Bad(f"{line[:60]!r} has {text[:20]!r} where a number belongs")
    return value


def _box(numbers: list[float], size: tuple[int, int]) -> tuple[Point, Point]:
    """Corners in pixels of a box that is given by centre, width and height as parts of the picture."""
    x, y, width, height = numbers
    across, down = size
    left, top = (x - width / 2) * across, (y - height / 2) * down
    return corners(((left, top), (left + width * across, top + height * down)))


def _outside(entry: Entry, size: tuple[int, int]) -> bool:
    left, top, right, bottom = entry.extent() or (0.0, 0.0, 0.0, 0.0)
    return left < -1 or top < -1 or right > size[0] + 1 or bottom > size[1] + 1


def _labels_of(tree: Tree, picture: str) -> str | None:
    """``labels/a.txt`` of ``images/a.jpg`` (the last folder of that name), or ``a.txt`` beside."""
    stem = picture[: len(picture) - len(suffix_of(picture))]
    folder, slash, name = f"/{stem}".rpartition("/images/")
    in_labels = f"{folder}/labels/{name}".lstrip("/") if slash else f"{tree.base}labels/{stem.rpartition('/')[2]}"
    return tree.inside(f"{in_labels}.txt") or tree.inside(f"{stem}.txt")
