"""What becomes of boxes, polygons and landmarks that leave the frame."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from trainyard.graph.operations import OPERATIONS, Mark, Size, choose, move, replay, size_after, step
from trainyard.graph.operations.annotations import area, clipped

from tests.core.graph.strategies import KEYS, named, parameters, rng

SIZE = Size(100, 80)
RIGHT_HALF_OUT = replay("augment(translate/[40,0])")


def moved(mark: Mark, ops: str, min_visible: float = 0.25) -> Mark | None:
    return move([mark], replay(f"augment({ops})"), SIZE, min_visible)[0]


def test_a_box_that_leaves_the_frame_is_clipped() -> None:
    assert moved(Mark((40, 10, 80, 30)), "translate/[40,0]") == Mark((80, 10, 100, 30))


@pytest.mark.parametrize(("min_visible", "kept"), [(0.5, True), (0.51, False), (0.0, True)])
def test_a_box_is_dropped_below_the_share_that_must_be_visible(min_visible: float, kept: bool) -> None:
    assert (moved(Mark((40, 10, 80, 30)), "translate/[40,0]", min_visible) is not None) == kept


def test_a_box_that_left_on_the_way_does_not_come_back() -> None:
    assert moved(Mark((40, 10, 80, 30)), "translate/[60,0],translate/[-60,0]") is None


def test_what_was_cut_off_on_the_way_stays_cut_off() -> None:
    assert moved(Mark((40, 10, 80, 30)), "translate/[40,0],translate/[-40,0]") == Mark((40, 10, 60, 30))


def test_turning_there_and_back_gives_the_same_box() -> None:
    mark = moved(Mark((45, 35, 55, 45)), "rotate/[30],rotate/[-30]")
    assert mark is not None and mark.box == pytest.approx((45, 35, 55, 45))


def test_a_turned_box_is_the_extent_of_its_corners_and_a_polygon_fits_tighter() -> None:
    box = moved(Mark((40, 30, 60, 50)), "rotate/[45]")
    diamond = Mark((40, 30, 60, 50), ((50, 30), (60, 40), (50, 50), (40, 40)))
    tight = moved(diamond, "rotate/[45]")
    reach, less = 10 * 2**0.5, 5 * 2**0.5
    assert box is not None and box.box == pytest.approx((50 - reach, 40 - reach, 50 + reach, 40 + reach))
    assert tight is not None and tight.box == pytest.approx((50 - less, 40 - less, 50 + less, 40 + less))


def test_landmarks_stay_with_their_box_and_outside_ones_are_none() -> None:
    face = Mark((40, 10, 80, 30), landmarks=((45, 20), (75, 20), None))
    assert moved(face, "translate/[40,0]") == Mark((80, 10, 100, 30), landmarks=((85, 20), None, None))


def test_a_mark_with_landmarks_only_goes_with_the_last_of_them() -> None:
    assert moved(Mark(landmarks=((90, 20), (10, 10))), "translate/[40,0]") == Mark(landmarks=(None, (50, 10)))
    assert moved(Mark(landmarks=((90, 20),)), "translate/[40,0]") is None


def test_a_mark_without_a_place_is_kept() -> None:
    assert moved(Mark(), "translate/[90,0]") == Mark()


def test_a_box_outside_the_picture_from_the_start_is_dropped() -> None:
    assert moved(Mark((120, 10, 150, 30)), "flop") is None


def test_a_box_without_area_is_kept_while_it_is_inside() -> None:
    assert moved(Mark((50, 10, 50, 30)), "flop") == Mark((50, 10, 50, 30))


def test_marks_keep_their_number_and_order() -> None:
    marks = [Mark((1, 1, 5, 5)), Mark((90, 1, 99, 5), landmarks=((95, 3),)), Mark((2, 2, 9, 9))]
    assert [mark is None for mark in move(marks, RIGHT_HALF_OUT, SIZE)] == [False, True, False]
    assert move([], RIGHT_HALF_OUT, SIZE) == ()


@given(points=st.lists(st.tuples(st.floats(-50, 150), st.floats(-50, 150)), min_size=3, max_size=8))
def test_clipping_never_leaves_the_frame_nor_adds_area(points: list[tuple[float, float]]) -> None:
    outline = np.array(points)
    left = clipped(outline, SIZE)
    assert (left >= 0).all() and (left <= SIZE).all()
    if len(points) == 3:
        assert area(left) <= area(outline) + 1e-6


@given(data=st.data(), operation=named(), key=KEYS)
@settings(max_examples=150, deadline=None)
def test_what_is_kept_lies_in_the_new_picture(data: st.DataObject, operation: object, key: int) -> None:
    name = operation.name  # type: ignore[attr-defined]
    chosen = choose([step(name, data.draw(parameters(OPERATIONS[name]))), step("rotate"), step("crop")], rng(key))
    marks = [Mark((x, y, x + 30, y + 20), ((x, y), (x + 30, y), (x + 9, y + 20))) for x in (0, 40, 70) for y in (0, 60)]
    size = size_after(chosen, SIZE)
    for mark in move(marks, chosen, SIZE):
        if mark is not None and mark.box is not None:
            left, top, right, bottom = mark.box
            assert 0 <= left <= right <= size.width and 0 <= top <= bottom <= size.height
