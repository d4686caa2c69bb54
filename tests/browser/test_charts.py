"""Charts of one point, two, none, equal values and very long runs: axes that begin where the run does, and whole words."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Any

import pytest
from playwright.sync_api import Browser, expect
from trainyard.jobs.states import JobState
from trainyard.records.monitoring import ComparedRun, Comparison, JobUsage
from trainyard.records.trainings import Curves, SeriesPoints
from trainyard_widgets.views.comparing import compared_curves, comparison_view, usage_view
from trainyard_widgets.views.monitor import curves_view, monitor_view

from tests.widgets.views.records import a_training, an_instance

from .by_hand import ByHand
from .visitor import PHONE, WIDE

# every word of the latest drawing, with its ends inside its canvas: [text, left, right, bottom, width of the canvas]
NOTED = """() => {
  window.drawn = [];
  const clear = CanvasRenderingContext2D.prototype.clearRect;
  CanvasRenderingContext2D.prototype.clearRect = function (...area) {
    window.drawn = [];
    return clear.apply(this, area);
  };
  const draw = CanvasRenderingContext2D.prototype.fillText;
  CanvasRenderingContext2D.prototype.fillText = function (text, x, y) {
    const width = this.measureText(text).width;
    const left = x - { center: width / 2, right: width }[this.textAlign] || x;
    if (this.getTransform().b === 0) window.drawn.push([text, left, left + width, y, this.canvas.width]);
    return draw.call(this, text, x, y);
  };
}"""
AXIS = "time since the first point"


@pytest.fixture
def monitor(chromium: Browser) -> Iterator[ByHand]:
    training = a_training(JobState.RUNNING, instances=[an_instance()])
    view: dict[str, Any] = monitor_view(training, None, "en") | {"waiting": None, "attempts": [], "replicas": []}
    by_hand = ByHand(chromium, "monitor", view=view)
    by_hand.page.route("**/api/v1/**", lambda route: route.fulfill(json={}))
    by_hand.page.evaluate(NOTED)
    yield by_hand
    by_hand.page.close()


def drawn(monitor: ByHand, holds: Callable[[list[list[Any]]], object]) -> None:
    """What stands on the one chart is soon as ``holds`` says."""
    expect(monitor.page.locator(".ty-curve canvas")).to_have_count(1)
    words: list[list[Any]] = []
    for _ in range(500):
        words = monitor.page.evaluate("window.drawn")
        if words and holds(words):
            return
        monitor.page.wait_for_timeout(20)
    raise AssertionError(words)


def below(words: list[list[Any]]) -> list[str]:
    """The words of the horizontal axis, without its name."""
    return list(dict.fromkeys(one[0] for one in lowest(words)))


def lowest(words: list[list[Any]]) -> list[list[Any]]:
    """The words of the horizontal axis from left to right, each once, without its name."""
    others = [one for one in words if one[0] != AXIS and "step (" not in one[0]]
    bottom = max((one[3] for one in others), default=0)
    return sorted({one[0]: one for one in others if one[3] == bottom}.values(), key=lambda one: one[1])


def ends(words: list[list[Any]]) -> tuple[str, str]:
    """The first and the last word of the horizontal axis."""
    return below(words)[0], below(words)[-1]


def used(*cores: float | None, seconds: float = 2.0) -> dict[str, Any]:
    times = [1.7e9 + seconds * place for place in range(len(cores))]
    return usage_view(JobUsage(job="j", times=times, cpu=list(cores)))


def loss(steps: Sequence[int], values: Sequence[float], tag: str = "loss/train") -> dict[str, Any]:
    return curves_view(Curves(instance=an_instance().id, series=[points(steps, values, tag)], snapshots=[]))


def points(steps: Sequence[int], values: Sequence[float], tag: str = "loss/train") -> SeriesPoints:
    times = [1.7e9 + step for step in steps]
    return SeriesPoints(tag=tag, steps=list(steps), times=times, values=list(values), total=len(steps))


def is_whole(words: list[list[Any]]) -> bool:
    return all(left >= -0.5 and right <= width + 0.5 for _, left, right, _, width in words)


def beside(words: list[list[Any]]) -> list[str]:
    """The numbers of the vertical axis."""
    across = below(words)
    return [one[0] for one in words if one[0] not in across and re.fullmatch(r"-?[\d.]+(e[+-]\d+|%)?", one[0])]


def are_told_apart(numbers: list[str], least: int) -> bool:
    return len(numbers) == len(set(numbers)) >= least


def do_not_touch(row: list[list[Any]]) -> bool:
    return all(before[2] + 4 < after[1] for before, after in pairwise(row))


def test_one_sample_begins_at_its_own_time(monitor: ByHand) -> None:
    monitor.push(usage=used(1.0))
    drawn(monitor, lambda words: ends(words) == ("0 s", "60 s") and is_whole(words))


def test_a_sample_without_a_number_and_one_with_it_are_two_moments(monitor: ByHand) -> None:
    monitor.push(usage=used(None, 1.0))
    drawn(monitor, lambda words: ends(words) == ("0 s", "2 s"))


def test_moments_less_than_a_second_apart_have_their_ticks(monitor: ByHand) -> None:
    monitor.push(usage=used(1.0, 2.0, seconds=0.3))
    drawn(monitor, lambda words: ends(words)[1] == "0.3 s")


def test_where_nothing_was_told_there_is_no_chart(monitor: ByHand) -> None:
    monitor.push(usage=used())
    expect(monitor.page.locator(".ty-curve")).to_have_count(0)
    monitor.push(usage=used(None))
    expect(monitor.page.locator(".ty-curve")).to_have_count(0)


def test_one_step_of_many_has_its_place_between_its_neighbours(monitor: ByHand) -> None:
    monitor.push(curves=loss([500], [0.25]))
    drawn(monitor, lambda words: below(words) == ["499", "500", "501"])
    monitor.push(curves=loss([0], [0.25]))
    drawn(monitor, lambda words: below(words) == ["0", "1"])


@pytest.mark.parametrize("value", [0.0, 0.5, 1e-7, -3.0, 123456789.0], ids=["none", "half", "tiny", "negative", "huge"])
def test_equal_values_have_an_axis_around_them(monitor: ByHand, value: float) -> None:
    monitor.push(curves=loss(range(50), [value] * 50))
    drawn(monitor, lambda words: are_told_apart(beside(words), 2) and is_whole(words))


@pytest.mark.parametrize(("tag", "values"), [("loss/train", (1.000001, 1.000004)), ("accuracy/train", (0.99991, 0.99994))])
def test_values_next_to_each_other_are_told_apart(monitor: ByHand, tag: str, values: tuple[float, float]) -> None:
    monitor.push(curves=loss(range(2), values, tag))
    drawn(monitor, lambda words: are_told_apart(beside(words), 3))


@pytest.mark.parametrize("width", [PHONE, WIDE])
@pytest.mark.parametrize("last", [1_000_000, 3_000_000_000, 2**53], ids=["million", "billions", "most"])
def test_a_very_long_run_has_words_that_do_not_touch(monitor: ByHand, last: int, width: int) -> None:
    monitor.page.set_viewport_size({"width": width, "height": 900})
    monitor.push(curves=loss([0, last // 2, last], [3.0, 2.0, 1.0]))
    drawn(monitor, lambda words: is_whole(words) and do_not_touch(lowest(words)))


def test_a_run_of_weeks_is_told_in_days(monitor: ByHand) -> None:
    monitor.push(usage=used(*[1.0] * 100, seconds=86_400 * 0.9))
    drawn(monitor, lambda words: below(words)[0] == "0 d" and is_whole(words))


def test_on_a_phone_what_is_compared_stands_beside_its_names(chromium: Browser) -> None:
    one = {"training": "1" * 16, "name": "first", "instance": None, "state": "finished", "owner": "ana"}
    run = ComparedRun.model_validate(one | {"parameters": {"optimizer.final_learning_rate_of_the_backbone": 0.125}})
    view = {"comparison": comparison_view(Comparison(runs=[run], differing=[])), "others": []}
    by_hand = ByHand(chromium, "monitor", query={"runs": run.training}, view=view)
    by_hand.page.set_viewport_size({"width": PHONE, "height": 900})
    table = by_hand.page.get_by_role("region", name="Side by side")
    value = table.get_by_role("cell", name="0.125").bounding_box()
    name = table.get_by_role("rowheader", name="final_learning_rate").bounding_box()
    assert value is not None and name is not None
    assert name["x"] + name["width"] < value["x"] + 1 and value["x"] + 60 < PHONE
    by_hand.page.close()


def test_a_long_value_leaves_the_other_runs_in_sight(chromium: Browser) -> None:
    one = {"instance": None, "state": "finished", "owner": "ana"}
    runs = [
        ComparedRun.model_validate(one | {"training": name * 16, "name": name, "parameters": {"classes": "值" * 300}})
        for name in "ab"
    ]
    view = {"comparison": comparison_view(Comparison(runs=runs, differing=[])), "others": []}
    by_hand = ByHand(chromium, "monitor", query={"runs": ",".join(run.training for run in runs)}, view=view)
    table = by_hand.page.get_by_role("region", name="Side by side")
    expect(table.get_by_role("link", name="b", exact=True)).to_be_visible()
    assert table.evaluate("(box) => box.scrollWidth <= box.clientWidth")
    by_hand.page.close()


def test_runs_that_are_compared_are_told_apart_without_their_colours(chromium: Browser) -> None:
    ids = [f"{number:016x}" for number in range(5)]
    runs = [ComparedRun(training=one, name=one, instance=one, state="finished", owner="ana") for one in ids]
    found = Comparison(runs=runs, differing=[])
    steps = list(range(0, 3000, 30))
    curves = [
        Curves(instance=one, series=[points(steps, [place + 100 / (100 + at) for at in steps])], snapshots=[])
        for place, one in enumerate(ids)
    ]
    view = {"comparison": comparison_view(found), "others": []}
    by_hand = ByHand(chromium, "monitor", query={"runs": ",".join(ids)}, view=view, curves=compared_curves(found, curves))
    legend = by_hand.page.locator(".ty-curve .ty-legend .ty-line-key line")
    expect(legend).to_have_count(len(ids))
    dashes = [line.get_attribute("stroke-dasharray") for line in legend.all()]
    head = by_hand.page.get_by_role("region", name="Side by side").locator("th .ty-line-key line")
    assert len(set(dashes)) == len(ids)
    assert [line.get_attribute("stroke-dasharray") for line in head.all()] == dashes
    by_hand.page.close()


def test_what_is_compared_is_written_as_on_the_charts(chromium: Browser) -> None:
    one = {"training": "1" * 16, "name": "first", "instance": None, "state": "finished", "owner": "ana"}
    told = {"accuracy/validation": 0.9987, "accuracy/of_a_hundred": 98.76, "loss/validation": 0.9987}
    run = ComparedRun.model_validate(one | {"metrics": told, "best": told | {"accuracy/validation": 0.9991}})
    view = {"comparison": comparison_view(Comparison(runs=[run], differing=[])), "others": []}
    by_hand = ByHand(chromium, "monitor", query={"runs": run.training}, view=view)
    table = by_hand.page.get_by_role("region", name="Side by side")
    expect(table.get_by_role("row", name="accuracy/validation")).to_contain_text("99.87% (best 99.91%)")
    expect(table.get_by_role("row", name="accuracy/of_a_hundred")).to_contain_text("98.76")
    expect(table.get_by_role("row", name="accuracy/of_a_hundred")).not_to_contain_text("%")
    expect(table.get_by_role("row", name="loss/validation")).to_contain_text("0.9987")
    by_hand.page.close()
