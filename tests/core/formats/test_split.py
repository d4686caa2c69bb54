"""Order and split depend on seed, ratios and count alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from trainyard.formats.split import label_table, order_of, ranges


def test_the_order_of_a_seed_never_changes() -> None:
    assert order_of(8, 1).tolist() == order_of(8, 1).tolist() != order_of(8, 2).tolist()


@given(st.integers(0, 500), st.none() | st.integers(0, 2**32 - 1))
def test_every_sample_has_one_place(count: int, seed: int | None) -> None:
    assert sorted(order_of(count, seed).tolist()) == list(range(count))


def test_without_a_seed_the_list_keeps_its_order() -> None:
    assert order_of(4, None).tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("count", "ratios", "expected"),
    [
        (50_000, {"train": 0.7, "val": 0.3}, {"train": (0, 35_000), "val": (35_000, 50_000)}),
        (10, {"train": 1.0, "val": 0.0}, {"train": (0, 10)}),
        (10, {"train": 0.0, "val": 1.0}, {"val": (0, 10)}),
        (1, {"train": 0.8, "val": 0.2}, {"train": (0, 1)}),
        (3, {"train": 1 / 3, "val": 1 / 3, "test": 1 / 3}, {"train": (0, 1), "val": (1, 2), "test": (2, 3)}),
    ],
)
def test_splits_adjoin(count: int, ratios: dict[str, float], expected: dict[str, tuple[int, int]]) -> None:
    assert ranges(count, ratios) == expected


@given(st.integers(1, 1000), st.integers(0, 100), st.integers(0, 100))
def test_no_sample_is_lost(count: int, a: int, b: int) -> None:
    total = a + b + 1
    found = ranges(count, {"train": a / total, "val": b / total, "test": 1 / total})
    assert sum(end - start for start, end in found.values()) == count


def test_numbers_are_sorted_by_value_and_names_by_code_point() -> None:
    assert label_table({"10", "9", "0"}) == {"0": 0, "9": 1, "10": 2}
    assert label_table({"b", "猫", "a"}) == {"a": 0, "b": 1, "猫": 2}
