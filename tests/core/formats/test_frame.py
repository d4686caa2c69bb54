"""Boxes go where their objects go when a picture is turned upright and resized."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image, ImageOps
from trainyard.datasets.frame import Frame
from trainyard.formats.frame import framed
from trainyard.formats.picture import Recipe, format_picture
from trainyard.formats.record import Box

WIDTH, HEIGHT = 60, 40
MARK = Box(3, 10, 5, 25, 15)


def marked() -> Image.Image:
    """A black picture with a white object where ``MARK`` is."""
    pixels = np.zeros((HEIGHT, WIDTH), np.uint8)
    pixels[5:15, 10:25] = 255
    return Image.fromarray(pixels)


def white_box(picture: Image.Image) -> tuple[int, ...]:
    return Image.fromarray((np.asarray(picture.convert("L")) > 127).astype(np.uint8)).getbbox() or ()


def turned(orientation: int, kind: str) -> bytes:
    """A file that stores the picture as it is and says how it is to be turned."""
    file, exif = io.BytesIO(), Image.Exif()
    exif[0x0112] = orientation
    marked().save(file, kind, exif=exif)
    return file.getvalue()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_box_stays_on_its_object_however_the_picture_lies(orientation: int) -> None:
    shown = ImageOps.exif_transpose(Image.open(io.BytesIO(turned(orientation, "PNG"))))
    (moved,) = framed((MARK,), Frame(WIDTH, HEIGHT, orientation), shown.size)
    assert moved[1:5] == white_box(shown)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["TIFF", "JPEG", "WEBP", "PNG"])
def test_formatted_pictures_stand_upright_with_their_boxes(orientation: int, kind: str) -> None:
    made = format_picture(turned(orientation, kind), Recipe(quality=100))
    seen = Image.open(io.BytesIO(made.data))
    (moved,) = framed((MARK,), made.frame, (made.width, made.height))
    assert seen.size == (made.width, made.height)
    assert np.abs(np.subtract(moved[1:5], white_box(seen))).max() <= 1


def test_a_picture_is_turned_as_its_exif_says_though_xmp_follows() -> None:
    file, exif = io.BytesIO(), Image.Exif()
    exif[0x0112] = 6
    marked().save(file, "JPEG", exif=exif, xmp=b"<x:xmpmeta xmlns:x='adobe:ns:meta/'></x:xmpmeta>")
    made = format_picture(file.getvalue(), Recipe(quality=100))
    assert (made.width, made.height, made.frame.orientation) == (HEIGHT, WIDTH, 6)


@pytest.mark.parametrize(("resize", "size"), [("20", (30, 20)), ("120x20", (120, 20)), ("", (60, 40))])
def test_a_box_is_resized_with_its_picture(resize: str, size: tuple[int, int]) -> None:
    assert Recipe(resize).size(WIDTH, HEIGHT) == size
    (moved,) = framed((MARK,), Frame(WIDTH, HEIGHT), size)
    across, down = size[0] / WIDTH, size[1] / HEIGHT
    assert moved == Box(3, 10 * across, 5 * down, 25 * across, 15 * down)


def test_what_reaches_over_the_edge_is_cut_and_what_lies_outside_is_left_out() -> None:
    boxes = (Box(0, -5, 10, 20, 99, difficult=True), Box(1, 60, 0, 70, 10), Box(2, 5, 5, 5, 9))
    assert framed(boxes, Frame(WIDTH, HEIGHT), (WIDTH, HEIGHT)) == (Box(0, 0, 10, 20, 40, difficult=True),)
