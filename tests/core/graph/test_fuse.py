"""Operations done at once show what they show one after the other: exactly for tables, within 30 dB for geometry."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from trainyard.graph.operations import Chosen, Pixels, Size, choose, render, replay, step
from trainyard.graph.operations.fuse import _geometry_run

from tests.core.graph.strategies import KEYS, noise_picture, rng

CHAIN = ("rotate", "crop", "resize", "brightness", "blur", "flop")


def photograph(width: int = 500, height: int = 375) -> Pixels:
    """Smooth shapes with edges and some grain, in colour."""
    down, across = np.mgrid[0:height, 0:width]
    planes = [
        np.sin(across / (23 + 9 * n) + n) + np.sin(down / (31 - 5 * n)) + (np.hypot(across - 200, down - 150) < 90 + 20 * n)
        for n in range(3)
    ]
    grain = np.random.default_rng(1).normal(0, 2, (height, width, 3))
    return np.clip(60 + 40 * np.stack(planes, axis=2) + grain, 0, 255).astype(np.uint8)


def one_by_one(picture: Pixels, chosen: Sequence[Chosen]) -> Pixels:
    for operation, drawn in chosen:
        picture = operation.apply(picture, drawn)
    return picture


@given(key=KEYS)
@settings(max_examples=25, deadline=None)
def test_the_usual_chain_agrees_to_30_decibels(key: int) -> None:
    picture = photograph()
    chosen = choose([step(name, {"angle": [-30, 30]} if name == "rotate" else {}) for name in CHAIN], rng(key))
    assert cv2.PSNR(one_by_one(picture, chosen), render(picture, chosen)) >= 30


@given(key=KEYS)
@settings(max_examples=60, deadline=None)
def test_any_geometry_agrees_to_30_decibels(key: int) -> None:
    picture = photograph(160, 120)
    names = rng(key).permutation(["rotate", "scale", "translate", "shear", "flip", "flop", "crop", "pad", "resize"])[:4]
    chosen = choose([step(str(name)) for name in names], rng(key))
    made, expected = render(picture, chosen), one_by_one(picture, chosen)
    assert made.shape == expected.shape and cv2.PSNR(expected, made) >= 30


def test_tables_are_combined_exactly() -> None:
    picture = noise_picture(64, 64)
    chosen = replay("augment(brightness/[60],contrast/[gamma,1.7],contrast/[linear,0.4],brightness/[-20,1.5],flop)")
    assert np.array_equal(render(picture, chosen), one_by_one(picture, chosen))


@pytest.mark.parametrize(
    ("ops", "length"),
    [
        ("rotate/[20],crop/[5,5,5,5],resize/[64,64],flop", 4),
        ("crop/[5,5,5,5],rotate/[20]", 1),  # the crop cuts off what the turned picture's corners would show
        ("pad/[9,9,9,9],rotate/[20]", 2),
        ("rotate/[20],rotate/[-20]", 1),  # black corners stay black
        ("rotate/[20,1],rotate/[-20]", 2),
        ("translate/[50,0],rotate/[5]", 1),
        ("rotate/[20,0,edge],crop/[5,5,5,5]", 1),
        ("scale/[0.2,0.2],scale/[5,5]", 1),  # what became small stays coarse
        ("flip,flop", 1),
        ("crop/[5,5,5,5],resize/[64,64]", 1),
        ("rotate/[20],blur/[gauss,1],flop", 1),
    ],
)
def test_only_what_shows_the_same_is_done_at_once(ops: str, length: int) -> None:
    assert _geometry_run(replay(f"augment({ops})"), Size(160, 120))[0] == length


def test_marks_and_pixels_agree_over_a_fused_chain() -> None:
    from trainyard.graph.operations import Mark, move

    chosen = replay("augment(rotate/[20],crop/[5,10,5,0],resize/[224,200],flop)")
    picture = np.zeros((300, 400), np.uint8)
    cv2.circle(picture, (200, 150), 12, 255, -1, cv2.LINE_AA)
    (mark,) = move([Mark(landmarks=((200.5, 150.5),))], chosen, Size(400, 300))
    made = render(picture, chosen).astype(np.float64)
    down, across = np.mgrid[0:200, 0:224] + 0.5
    assert mark is not None
    assert mark.landmarks[0] == pytest.approx(((across * made).sum() / made.sum(), (down * made).sum() / made.sum()), abs=0.1)
