"""Every operation takes every kind of picture as it comes from its file: grey ones, deep ones, printed ones and tiny ones."""

from __future__ import annotations

import io
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image
from trainyard.datasets.codec import decode_picture
from trainyard.graph.operations import OPERATIONS, choose, render, step

from .strategies import rng

SLOPE = np.tile(np.linspace(0, 255, 48).astype(np.uint8), (32, 1))


def saved(picture: Image.Image, kind: str, **more: Any) -> bytes:
    file = io.BytesIO()
    picture.save(file, kind, **more)
    return file.getvalue()


GREY, COLOUR = Image.fromarray(SLOPE), Image.fromarray(SLOPE).convert("RGB")
LYING = Image.Exif()
LYING[0x0112] = 6
FILES = {
    "grey.jpg": saved(GREY, "JPEG"),
    "grey-progressive.jpg": saved(GREY, "JPEG", progressive=True),
    "grey-lying.jpg": saved(GREY, "JPEG", exif=LYING),
    "grey.png": saved(GREY, "PNG"),
    "one-bit.png": saved(GREY.convert("1"), "PNG"),
    "grey-clear.png": saved(GREY.convert("LA"), "PNG"),
    "deep.png": cv2.imencode(".png", SLOPE.astype(np.uint16) * 257)[1].tobytes(),
    "grey.gif": saved(GREY, "GIF"),
    "grey.tif": saved(GREY, "TIFF"),
    "colour.jpg": saved(COLOUR, "JPEG"),
    "printed.jpg": saved(COLOUR.convert("CMYK"), "JPEG"),
    "clear.webp": saved(COLOUR.convert("RGBA"), "WEBP"),
    "palette.png": saved(COLOUR.convert("P"), "PNG"),
}
VARIANTS = [
    (name, {choosing.name: choice.value})
    for name, operation in OPERATIONS.items()
    for choosing in operation.parameters
    if choosing.kind == "choice"
    for choice in choosing.choices
] + [(name, {}) for name in OPERATIONS]


@pytest.mark.parametrize("name", FILES)
def test_a_picture_is_grey_or_has_three_channels(name: str) -> None:
    pixels = decode_picture(FILES[name]).pixels
    assert pixels.ndim == 2 or pixels.shape[2:] == (3,)
    assert 100 < pixels.mean() < 160


@pytest.mark.parametrize("name", FILES)
def test_every_operation_keeps_its_channels(name: str) -> None:
    pixels = decode_picture(FILES[name]).pixels
    made = {f"{one}{how}": render(pixels, choose([step(one, how)], rng(7))).shape[2:] for one, how in VARIANTS}
    assert made == dict.fromkeys(made, pixels.shape[2:])
