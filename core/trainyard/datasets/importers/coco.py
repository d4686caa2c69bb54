"""COCO's instances files: ``images``, ``annotations`` and ``categories`` in one JSON document.

Format: https://cocodataset.org/#format-data. ``bbox`` is ``[x, y, width, height]``. The largest ring of a segmentation becomes
the entry's polygon; crowds are marked; captions and keypoint files are passed over where there are instances. A document of
any size is read as a stream and sorted by picture in a file on disk.
"""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import ijson
import msgspec

from trainyard.datasets.importers.media import media_type
from trainyard.datasets.importers.report import Report
from trainyard.datasets.importers.tree import Tree
from trainyard.datasets.importers.turned import Labelled
from trainyard.datasets.sample import Entry, LabelSet, Point, Sample, corners

_HEAD = 1 << 20
_SHOWN = 80
_FAR = 1e15
_ERRORS = (ijson.JSONError, UnicodeDecodeError, RecursionError)
Wrong = tuple[str, dict[str, Any]]


def is_coco(path: Path) -> bool:
    """Whether a JSON document begins like COCO's: an object that has images, and annotations or categories."""
    with path.open("rb") as file:
        head = file.read(_HEAD)
    begins = head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{")
    if not begins or (b'"images"' in head and (b'"annotations"' in head or b'"categories"' in head)):
        return begins
    try:
        with path.open("rb") as file:
            tops = {value for prefix, event, value in ijson.parse(file) if event == "map_key" and not prefix}
    except _ERRORS:
        return False
    return {"images", "annotations"} <= tops


def documents(tree: Tree) -> list[str]:
    """The instances files of an archive: by their names where some are called so, else all."""
    found = [path for path in tree.survey.first.get(".json", []) if is_coco(tree.path(path))]
    named = [path for path in found if "instance" in path.rpartition("/")[2].lower()]
    others = [path for path in found if not path.rpartition("/")[2].startswith(("captions", "person_keypoints", "image_info"))]
    return named or others or found


def samples(tree: Tree, report: Report, label_set: str) -> Iterator[Sample]:
    """Every picture that a document names, with its boxes; pictures that none names are reported."""
    with Sorted(tree.root.with_name(".coco.sqlite")) as store:
        for number, path in enumerate(documents(tree)):
            try:
                _read(tree.path(path), number, store)
            except _ERRORS as error:
                report.problem(path, "coco", reason=str(error)[:_SHOWN])
                continue
            yield from _samples_of(tree, report, label_set, (number, path), store)
        for path in tree.media():
            if not store.used(path):
                report.problem(path, "picture-unnamed")


def _read(path: Path, number: int, store: Sorted) -> None:
    with store.filling():
        for key in ("categories", "images", "annotations"):
            with path.open("rb") as file:
                for item in ijson.items(file, f"{key}.item", use_float=True):
                    store.add(key, number, item)


def _samples_of(tree: Tree, report: Report, label_set: str, document: tuple[int, str], store: Sorted) -> Iterator[Sample]:
    number, path = document
    classes = store.classes(number)
    for image, found in store.pictures(number):
        name = str(image.get("file_name") or "")
        try:
            picture = tree.find(name, *_folders(tree, path)) if name else None
        except LookupError:
            report.problem(path, "picture-several", picture=name[:_SHOWN])
            continue
        if picture is None:
            report.problem(path, "picture-missing", picture=name[:_SHOWN] or str(image)[:_SHOWN])
            continue
        store.use(picture)
        try:
            entries = tuple(_entry(one, classes) for one in found)
        except _Bad as bad:
            report.problem(path, "coco", reason=f"{name[:_SHOWN]}: {bad}")
            continue
        if _outside(image, entries):
            report.remark("box-outside", picture)
        shown = Labelled.at(tree.path(picture), _size(image)) if entries else Labelled()
        if shown.turned:
            report.remark("turned", picture)
        labels = (LabelSet(label_set, "detection", shown.stored(entries)),) if entries else ()
        yield Sample(0, picture, media_type(picture) or "image", labels)


class _Bad(Exception):
    """What is wrong with an annotation."""


def _entry(one: dict[str, Any], classes: dict[str, str]) -> Entry:
    category = _key(one.get("category_id"))
    if category not in classes:
        raise _Bad(f"there is no category {category[:_SHOWN]}")
    box, polygon = _box(one.get("bbox")), _largest(one.get("segmentation"))
    if box is None:
        if polygon is None:
            raise _Bad(f"bbox is {str(one.get('bbox'))[:_SHOWN]} instead of [x, y, width, height]")
        box = corners(polygon)
    score = one.get("score")
    return Entry(
        classes[category],
        bbox=box,
        score=float(score) if isinstance(score, int | float) and math.isfinite(score) else None,
        polygon=polygon,
        crowd=True if one.get("iscrowd") == 1 else None,
    )


def _box(values: Any) -> tuple[Point, Point] | None:
    """Corners of ``[x, y, width, height]``; the third and fourth number are no corner."""
    if not isinstance(values, list) or len(values) != 4 or not _finite(values):
        return None
    x, y, width, height = map(float, values)
    return corners(((x, y), (x + width, y + height)))


def _finite(values: list[Any]) -> bool:
    try:
        return bool(max(map(abs, values)) < _FAR)
    except TypeError:
        return False


def _largest(rings: Any) -> tuple[Point, ...] | None:
    """The ring with the largest area; run lengths, which crowds have, are no outline."""
    if not isinstance(rings, list):
        return None
    found = [
        tuple(zip(map(float, ring[::2]), map(float, ring[1::2]), strict=False))
        for ring in rings
        if isinstance(ring, list) and len(ring) >= 6 and _finite(ring)
    ]
    return found[0] if len(found) == 1 else max(found, key=_area, default=None)


def _area(points: tuple[Point, ...]) -> float:
    """Twice the area by the shoelace formula."""
    return abs(sum(x1 * y2 - x2 * y1 for (x1, y1), (x2, y2) in zip(points, points[1:] + points[:1], strict=True)))


def _size(image: dict[str, Any]) -> tuple[float, float]:
    """Width and height that the document tells; (0, 0) where it does not."""
    width, height = image.get("width"), image.get("height")
    if isinstance(width, int | float) and isinstance(height, int | float):
        return width, height
    return 0, 0


def _outside(image: dict[str, Any], entries: tuple[Entry, ...]) -> bool:
    width, height = _size(image)
    if not (width and height):
        return False
    boxes = (entry.extent() or (0.0, 0.0, 0.0, 0.0) for entry in entries)
    return any(box[0] < -1 or box[1] < -1 or box[2] > width + 1 or box[3] > height + 1 for box in boxes)


def _folders(tree: Tree, document: str) -> list[str]:
    """Where its pictures may lie: ``images``, beside it, or the folder of its split (``val2017`` of instances_val2017.json)."""
    folder = document.rpartition("/")[0]
    above = folder.rpartition("/")[0]
    split = document.rpartition("/")[2].rpartition(".")[0].rpartition("_")[2]
    tops = [f"{top}/" if top else "" for top in dict.fromkeys((tree.base.rstrip("/"), folder, above, ""))]
    return [f"{top}{inner}" for top in tops for inner in (f"{split}/", f"images/{split}/", "images/", "")]


def _key(value: Any) -> str:
    """An id as text: documents have numbers, and some have text."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


class Sorted:
    """A document on disk, its annotations sorted by picture."""

    def __init__(self, path: Path) -> None:
        self._path = path
        path.unlink(missing_ok=True)
        self._sql = sqlite3.connect(path, isolation_level=None)
        self._sql.executescript(
            """PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;
            CREATE TABLE categories (document INT, key TEXT, name TEXT);
            CREATE TABLE images (number INTEGER PRIMARY KEY, document INT, key TEXT, data BLOB);
            CREATE TABLE annotations (number INTEGER PRIMARY KEY, document INT, key TEXT, data BLOB);
            CREATE TABLE used (path TEXT PRIMARY KEY) WITHOUT ROWID;"""
        )

    def __enter__(self) -> Sorted:
        return self

    def __exit__(self, *exception: object) -> None:
        self._sql.close()
        self._path.unlink(missing_ok=True)

    @contextmanager
    def filling(self) -> Iterator[None]:
        """One transaction for a whole document, and the order by picture made afterwards: both many times faster."""
        self._sql.execute("DROP INDEX IF EXISTS by_picture")
        self._sql.execute("BEGIN")
        try:
            yield
        finally:
            self._sql.execute("COMMIT")
            self._sql.execute("CREATE INDEX by_picture ON annotations (document, key)")

    def add(self, table: str, document: int, item: Any) -> None:
        """One entry of a list; what is no object is no entry."""
        if not isinstance(item, dict):
            return
        if table == "categories":
            name = str(item.get("name") or "").strip() or _key(item.get("id"))
            self._sql.execute("INSERT INTO categories VALUES (?, ?, ?)", (document, _key(item.get("id")), name))
            return
        key = _key(item.get("image_id" if table == "annotations" else "id"))
        insert = "INSERT INTO images (document, key, data) VALUES (?, ?, ?)"
        insert = insert if table == "images" else insert.replace("images", "annotations")
        self._sql.execute(insert, (document, key, msgspec.json.encode(item)))

    def classes(self, document: int) -> dict[str, str]:
        """Category ids and names."""
        return dict(self._sql.execute("SELECT key, name FROM categories WHERE document = ?", (document,)))

    def pictures(self, document: int) -> Iterator[tuple[dict[str, Any], list[dict[str, Any]]]]:
        """Each picture in the order of the document, with its annotations in theirs."""
        for key, data in self._sql.execute("SELECT key, data FROM images WHERE document = ? ORDER BY number", (document,)):
            query = "SELECT data FROM annotations WHERE document = ? AND key = ? ORDER BY number"
            found = [msgspec.json.decode(row[0]) for row in self._sql.execute(query, (document, key))]
            yield msgspec.json.decode(data), found

    def use(self, path: str) -> None:
        """A document names this picture."""
        self._sql.execute("INSERT OR IGNORE INTO used VALUES (?)", (path,))

    def used(self, path: str) -> bool:
        """Whether a document names it."""
        return self._sql.execute("SELECT 1 FROM used WHERE path = ?", (path,)).fetchone() is not None
