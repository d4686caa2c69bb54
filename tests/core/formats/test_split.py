"""Order and split depend on seed, ratios and count alone."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from trainyard.formats.split import (
    Membership,
    dealt,
    families,
    frequent_enough,
    label_table,
    not_too_many,
    order_of,
    rarest_class,
)


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
    assert dealt(np.arange(count), ratios, None).ranges == expected


@given(st.integers(1, 1000), st.integers(0, 100), st.integers(0, 100))
def test_no_sample_is_lost(count: int, a: int, b: int) -> None:
    total = a + b + 1
    ratios = {"train": a / total, "val": b / total, "test": 1 / total}
    found = dealt(np.arange(count), ratios, None).ranges
    assert found == dealt(np.arange(count), ratios, np.arange(count)).ranges
    assert sum(end - start for start, end in found.values()) == count


def test_numbers_are_sorted_by_value_and_names_by_code_point() -> None:
    assert label_table({"10", "9", "0"}) == {"0": 0, "9": 1, "10": 2}
    assert label_table({"b", "猫", "a"}) == {"a": 0, "b": 1, "猫": 2}


RATIOS = {"train": 0.7, "val": 0.2, "test": 0.1}


@given(st.lists(st.integers(0, 5), min_size=1, max_size=200), st.integers(0, 100), st.integers(0, 100), st.integers(0, 9))
def test_every_class_is_split_by_the_ratios_to_less_than_a_sample(classes: list[int], a: int, b: int, seed: int) -> None:
    total = a + b + 1
    ratios = {"train": a / total, "val": b / total, "test": 1 / total}
    strata = np.asarray(classes, dtype=np.int64)
    order, found = dealt(order_of(len(classes), seed), ratios, np.arange(len(classes)), strata)
    assert sorted(order.tolist()) == list(range(len(classes)))
    for one in set(classes):
        for split, ratio in ratios.items():
            start, end = found.get(split, (0, 0))
            assert abs((strata[order[start:end]] == one).sum() - ratio * classes.count(one)) < 1


def test_many_classes_of_one_sample_are_split_by_the_ratios_together() -> None:
    _, found = dealt(order_of(1000, 1), RATIOS, np.arange(1000), np.arange(1000))
    assert {split: end - start for split, (start, end) in found.items()} == {"train": 700, "val": 200, "test": 100}


def test_a_stratified_order_stays_mixed_inside_a_split() -> None:
    strata = np.asarray([0] * 50 + [1] * 50)
    order, found = dealt(order_of(100, 4), {"train": 0.8, "val": 0.2}, np.arange(100), strata)
    placed = order_of(100, 4).tolist()
    for start, end in found.values():
        positions = [placed.index(one) for one in order[start:end].tolist()]
        assert positions == sorted(positions)


@given(st.lists(st.integers(0, 40), min_size=1, max_size=200), st.booleans(), st.integers(0, 9))
def test_a_family_is_in_one_split_and_the_ratios_hold_to_a_family(numbers: list[int], stratify: bool, seed: int) -> None:
    families = np.asarray(numbers, dtype=np.int64)
    strata = families % 3 if stratify else None
    order, found = dealt(order_of(len(numbers), seed), RATIOS, families, strata)
    assert sorted(order.tolist()) == list(range(len(numbers)))
    parts = {split: families[order[start:end]] for split, (start, end) in found.items()}
    assert sum(len(set(part.tolist())) for part in parts.values()) == len(set(numbers))
    largest = max(numbers.count(one) for one in set(numbers))
    for split, ratio in RATIOS.items():
        assert abs(len(parts.get(split, ())) - ratio * len(numbers)) < (largest + 1) * (3 if stratify else 1)


@pytest.mark.parametrize(("families_of_a_class", "size"), [(1, 10), (2, 5), (4, 3)])
def test_many_classes_of_a_few_families_are_split_by_the_ratios_together(families_of_a_class: int, size: int) -> None:
    pictures = np.arange(1000 * families_of_a_class * size)
    _, found = dealt(order_of(len(pictures), 1), RATIOS, pictures // size, pictures // size // families_of_a_class)
    for split, ratio in RATIOS.items():
        start, end = found.get(split, (0, 0))
        assert abs((end - start) / len(pictures) - ratio) < 0.01


def test_a_family_are_the_pictures_made_of_one_over_any_number_of_steps() -> None:
    # a picture, two made of it, one made of these, its neighbour, one made of a picture that is not there, and its twin
    made, origin = np.asarray([1, 2, 3, 5, 6]), np.asarray([1, 1, 3, 9, 9])
    found = families(np.asarray([1, 2, 3, 4, 5, 6, 7]), made, origin)
    assert found is not None and found[5] == found[6]
    assert (len(set(found[:4].tolist())), len(set(found.tolist()))) == (1, 3)


def test_pictures_of_which_none_comes_twice_or_of_another_are_alone() -> None:
    nothing = np.zeros(0, dtype=np.int64)
    assert families(order_of(9, 1), nothing, nothing) is None
    twice = families(np.asarray([5, 6, 5]), nothing, nothing)
    assert twice is not None and twice[0] == twice[2] != twice[1]


def test_a_chain_of_a_hundred_thousand_is_one_family() -> None:
    own = order_of(100_000, 3)
    found = families(own, np.arange(100_000), np.maximum(own - 1, 0))
    assert found is not None and len(set(found.tolist())) == 1


def of(*samples: tuple[int, ...], classes: int = 3) -> Membership:
    members = [one for sample in samples for one in sample]
    return Membership(np.asarray(members, dtype=np.int64), np.cumsum([len(sample) for sample in samples]), classes)


def test_a_sample_counts_for_its_rarest_class() -> None:
    found = rarest_class(of((0,), (0, 1), (), (0, 2), (2,))).tolist()
    assert found[1] != found[0] and found[3] == found[4] and found.count(found[2]) == 1


def test_no_class_exceeds_the_maximum_and_the_first_in_the_order_stay() -> None:
    kept = not_too_many(np.asarray([4, 3, 2, 1, 0]), of((0,), (0,), (0, 1), (1,), (0,)), 2).tolist()
    assert kept == [4, 3, 2]


def test_classes_that_stay_are_numbered_anew() -> None:
    found = of((0, 2), (1,), (2,)).only(np.asarray([True, False, True]))
    assert (found.members.tolist(), found.ends.tolist(), found.classes) == ([0, 1, 1], [2, 2, 3], 2)
    assert frequent_enough(of((0, 2), (1,), (2,)), 2).tolist() == [False, False, True]
