"""Archives for the tests: real pictures and real annotations, packed as people pack them."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping

import numpy as np
from PIL import Image


def jpeg(width: int = 40, height: int = 30, orientation: int = 1) -> bytes:
    """A grey picture, which Exif may turn."""
    buffer, exif = io.BytesIO(), Image.Exif()
    if orientation > 1:
        exif[0x0112] = orientation
    Image.fromarray(np.full((height, width, 3), 90, np.uint8)).save(buffer, "JPEG", exif=exif)
    return buffer.getvalue()


def zip_of(files: Mapping[str, bytes | str]) -> bytes:
    """A zip with these members."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def voc_object(name: str, shape: str, more: str = "") -> str:
    """One object of a VOC file."""
    return f"<object><name>{name}</name>{more}{shape}</object>"


def box(xmin: object = 1, ymin: object = 2, xmax: object = 9, ymax: object = 8) -> str:
    """A bounding box of a VOC file."""
    return f"<bndbox><xmin>{xmin}</xmin><ymin>{ymin}</ymin><xmax>{xmax}</xmax><ymax>{ymax}</ymax></bndbox>"


def voc_xml(*names: str, objects: str = "", filename: str = "1.jpg") -> str:
    """A VOC file with a box of each class, and further objects."""
    inner = "".join(voc_object(name, box()) for name in names) + objects
    size = "<size><width>40</width><height>30</height><depth>3</depth></size>"
    return f"<annotation><folder>x</folder><filename>{filename}</filename>{size}{inner}</annotation>"
