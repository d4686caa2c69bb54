"""Series and charts: restarts supersede, extremes survive down-sampling, no-numbers are seen."""

from __future__ import annotations

import csv
import io
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from trainyard.metrics import Points, Series, SeriesTable, Update, downsample, view
from trainyard.metrics.export import csv_lines, harmless
from trainyard.metrics.tags import metric_tag


def points(steps: list[int], values: list[float] | None = None) -> Points:
    numbers = values if values is not None else [float(step) for step in steps]
    return Points(np.array(steps, np.int64), np.array(steps, float), np.array(numbers, float))


def series(steps: list[int], values: list[float] | None = None) -> Series:
    one = Series("loss/train")
    one.append(points(steps, values))
    return one


@given(st.lists(st.lists(st.integers(-5, 30), max_size=8), max_size=8))
def test_what_was_written_last_is_true_however_the_points_arrive(batches: list[list[int]]) -> None:
    one = Series("a")
    expected: list[int] = []
    for batch in batches:
        one.append(points(batch))
        for step in batch:
            expected = [earlier for earlier in expected if earlier < step] + [step]
    assert one.points.steps.tolist() == expected


def test_a_session_start_voids_later_points_of_every_tag() -> None:
    table = SeriesTable()
    table.apply([Update({"a": points([1, 2, 3]), "b": points([2, 4])})])
    table.apply([Update({"a": points([3])}, restart=3)])
    assert table.by_tag["a"].points.steps.tolist() == [1, 2, 3]
    assert table.by_tag["b"].points.steps.tolist() == [2]
    assert table.last("b") == 2.0


def test_a_window_includes_both_ends() -> None:
    assert series(list(range(10))).window(3, 5).steps.tolist() == [3, 4, 5]
    assert len(series([1, 2]).window(5, 3)) == 0


@given(st.lists(st.floats(allow_nan=True, allow_infinity=True, width=32), min_size=1, max_size=400), st.integers(4, 60))
def test_down_sampling_keeps_ends_extremes_and_the_presence_of_no_numbers(values: list[float], limit: int) -> None:
    whole = points(list(range(len(values))), values)
    few = downsample(whole, limit)
    assert few.steps[0] == 0
    assert few.steps[-1] == len(values) - 1
    assert list(few.steps) == sorted(set(few.steps.tolist()))
    finite = whole.values[np.isfinite(whole.values)]
    kept = few.values[np.isfinite(few.values)]
    if len(finite):
        assert (kept.min(), kept.max()) == (finite.min(), finite.max())
    assert np.isfinite(few.values).all() == np.isfinite(whole.values).all()


def test_every_column_keeps_its_lowest_and_highest() -> None:
    rng = np.random.default_rng(0)
    whole = points(list(range(100_000)), rng.normal(size=100_000).tolist())
    few = downsample(whole, 400)
    assert len(few) <= 400
    for column in range(100):
        inside = (few.steps >= column * 1000) & (few.steps < (column + 1) * 1000)
        cell = whole.values[column * 1000 : (column + 1) * 1000]
        assert few.values[inside].min() == cell.min()
        assert few.values[inside].max() == cell.max()


def test_uneven_steps_are_columns_of_steps_not_of_points() -> None:
    crowded = [*range(10_000), 1_000_000_000]
    assert len(downsample(points(crowded), 100)) <= 10


def test_a_chart_says_none_where_there_is_no_number() -> None:
    chart = view(series([1, 2, 3], [1.0, math.nan, math.inf]), 100)
    assert chart.values == [1.0, None, None]
    assert chart.total == 3


def test_zooming_in_shows_every_point() -> None:
    one = series(list(range(5000)))
    assert len(view(one, 200).steps) <= 200
    assert view(one, 200, 100, 199).steps == list(range(100, 200))


@pytest.mark.parametrize(
    ("text", "told"), [("-1+cmd|' /C calc'!A0", "'-1+cmd|' /C calc'!A0"), ("+49", "+49"), ("-0.5", "-0.5")]
)
def test_a_spreadsheet_reads_numbers_as_numbers_and_the_rest_as_text(text: str, told: str) -> None:
    assert harmless(text) == told


def test_csv_holds_every_point_and_no_formula() -> None:
    one = Series("=cmd")
    one.append(points([1, 2], [0.5, math.nan]))
    rows = list(csv.reader(io.StringIO("".join(csv_lines([one])))))
    assert rows == [["tag", "step", "time", "value"], ["'=cmd", "1", "1.0", "0.5"], ["'=cmd", "2", "2.0", "nan"]]


@pytest.mark.parametrize(
    ("name", "tag"),
    [("accuracy", "accuracy/train"), ("cross-entropy", "loss/train"), ("top_k_accuracy_5", "top_k_accuracy_5/train")],
)
def test_metric_names_become_tags(name: str, tag: str) -> None:
    assert metric_tag(name, "train") == tag
