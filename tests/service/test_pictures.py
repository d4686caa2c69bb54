"""Pictures made small: which way they are held, and what they may take."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image
from trainyard.errors import Invalid
from trainyard_service.datasets.pictures import MAX_PIXELS, shrink


def encoded(size: tuple[int, int], kind: str = "JPEG", mode: str = "RGB", orientation: int = 1) -> bytes:
    picture, buffer = Image.new(mode, size), io.BytesIO()
    picture.putpixel((0, 0), 255 if mode in ("L", "P", "1") else (255,) * len(mode))
    exif = Image.Exif()
    exif[0x0112] = orientation
    picture.save(buffer, kind, exif=exif)
    return buffer.getvalue()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_picture_is_shown_the_way_it_was_held(orientation):
    made = shrink(encoded((400, 200), orientation=orientation), 100)
    turned = orientation >= 5
    assert (made.width, made.height, made.turned) == ((200, 400, orientation) if turned else (400, 200, orientation))
    assert Image.open(io.BytesIO(made.data)).size == ((50, 100) if turned else (100, 50))


@pytest.mark.parametrize(
    ("kind", "mode"), [("PNG", "RGBA"), ("PNG", "P"), ("PNG", "1"), ("GIF", "P"), ("BMP", "RGB"), ("TIFF", "L")]
)
def test_every_kind_of_picture_is_made_small(kind, mode):
    assert max(Image.open(io.BytesIO(shrink(encoded((300, 90), kind, mode), 100).data)).size) == 100


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_sixteen_bits_are_shown_as_bright_as_they_are(kind):
    buffer = io.BytesIO()
    Image.fromarray(np.full((40, 300), 30_000, np.uint16)).save(buffer, kind)
    for size in (16, 100, 400):
        assert np.asarray(Image.open(io.BytesIO(shrink(buffer.getvalue(), size).data))).mean() == pytest.approx(
            30_000 / 256, abs=1
        )


def test_a_small_picture_stays_as_it_is():
    assert Image.open(io.BytesIO(shrink(encoded((28, 28), "PNG", "L"), 256).data)).size == (28, 28)


def test_a_picture_that_unpacks_to_too_much_is_refused_unread():
    side = int(MAX_PIXELS**0.5) + 1
    with pytest.raises(Invalid):
        shrink(encoded((side, side), "PNG", "1"), 64)
