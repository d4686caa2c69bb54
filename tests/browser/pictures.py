"""A small labelled list as a person would bring it: both schemas, boxes, Chinese, one broken line, and its pictures."""

from __future__ import annotations

import json
import zipfile
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw

COUNT = 24
CLASSES = ("汽车", "person", "traffic light")
BROKEN_LINE = 5


def write_list(path: Path) -> Path:
    """``COUNT`` good lines and one whose address is empty, at line ``BROKEN_LINE``."""
    lines = [json.dumps(_line(place), ensure_ascii=False) for place in range(COUNT)]
    lines.insert(BROKEN_LINE - 1, '{"url": "", "type": "image", "label": []}')
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def write_archive(path: Path) -> Path:
    """The pictures the list names, in a zip."""
    with zipfile.ZipFile(path, "w") as archive:
        for place in range(COUNT):
            archive.writestr(f"street/{place:02}.jpg", picture(place))
    return path


def write_class_folders(path: Path) -> Path:
    """Two classes as folders in a zip: twelve pictures of several sizes, one of them twice, and one that ends in its middle."""
    with zipfile.ZipFile(path, "w") as archive:
        for place in range(12):
            archive.writestr(f"{('圆 round', 'square')[place % 2]}/{place:02}.jpg", picture(place, 1 + place % 4))
        archive.writestr("square/again.jpg", picture(1, 2))
        archive.writestr("square/broken.jpg", picture(3, 4)[:900])
    return path


def _boxes(place: int) -> list[tuple[str, tuple[int, int, int, int]]]:
    """Class and (left, top, right, bottom) of the things drawn on picture ``place``."""
    return [
        (CLASSES[(place + number) % 3], (40 + 130 * number, 120 + 5 * place, 140 + 130 * number, 260 + 4 * place))
        for number in range(place % 3 + 1)
    ]


def _line(place: int) -> dict[str, Any]:
    whole = "day" if place % 4 else "night"
    corners = [(name, _corners(*box)) for name, box in _boxes(place)]
    if place % 2:
        boxes = [{"class": name, "pts": points} for name, points in corners]
        return {
            "url": f"street/{place:02}.jpg", "type": "image",
            "label": {"class": {"time": whole}, "detect": {"road": {"bbox": boxes}}},
        }  # fmt: skip
    entries = [{"class": name, "bbox": points} for name, points in corners]
    return {
        "url": f"street/{place:02}.jpg", "type": "image",
        "label": [
            {"name": "time", "type": "classification", "version": "1", "data": [{"class": whole}]},
            {"name": "road", "type": "detection", "version": "1", "data": entries},
        ],
    }  # fmt: skip


def _corners(left: int, top: int, right: int, bottom: int) -> list[list[int]]:
    """Clockwise from the top left, as both schemas write a box."""
    return [[left, top], [right, top], [right, bottom], [left, bottom]]


def voc_annotation(place: int) -> str:
    """The boxes of a picture as Pascal VOC writes them."""
    objects = (
        f"<object><name>{name}</name><bndbox><xmin>{left}</xmin><ymin>{top}</ymin><xmax>{right}</xmax><ymax>{bottom}</ymax></bndbox></object>"
        for name, (left, top, right, bottom) in _boxes(place)
    )
    size = "<size><width>500</width><height>375</height><depth>3</depth></size>"
    return f"<annotation><filename>{place}.jpg</filename>{size}{''.join(objects)}</annotation>"


def picture(place: int, part: int = 1) -> bytes:
    """A street as JPEG, 500 by 375 pixels or a ``part`` of that."""
    night = place % 4 == 0
    drawn = Image.new("RGB", (500, 375), "#26324d" if night else "#b9d3ea")
    draw = ImageDraw.Draw(drawn)
    draw.rectangle((0, 250, 500, 375), fill="#3f434a" if night else "#8b8f96")
    colours = {"汽车": "#c0392b", "person": "#e0b089", "traffic light": "#2e7d4f"}
    for name, box in _boxes(place):
        draw.rounded_rectangle(box, 14, fill=colours[name])
    file = BytesIO()
    drawn.resize((500 // part, 375 // part)).save(file, "JPEG", quality=90)
    return file.getvalue()
