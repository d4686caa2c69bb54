"""Pictures pass through untouched where nothing changes, and are brought into shape where something does."""

from __future__ import annotations

import io
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image
from trainyard.datasets.frame import Frame
from trainyard.datasets.sources import PictureProblem
from trainyard.errors import Invalid
from trainyard.formats.picture import Encoded, Recipe, check_recipe, format_picture

from benchmarks._pictures import photograph
from tests.core.formats.pictures import array, encoded


def pixels(data: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(data)) as picture:
        return np.asarray(picture)


def saved(picture: Image.Image, kind: str, **more: object) -> bytes:
    file = io.BytesIO()
    picture.save(file, kind, **more)
    return file.getvalue()


def refusal(data: bytes, recipe: Recipe | None = None) -> str:
    with pytest.raises(PictureProblem) as refused:
        format_picture(data, recipe or Recipe())
    return refused.value.code


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
@pytest.mark.parametrize("channels", [1, 3])
def test_nothing_to_change_keeps_every_byte(kind: str, channels: int) -> None:
    data = encoded(kind, channels=channels)
    assert format_picture(data, Recipe()) == Encoded(data, channels, 30, 40, Frame(40, 30))


def test_the_size_asked_for_keeps_every_byte() -> None:
    data = encoded()
    assert format_picture(data, Recipe("30")).data == data


@pytest.mark.parametrize(("resize", "size"), [("15", (15, 20)), ("60", (60, 80)), ("8x9", (9, 8))])
def test_pictures_are_resized(resize: str, size: tuple[int, int]) -> None:
    made = format_picture(encoded(), Recipe(resize))
    assert pixels(made.data).shape == (*size, 3) == (made.height, made.width, made.channels)


def test_a_large_jpeg_decoded_at_reduced_scale_looks_like_the_full_one() -> None:
    data = encoded(width=1600, height=1200)
    reference = Image.fromarray(pixels(data)).resize((80, 60), Image.Resampling.BOX)
    difference = pixels(format_picture(data, Recipe("60", quality=100)).data).astype(int) - np.asarray(reference).astype(int)
    assert np.abs(difference).mean() < 3


def test_cmyk_becomes_rgb() -> None:
    made = format_picture(saved(Image.fromarray(array()).convert("CMYK"), "JPEG"), Recipe())
    assert pixels(made.data).shape == (30, 40, 3)


def test_sixteen_bits_keep_the_upper_eight() -> None:
    deep = Image.fromarray((array(channels=1).astype(np.uint16) << 8) + 77)
    made = format_picture(saved(deep, "PNG"), Recipe())
    assert np.array_equal(pixels(made.data), array(channels=1))


@pytest.mark.parametrize(
    ("mode", "colour", "clear"),
    [
        ("RGBA", (10, 20, 30, 0), None),
        ("LA", (9, 0), None),
        ("RGB", (1, 2, 3), (1, 2, 3)),
        ("L", 9, 9),
        ("P", 0, 0),
        ("1", 0, 0),
    ],
)
def test_transparency_lies_on_white(mode: str, colour: Any, clear: Any) -> None:
    made = format_picture(saved(Image.new(mode, (4, 4), colour), "PNG", transparency=clear), Recipe())
    assert pixels(made.data).min() == 255


def test_a_transparent_colour_is_seen_behind_a_long_colour_profile() -> None:
    profile = np.random.default_rng(1).bytes(4000)
    clear = saved(Image.new("RGB", (4, 4), (1, 2, 3)), "PNG", transparency=(1, 2, 3), icc_profile=profile)
    assert clear.find(b"tRNS") > 1024
    assert pixels(format_picture(clear, Recipe()).data).min() == 255


def test_a_palette_becomes_colours() -> None:
    made = format_picture(saved(Image.fromarray(array()).convert("P"), "PNG"), Recipe())
    assert pixels(made.data).shape == (30, 40, 3)


def test_exif_orientation_is_applied() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    made = format_picture(saved(Image.fromarray(array()), "JPEG", exif=exif), Recipe())
    assert (made.height, made.width) == (40, 30)
    assert pixels(made.data).shape == (40, 30, 3)


def test_an_animation_is_its_first_picture() -> None:
    first, second = Image.new("L", (5, 4), 200), Image.new("L", (5, 4), 20)
    made = format_picture(saved(first, "GIF", save_all=True, append_images=[second]), Recipe())
    assert abs(int(pixels(made.data).mean()) - 200) < 4


def test_a_png_named_jpg_is_what_its_bytes_say() -> None:
    data = encoded("PNG")
    assert format_picture(data, Recipe()).data == data


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_one_pixel_is_a_picture(kind: str) -> None:
    made = format_picture(saved(Image.new("RGB", (1, 1)), kind), Recipe("16"))
    assert (made.height, made.width) == (16, 16)


@pytest.mark.parametrize("colour", ["grey", "colour"])
@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_colour_is_as_asked(kind: str, colour: str) -> None:
    made = format_picture(encoded(kind, channels=3 if colour == "grey" else 1), Recipe(colour=colour))
    assert pixels(made.data).ndim == (2 if colour == "grey" else 3)


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
@pytest.mark.parametrize("resize", ["", "20"])
def test_a_truncated_picture_is_refused(kind: str, resize: str) -> None:
    assert refusal(encoded(kind)[:-100], Recipe(resize)) == "picture-truncated"


@pytest.mark.parametrize(("at", "byte"), [(-4, 0x7F), (1, 0xA4)], ids=["its length", "its name"])
def test_a_png_with_a_broken_chunk_is_refused_before_it_takes_gigabytes(at: int, byte: int) -> None:
    broken = bytearray(encoded("PNG"))
    broken[broken.index(b"IDAT") + at] = byte
    assert refusal(bytes(broken), Recipe("16")) == "picture-truncated"


def test_a_jpeg_with_a_hole_is_refused_when_it_is_decoded() -> None:
    data = encoded(width=200, height=200)
    assert refusal(data[:900] + data[-300:], Recipe("50")) == "picture-broken"


@pytest.mark.parametrize("data", [b"", b"hello", b"\xff\xd8", b"\xff\xd8\xff\xd9", b"\x89PNG\r\n\x1a\n", b"GIF89a"])
def test_what_is_no_picture_is_refused(data: bytes) -> None:
    assert refusal(data).startswith("picture-")


def test_a_huge_picture_is_refused_from_its_header() -> None:
    header = encoded("PNG")
    assert refusal(header[:16] + (30_000).to_bytes(4, "big") * 2 + header[24:]) == "picture-huge"


@pytest.mark.parametrize(("size", "resize", "limit"), [((2000, 1), "256", 65_500), ((30, 10), "9000", 180_000_000)])
def test_a_picture_that_would_become_huge_is_refused_with_the_limit_it_exceeds(size: Any, resize: str, limit: int) -> None:
    with pytest.raises(PictureProblem) as refused:
        format_picture(encoded(width=size[0], height=size[1]), Recipe(resize))
    assert (refused.value.code, refused.value.values["limit"]) == ("picture-huge", limit)


@pytest.mark.parametrize("resize", ["x", "0", "256x", "1x2x3", "-5", "99999", "²"])
def test_sizes_that_are_none_are_refused(resize: str) -> None:
    with pytest.raises(Invalid):
        check_recipe(Recipe(resize))


def like_im2rec(data: bytes) -> bytes:
    """What MXNet's ``im2rec.py --resize 256 --quality 95`` makes of a picture that is wider than high."""
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    pixels = cv2.resize(pixels, (pixels.shape[1] * 256 // pixels.shape[0], 256))
    return cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, 95])[1].tobytes()


def decibels(data: bytes, reference: Any) -> float:
    """The peak signal-to-noise ratio of a JPEG."""
    return float(cv2.PSNR(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR), reference))


@pytest.mark.parametrize("sampling", [cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444])
@pytest.mark.parametrize("vivid", [False, True])
def test_pictures_are_as_near_to_the_original_as_those_of_im2rec(vivid: bool, sampling: int) -> None:
    rng = np.random.default_rng(3)
    original = np.stack([photograph(rng)[:, :, 0] for _ in range(3)], axis=2) if vivid else photograph(rng)
    options = [cv2.IMWRITE_JPEG_QUALITY, 90, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, sampling]
    data = cv2.imencode(".jpg", original, options)[1].tobytes()
    best = np.asarray(Image.fromarray(original).resize((341, 256), Image.Resampling.LANCZOS))
    assert decibels(format_picture(data, Recipe("256")).data, best) > decibels(like_im2rec(data), best) - 0.01


KINDS: list[dict[str, int]] = [
    {"subsampling": 0}, {"subsampling": 1}, {"subsampling": 2}, {"progressive": 1}, {"optimize": 1}, {"restart_marker_rows": 1},
]  # fmt: skip


@pytest.mark.parametrize("more", KINDS, ids=str)
@pytest.mark.parametrize("size", [(101, 67), (64, 64)])
def test_every_kind_of_jpeg_is_resized_alike(more: dict[str, int], size: tuple[int, int]) -> None:
    data = encoded(width=size[0], height=size[1], quality=95, **more)
    wanted = cv2.resize(np.ascontiguousarray(pixels(data)[:, :, ::-1]), (33, 22))
    assert decibels(format_picture(data, Recipe("33x22")).data, wanted) > 38


def test_a_grey_jpeg_is_resized_as_grey() -> None:
    made = format_picture(encoded(channels=1, width=101, height=67), Recipe("33"))
    assert (pixels(made.data).shape, made.channels) == ((33, 49), 1)
