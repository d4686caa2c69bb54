"""What single operations do to values: noise as its distribution says, light along its curve, colours at equal brightness."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from trainyard.graph.operations import Pixels, render, replay

from tests.core.graph.strategies import noise_picture

GREY = np.full((400, 500), 128, np.uint8)


def done(ops: str, picture: Pixels = GREY) -> np.ndarray:
    return render(picture, replay(f"augment({ops})")).astype(np.float64)


@pytest.mark.parametrize(
    ("ops", "mean", "deviation"),
    [
        ("noise/[gauss,10,7]", 128, 10),
        ("noise/[gauss,4,7,12]", 140, 4.01),
        ("noise/[laplace,10,7]", 128, 10 * 2**0.5),
        ("noise/[poisson,9,7]", 137, 3),
        ("noise/[poisson,0,7]", 128, 0),
    ],
)
def test_added_noise_has_the_mean_and_deviation_of_its_kind(ops: str, mean: float, deviation: float) -> None:
    made = done(ops)
    assert made.mean() == pytest.approx(mean, abs=0.15)
    assert made.std() == pytest.approx(deviation, rel=0.02, abs=0.03)


def test_replacing_noise_hits_its_share() -> None:
    pepper = done("noise/[salt-and-pepper,5,7]")
    assert set(np.unique(pepper)) == {0, 128, 255}
    assert (pepper != 128).mean() == pytest.approx(0.05, abs=0.003)
    assert (pepper == 0).sum() == pytest.approx((pepper == 255).sum(), rel=0.1)
    impulse = done("noise/[impulse,20,7]")
    assert (impulse != 128).mean() == pytest.approx(0.2 * 255 / 256, abs=0.005)
    assert len(np.unique(impulse)) == 256


@pytest.mark.parametrize(("coloured", "channels_differ"), [(0, False), (1, True)])
def test_coloured_noise_differs_between_channels(coloured: int, channels_differ: bool) -> None:
    picture = np.full((50, 50, 3), 128, np.uint8)
    made = done(f"noise/[gauss,10,7,0,{coloured}]", picture)
    assert bool((made[..., 0] != made[..., 2]).any()) == channels_differ


@pytest.mark.parametrize(
    ("ops", "expected"),
    [
        ("brightness/[30]", {0: 30, 100: 130, 250: 255}),
        ("brightness/[10,2]", {0: 10, 100: 210, 200: 255}),
        ("contrast/[gamma,2]", {0: 0, 128: 64, 255: 255}),
        ("contrast/[sigmoid,10]", {0: 2, 255: 253}),
        ("contrast/[log,1]", {0: 0, 128: 150, 255: 255}),
        ("contrast/[linear,0.5]", {0: 64, 128: 128, 255: 191}),
    ],
)
def test_light_follows_its_curve(ops: str, expected: dict[int, int]) -> None:
    ramp = np.arange(256, dtype=np.uint8)[None, :]
    made = done(ops, ramp)[0]
    assert {value: int(made[value]) for value in expected} == expected


def test_equalising_spreads_a_narrow_histogram() -> None:
    narrow = (noise_picture(64, 64) // 8 + 100).astype(np.uint8)
    for ops in ("equalise", "equalise/[1,40]"):
        assert done(ops, narrow).std() > 2 * narrow.std()


@pytest.mark.parametrize("ops", ["saturation/[0.5]", "hue/[20]", "greyscale/[1]", "greyscale/[0.5]"])
def test_colours_change_at_equal_brightness(ops: str) -> None:
    muted = (noise_picture(32, 32) // 4 + 96).astype(np.uint8)
    before, after = (cv2.cvtColor(each, cv2.COLOR_BGR2GRAY).astype(int) for each in (muted, done(ops, muted).astype(np.uint8)))
    assert np.abs(before - after).max() <= 2


def test_hue_turns_red_to_green_and_greyscale_takes_colour() -> None:
    red = np.zeros((2, 2, 3), np.uint8)
    red[...] = (0, 0, 200)
    assert done("hue/[120]", red)[0, 0].argmax() == 1
    assert len(np.unique(done("greyscale/[1]", red))) == 1


def test_blur_softens_sharpen_hardens_and_both_keep_what_is_even() -> None:
    edge = np.repeat(np.array([[50] * 20 + [200] * 20], np.uint8), 40, axis=0)
    for ops in ("blur/[gauss,2]", "blur/[average,2]", "blur/[motion,4]"):
        made = done(ops, edge)
        assert 50 < made[20, 19] < 200 and made[20, 2] == 50 and (done(ops) == 128).all()
    assert (done("blur/[motion,4,90]", edge) == edge).all()
    assert done("sharpen/[1,1]", edge)[20, 19] < 50


def test_cutout_covers_its_share_inside_the_picture() -> None:
    covered = done("cutout/[1,20,white,9]") == 255
    assert covered.sum() == 80 * 100
    assert (done("cutout/[1,100,black,9]") == 0).all()


@pytest.mark.parametrize(("kind", "brighter"), [("rain", False), ("fog", True), ("snow", True), ("clouds", True)])
def test_weather_grows_with_its_strength(kind: str, brighter: bool) -> None:
    picture = np.full((200, 300, 3), 90, np.uint8)
    little, much = (np.abs(done(f"weather/[{kind},{strength},3]", picture) - 90).mean() for strength in (15, 90))
    assert 0 < little < much
    assert not brighter or done(f"weather/[{kind},90,3]", picture).mean() > 95
