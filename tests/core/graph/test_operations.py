"""What holds for every operation: pure, repeatable, of the same kind, and written down so that it can be done again."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from trainyard.errors import Invalid
from trainyard.graph.operations import GROUPS, OPERATIONS, Mark, choose, describe, render, replay, step, transform

from tests.core.graph.strategies import KEYS, noise_picture, parameters, rng

ALL = sorted(OPERATIONS)


@pytest.mark.parametrize("name", ALL)
@given(data=st.data(), width=st.integers(1, 50), height=st.integers(1, 50), channels=st.sampled_from([1, 3]), key=KEYS)
@settings(max_examples=30, deadline=None)
def test_it_keeps_kind_and_input_and_gives_the_same_again(
    name: str, data: Any, width: int, height: int, channels: int, key: int
) -> None:
    picture = noise_picture(width, height, channels)
    before = picture.copy()
    chosen = choose([step(name, data.draw(parameters(OPERATIONS[name])))], rng(key))
    made = render(picture, chosen)
    assert made.dtype == np.uint8 and made.ndim == picture.ndim and made.shape[2:] == picture.shape[2:]
    assert np.array_equal(picture, before)
    assert replay(describe(chosen)) == chosen
    assert np.array_equal(render(picture, replay(describe(chosen))), made)


@pytest.mark.parametrize("name", ALL)
def test_threads_make_no_difference(name: str) -> None:
    picture = noise_picture(200, 150)
    chosen = choose([step(name)], rng(3))
    with ThreadPoolExecutor(4) as pool:
        first, *others = pool.map(lambda _: render(picture, chosen), range(8))
    assert all(np.array_equal(first, other) for other in others)


@pytest.mark.parametrize("name", ALL)
def test_the_defaults_do_something_that_can_be_seen(name: str) -> None:
    picture = noise_picture(120, 90)
    assert not np.array_equal(render(picture, choose([step(name)], rng(1))), picture)


def test_the_same_generator_draws_the_same_and_another_does_not() -> None:
    steps = [step(name) for name in ALL]
    assert describe(choose(steps, rng(1))) == describe(choose(steps, rng(1))) != describe(choose(steps, rng(2)))


def test_a_probability_is_how_often_a_step_is_done() -> None:
    one = rng(5)
    often = sum(len(choose([step("flop", probability=0.3)], one)) for _ in range(2000))
    assert 500 < often < 700


def test_a_choice_does_one_of_the_steps_by_its_weight() -> None:
    one = rng(6)
    steps = [step("flip", probability=0.25), step("flop", probability=0.75), step("rotate", probability=0)]
    names = [chosen.operation.name for _ in range(1000) for chosen in choose(steps, one, "choice")]
    assert len(names) == 1000 and 200 < names.count("flip") < 300 and "rotate" not in names
    assert choose([step("flip", probability=0)], one, "choice") == ()


def test_drawn_numbers_are_short_and_within_their_range() -> None:
    line = describe(choose([step("rotate", {"angle": [-30, 30]}), step("flop")], rng(4)))
    assert line.startswith("augment(rotate/[") and line.endswith("],flop)") and len(line) < 30
    for key in range(50):
        ((_, drawn),) = choose([step("rotate", {"angle": [10.01, 10.02]})], rng(key))
        assert 10.01 <= drawn.angle <= 10.02


def test_transform_gives_picture_marks_and_line_together() -> None:
    made = transform(noise_picture(40, 30), [Mark((1, 2, 9, 9))], [step("flop")], rng(0))
    assert made.marks == (Mark((31, 2, 39, 9)),) and describe(made.chosen) == "augment(flop)"


@pytest.mark.parametrize(
    "line",
    ["rotate/[1]", "augment(rotate/[a])", "augment(rotate)", "augment(spin/[1])", "augment(rotate/[1000])", "augment(flop/[1])",
     "augment(rotate/[nan])", "augment(blur/[gauss,1)", "augment(blur/[soft,1])", "augment(crop/[1,2,3])"],
)  # fmt: skip
def test_a_line_that_nobody_wrote_is_refused(line: str) -> None:
    with pytest.raises(Invalid):
        replay(line)


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    for line in (text, f"augment({text})"):
        with suppress(Invalid):
            replay(line)


def test_every_operation_is_in_a_group_and_has_words() -> None:
    for operation in OPERATIONS.values():
        assert operation.group in GROUPS and operation.title and operation.text.endswith(".")
        assert len({parameter.name for parameter in operation.parameters}) == len(operation.parameters)
