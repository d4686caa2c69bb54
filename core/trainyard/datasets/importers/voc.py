"""PASCAL VOC annotations, one XML file a picture, with the shapes that ModelArts adds (polygon, circle).

Format: http://host.robots.ox.ac.uk/pascal/VOC/voc2012/htmldoc/devkit_doc.html section "Annotations", and the VOC files of
Huawei ModelArts. Numbers are taken as they stand: VOC's own count pixels from 1, most tools' from 0.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import msgspec

from trainyard.datasets.importers.media import PICTURES, media_type, suffix_of
from trainyard.datasets.importers.report import Report
from trainyard.datasets.importers.tree import Tree
from trainyard.datasets.importers.turned import Labelled
from trainyard.datasets.sample import Entry, LabelSet, Point, Sample, corners

MAX_XML = 16 * 2**20
MAX_OBJECTS = 100_000
_LINES = frozenset({"polyline", "line", "dashed", "point"})


class BadAnnotation(Exception):
    """Why an annotation cannot be used: a code of ``report.REASONS`` and what it says."""

    def __init__(self, code: str, **values: object) -> None:
        super().__init__(code, values)
        self.code, self.values = code, values


class Annotation(msgspec.Struct):
    """What one VOC file says. ``size`` is (width, height), (0, 0) where it is left out; ``left_out`` objects had no area."""

    filename: str
    size: tuple[float, float]
    entries: tuple[Entry, ...]
    left_out: int = 0

    def outside(self) -> bool:
        """Whether a box reaches beyond the picture, as far as its size is told."""
        width, height = self.size
        return any(
            left < 0 or top < 0 or (width and right > width + 1) or (height and bottom > height + 1)
            for left, top, right, bottom in (entry.extent() or (0.0, 0.0, 0.0, 0.0) for entry in self.entries)
        )


def read_annotation(data: bytes) -> Annotation:
    """The annotation in ``data``.

    Raises:
        BadAnnotation: no XML, no VOC, or an object without class or with numbers that are none.
    """
    if len(data) > MAX_XML:
        raise BadAnnotation("too-long", size=len(data), limit=MAX_XML)
    if b"<!ENTITY" in data:
        raise BadAnnotation("xml-entities")
    try:
        root = ElementTree.fromstring(data)  # noqa: S314 - entities are refused above, expat limits the rest
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        raise BadAnnotation("xml", reason=str(error)) from None
    if root.tag != "annotation":
        raise BadAnnotation("voc", reason=f"<{root.tag[:40]}> instead of <annotation>")
    objects = root.findall("object")
    if len(objects) > MAX_OBJECTS:
        raise BadAnnotation("voc", reason=f"{len(objects)} objects")
    entries = [_entry(one, number) for number, one in enumerate(objects, 1)]
    found = tuple(entry for entry in entries if entry is not None)
    size = (_size(root, "width"), _size(root, "height"))
    return Annotation(_text(root, "filename"), size, found, len(entries) - len(found))


def _entry(one: Element, number: int) -> Entry | None:
    """One object; None for points and lines, which have no area."""
    name = _text(one, "name")
    if not name:
        raise BadAnnotation("voc", reason=f"object {number} has no name")
    box, polygon = _shape(one, number)
    if box is None:
        return None
    score = _text(one, "confidence")
    return Entry(
        name,
        bbox=box,
        score=_number(score, number) if score else None,
        polygon=polygon,
        difficult=True if _text(one, "difficult") in ("1", "true") else None,
    )


def _shape(one: Element, number: int) -> tuple[tuple[Point, ...] | None, tuple[Point, ...] | None]:
    """Box and outline of an object."""
    if (box := one.find("bndbox")) is not None:
        left, top, right, bottom = (_number(_text(box, key), number) for key in ("xmin", "ymin", "xmax", "ymax"))
        return corners(((left, top), (right, bottom))), None
    if (polygon := one.find("polygon")) is not None:
        points = _points(polygon, number)
        return corners(points), points
    if (circle := one.find("circle")) is not None:
        x, y, radius = (_number(_text(circle, key), number) for key in ("cx", "cy", "r"))
        return corners(((x - radius, y - radius), (x + radius, y + radius))), None
    if any(one.find(shape) is not None for shape in _LINES):
        return None, None
    raise BadAnnotation("voc", reason=f"object {number} has no bndbox")


def _points(polygon: Element, number: int) -> tuple[Point, ...]:
    """``<x1>…</x1><y1>…</y1><x2>…`` in the order of their numbers, or LabelMe's ``<pt><x/><y/></pt>``."""
    if found := polygon.findall("pt"):
        points = [(_number(_text(pt, "x"), number), _number(_text(pt, "y"), number)) for pt in found]
    else:
        values = {child.tag: child.text or "" for child in polygon}
        count = sum(tag.startswith("x") for tag in values)
        points = [
            (_number(values.get(f"x{i}", ""), number), _number(values.get(f"y{i}", ""), number)) for i in range(1, count + 1)
        ]
    if len(points) < 3:
        raise BadAnnotation("voc", reason=f"the polygon of object {number} has {len(points)} points")
    return tuple(points)


def _text(element: Element, name: str) -> str:
    return (element.findtext(name) or "").strip()


def _number(text: str, number: int) -> float:
    try:
        value = float(text.strip())
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise BadAnnotation("voc", reason=f"object {number} has {text[:40]!r} where a number belongs")
    return value


def _size(root: Element, name: str) -> float:
    try:
        value = float(_text(root, f"size/{name}"))
    except ValueError:
        return 0.0
    return value if math.isfinite(value) else 0.0


def samples(tree: Tree, report: Report, label_set: str) -> Iterator[Sample]:
    """Every picture with the annotation of its name: ``JPEGImages/1.jpg`` and ``Annotations/1.xml``, or both in one folder."""
    renamed = dict(_renamed(tree, report))
    for path in tree.files():
        kind = media_type(path)
        if kind is None or _is_mask(path):
            continue
        xml = renamed.get(path) or _annotation_of(tree, path)
        if xml is None:
            report.remark("unlabelled", path)
            yield Sample(0, path, kind)
            continue
        try:
            found = read_annotation(tree.path(xml).read_bytes())
        except BadAnnotation as bad:
            report.problem(xml, bad.code, **bad.values)
            continue
        if found.outside():
            report.remark("box-outside", xml)
        if found.left_out:
            report.remark("shape", xml)
        shown = Labelled.at(tree.path(path), found.size) if found.entries else Labelled()
        if shown.turned:
            report.remark("turned", path)
        labels = (LabelSet(label_set, "detection", shown.stored(found.entries)),) if found.entries else ()
        yield Sample(0, path, kind, labels)


def _annotation_of(tree: Tree, picture: str) -> str | None:
    """The XML file that belongs to a picture by its name."""
    folder, _, name = picture.rpartition("/")
    stem = name[: len(name) - len(suffix_of(name))]
    above = folder.rpartition("/")[0]
    tops = [folder, f"{above}/Annotations", f"{folder}/Annotations", f"{tree.base}Annotations", f"{above}/annotations"]
    names = (f"{top}/{stem}{end}".lstrip("/") for top in tops for end in (".xml", ".XML"))
    return next((found for name in names if (found := tree.inside(name))), None)


def _renamed(tree: Tree, report: Report) -> Iterator[tuple[str, str]]:
    """Annotations whose picture has another name, which they tell; what has no picture at all is reported."""
    for path in tree.files():
        if suffix_of(path) != ".xml" or _picture_of(tree, path):
            continue
        try:
            named = read_annotation(tree.path(path).read_bytes()).filename
            folder = path.rpartition("/")[0]
            picture = tree.find(named, f"{folder}/", f"{folder.rpartition('/')[0]}/JPEGImages/") if named else None
        except BadAnnotation as bad:
            report.problem(path, bad.code, **bad.values)
            continue
        except LookupError as several:
            report.problem(path, "picture-several", picture=str(several.args[0]))
            continue
        if picture is None:
            report.problem(path, "picture-missing", picture=named or path)
        else:
            yield picture, path


def _picture_of(tree: Tree, xml: str) -> str | None:
    """The picture of the same name as an XML file, beside it or in ``JPEGImages``."""
    folder, _, name = xml.rpartition("/")
    above = folder.rpartition("/")[0]
    tops = (folder, f"{above}/JPEGImages", above, f"{above}/images", f"{tree.base}JPEGImages")
    endings = [ending for suffix in sorted(PICTURES) for ending in (suffix, suffix.upper())]
    return next(
        (found for top in tops for end in endings if (found := tree.inside(f"{top}/{name[:-4]}{end}".lstrip("/")))), None
    )


def _is_mask(path: str) -> bool:
    """Whether a picture shows the segmentation of another one."""
    return any(part in ("SegmentationClass", "SegmentationObject") for part in path.split("/")[:-1])
