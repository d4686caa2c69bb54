"""Every operation that moves pixels moves points the same way: a painted spot is found where ``move`` says."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from trainyard.graph.operations import OPERATIONS, Mark, Pixels, Size, choose, move, render, replay, size_after, step

from tests.core.graph.strategies import KEYS, noise_picture, parameters, rng

MOVING = sorted(name for name, operation in OPERATIONS.items() if operation.moves_boxes)
SPOT = 9.0
RELAXED = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow])


def spotted(size: Size, x: float, y: float) -> Pixels:
    """Black, with one round spot of 3 pixels' deviation about (x, y)."""
    across, down = np.arange(size.width) + 0.5 - x, np.arange(size.height) + 0.5 - y
    spot = 250 * np.exp(-(across[None, :] ** 2 + down[:, None] ** 2) / (2 * 3.0**2))
    return np.rint(spot).astype(np.uint8)


def middle(picture: Pixels) -> tuple[float, float]:
    weight = picture.astype(np.float64)
    down, across = np.mgrid[0 : picture.shape[0], 0 : picture.shape[1]] + 0.5
    return float((across * weight).sum() / weight.sum()), float((down * weight).sum() / weight.sum())


@pytest.mark.parametrize("name", MOVING)
@given(data=st.data(), width=st.integers(60, 160), height=st.integers(60, 160), key=KEYS)
@RELAXED
def test_a_spot_is_found_where_its_landmark_went(name: str, data: Any, width: int, height: int, key: int) -> None:
    size = Size(width, height)
    x, y = data.draw(st.floats(15, width - 15)), data.draw(st.floats(15, height - 15))
    drawn = data.draw(parameters(OPERATIONS[name]))
    if "fill" in drawn:
        drawn["fill"] = "black"  # the edge's pixel, repeated, would weigh in the middle
    if name == "elastic":
        drawn["waves"] = [0.5, 2.0]  # in finer waves the middle of a spot is not where the middle went
    chosen = choose([step(name, drawn)], rng(key))
    around = Mark((x - SPOT, y - SPOT, x + SPOT, y + SPOT), landmarks=((x, y),))
    (moved,) = move([around], chosen, size, 0.999)
    assume(moved is not None and moved.landmarks[0] is not None and moved.box is not None)
    left, top, right, bottom = moved.box
    assume(min(right - left, bottom - top) > 1.5)
    new_size = size_after(chosen, size)
    assume(left > 0 and top > 0 and right < new_size.width and bottom < new_size.height)
    found = middle(render(spotted(size, x, y), chosen))
    bent = 0.02 * max(right - left, bottom - top) if name in ("elastic", "perspective") else 0.0
    assert found == pytest.approx(moved.landmarks[0], abs=0.3 + bent)


@pytest.mark.parametrize("name", MOVING)
@given(data=st.data(), width=st.integers(1, 70), height=st.integers(1, 70), key=KEYS)
@settings(max_examples=20, deadline=None)
def test_the_size_that_was_told_is_the_size_that_comes(name: str, data: Any, width: int, height: int, key: int) -> None:
    chosen = choose([step(name, data.draw(parameters(OPERATIONS[name])))], rng(key))
    made = render(noise_picture(width, height), chosen)
    assert made.shape[1::-1] == size_after(chosen, Size(width, height))


@pytest.mark.parametrize("name", ["flip", "flop"])
def test_mirroring_twice_is_nothing(name: str) -> None:
    picture = noise_picture(31, 18)
    twice = replay(f"augment({name},{name})")
    assert np.array_equal(render(picture, twice), picture)
    mark = Mark((1, 2, 7, 9), ((1, 2), (7, 2), (5, 9)), ((3.5, 4),))
    assert move([mark], twice, Size(31, 18)) == (mark,)


def test_flip_turns_upside_down_and_flop_mirrors() -> None:
    picture = noise_picture(5, 4)
    assert np.array_equal(render(picture, replay("augment(flip)")), picture[::-1])
    assert np.array_equal(render(picture, replay("augment(flop)")), picture[:, ::-1])


def test_a_turn_is_clockwise_keeps_the_size_and_leaves_black_corners() -> None:
    picture = np.full((40, 60, 3), 200, np.uint8)
    made = render(picture, replay("augment(rotate/[45])"))
    assert made.shape == picture.shape
    assert [int(made[y, x].max()) for x in (0, -1) for y in (0, -1)] == [0, 0, 0, 0]
    (mark,) = move([Mark(landmarks=((40, 20),))], replay("augment(rotate/[90])"), Size(60, 40))
    assert mark is not None and mark.landmarks[0] == pytest.approx((30, 30))


def test_a_turn_that_grows_holds_the_whole_picture() -> None:
    chosen = replay("augment(rotate/[90,1])")
    picture = noise_picture(60, 40)
    assert np.array_equal(render(picture, chosen), np.rot90(picture, -1))
    whole = Mark((0, 0, 60, 40))
    (mark,) = move([whole], replay("augment(rotate/[30,1])"), Size(60, 40), 0.9999)
    assert mark is not None


@pytest.mark.parametrize(("fit", "corner"), [("stretch", (0, 0)), ("inside", (0, 25)), ("cover", None)])
def test_resize_stretches_or_keeps_the_shape(fit: str, corner: tuple[float, float] | None) -> None:
    chosen = replay(f"augment(resize/[100,100,{fit}])")
    (mark,) = move([Mark(landmarks=((0, 0),))], chosen, Size(40, 20)) if corner else (None,)
    assert (mark.landmarks[0] if mark else None) == corner
    made = render(np.full((20, 40), 255, np.uint8), chosen)
    assert made.shape == (100, 100) and (made[0, 50] == 0) == (fit == "inside")


def test_shrinking_much_averages_instead_of_skipping() -> None:
    stripes = np.tile(np.array([0, 0, 0, 240], np.uint8), (64, 16))
    for ops in ("resize/[8,8]", "scale/[0.125,0.125]", "resize/[8,8,inside]"):
        made = render(stripes, replay(f"augment({ops})"))
        inside = made[made.shape[0] // 2, made.shape[1] // 2]
        assert 50 <= inside <= 70, ops


def test_padding_adds_black_and_cropping_takes_it_away() -> None:
    picture = noise_picture(20, 10)
    made = render(picture, replay("augment(pad/[2,3,4,5])"))
    assert made.shape == (16, 28, 3) and made.sum() == picture.sum()
    assert np.array_equal(made[2:12, 5:25], picture)
    assert np.array_equal(render(picture, replay("augment(crop/[10,0,20,25])")), picture[1:8, 5:])


@given(strength=st.floats(0, 20), waves=st.floats(0.5, 20), x=st.floats(20, 100), y=st.floats(20, 80), key=KEYS)
@RELAXED
def test_elastic_distortion_takes_points_along_however_fine_its_waves(
    strength: float, waves: float, x: float, y: float, key: int
) -> None:
    """The value of a ramp says where a pixel came from."""
    across, down = np.meshgrid((np.arange(120) + 0.5) * 2, (np.arange(100) + 0.5) * 2)
    chosen = choose([step("elastic", {"strength": [strength, strength], "waves": [waves, waves]})], rng(key))
    (mark,) = move([Mark(landmarks=((x, y),))], chosen, Size(120, 100))
    assume(mark is not None)
    at = np.array(mark.landmarks, dtype=np.float32).reshape(1, 1, 2) - 0.5
    for ramp, expected in ((across, x), (down, y)):
        made = render(np.rint(ramp).astype(np.uint8), chosen).astype(np.float32)
        assert float(cv2.remap(made, at, None, cv2.INTER_LINEAR)[0, 0]) / 2 == pytest.approx(expected, abs=0.75)


def test_elastic_distortion_never_folds() -> None:
    chosen = replay("augment(elastic/[20,20,5])")
    line = tuple((float(x), 50.0) for x in range(2, 99))
    (mark,) = move([Mark(landmarks=line)], chosen, Size(100, 100))
    assert mark is not None
    across = [point[0] for point in mark.landmarks if point is not None]
    assert all(left < right for left, right in pairwise(across))


@pytest.mark.parametrize("ops", ["elastic/[2,2,5]", "rotate/[0.5]", "noise/[gauss,5,1]", "weather/[fog,50,1]"])
def test_a_picture_longer_than_opencv_remaps_is_done(ops: str) -> None:
    picture = noise_picture(40_000, 6, 1)
    assert render(picture, replay(f"augment({ops})")).shape == picture.shape
