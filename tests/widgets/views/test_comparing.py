"""Runs side by side, resources, and places on an axis, as the monitor draws them."""

from __future__ import annotations

from trainyard.records.monitoring import ComparedRun, Comparison, JobUsage
from trainyard.records.trainings import Curves, SeriesPoints
from trainyard_widgets.views.comparing import compared_curves, comparison_view, steps_between, usage_view
from trainyard_widgets.views.monitor import curves_view


def run(name: str, **given: object) -> ComparedRun:
    told = {"training": name, "name": name, "instance": f"i{name}", "state": "finished", "owner": "ana"}
    return ComparedRun.model_validate(told | given)


def series(tag: str, values: list[float | None]) -> SeriesPoints:
    steps = list(range(len(values)))
    return SeriesPoints(tag=tag, steps=steps, times=[100.0 + 60 * step for step in steps], values=values, total=len(values))


def test_parameters_that_differ_stand_first():
    one, other = run("a", parameters={"same": 1, "lr": 0.1}), run("b", parameters={"same": 1})
    table = comparison_view(Comparison(runs=[one, other], differing=["lr"]))
    assert [(row["name"], row["differs"], row["values"]) for row in table["parameters"]] == [
        ("lr", True, ["0.1", None]),
        ("same", False, ["1", "1"]),
    ]


def test_each_scalar_is_a_chart_with_a_line_for_every_run_that_has_it():
    found = Comparison(runs=[run("a"), run("b")], differing=[])
    curves = [
        Curves(instance="ia", series=[series("loss/train", [1, 2]), series("progress/epoch", [1, 1])], snapshots=[]),
        Curves(instance="ib", series=[series("loss/train", [3]), series("mine", [4])], snapshots=[]),
    ]
    drawn = compared_curves(found, curves)
    assert [(chart["name"], [line["label"] for line in chart["series"]]) for chart in drawn["charts"]] == [
        ("loss/train", ["a", "b"]),
        ("mine", ["b"]),
    ]


def test_what_the_machine_never_told_has_no_chart():
    usage = JobUsage(job="j", times=[10.0, 12.0], cpu=[1, 2], memory=[None, None], disk_read=[0, 1], disk_write=[None, 2])
    drawn = usage_view(usage)
    assert [(chart["name"], len(chart["series"])) for chart in drawn["charts"]] == [("cpu", 1), ("disk", 2)]
    assert drawn["charts"][0]["series"][0]["seconds"] == [0, 2]


def test_a_chart_has_the_limit_of_the_package_where_there_is_one():
    usage = JobUsage(job="j", times=[10.0], cpu=[1], memory=[5], disk_read=[0], cpu_limit=2.0, memory_limit=1 << 30)
    assert [(chart["name"], chart["limit"]) for chart in usage_view(usage)["charts"]] == [
        ("cpu", 2.0),
        ("memory", 1 << 30),
        ("disk", None),
    ]


def test_no_line_joins_what_two_attempts_used():
    drawn = usage_view(JobUsage(job="j", attempts=[0, 2], times=[10.0, 12.0, 30.0], cpu=[1, 2, 3]))
    line = drawn["charts"][0]["series"][0]
    assert (line["seconds"], line["values"]) == ([0, 2, 11, 20], [1, 2, None, 3])


def test_a_part_of_the_time_axis_becomes_steps():
    drawn = curves_view(Curves(instance="i", series=[series("loss/train", [1.0] * 100)], snapshots=[]))
    assert steps_between(drawn, "step", (2.5, 7.2)) == (2, 8)
    assert steps_between(drawn, "time", (10.5, 20.5)) == (10, 21)
    assert steps_between({}, "time", (0, 1))[0] == 0


def test_a_loss_that_is_no_number_any_more_is_told():
    def lost(values: list[float | None]) -> list[str]:
        found: list[str] = curves_view(Curves(instance="i", series=[series("loss/train", values)], snapshots=[]))["lost"]
        return found

    assert lost([1.0, None]) == ["loss/train"]
    assert lost([None, 1.0]) == []


def test_charts_of_cards_have_all_of_them_as_their_limit():
    usage = JobUsage(job="j", times=[10.0], gpu=[0.5], gpu_memory=[5], gpu_memory_limit=80 << 30)
    assert {chart["name"]: chart["limit"] for chart in usage_view(usage)["charts"]} == {"gpu": 1.0, "gpu_memory": 80 << 30}
