"""Statistics of a dataset as charts: one bar a class, pictures and objects counted, in an order people look for."""

from __future__ import annotations

from typing import Any

from trainyard.records.datasets import LabelSetSummary, Statistics

from trainyard_widgets.views.examination import trimmed


def statistics_view(statistics: Statistics | None) -> dict[str, Any] | None:
    """Totals, one chart for each label set, and the problems of the list; None while nothing was counted."""
    if statistics is None:
        return None
    plain = statistics.model_dump(mode="json", exclude={"label_sets", "problems"})
    return {
        "places": plain.pop("places"),
        "remarks": plain.pop("remarks"),
        "totals": plain,
        "charts": [chart(labels) for labels in statistics.label_sets],
        "problems": [problem.model_dump(mode="json") for problem in statistics.problems],
        "problems_hidden": max(0, statistics.problems_total - len(statistics.problems)),
    }


def chart(labels: LabelSetSummary) -> dict[str, Any]:
    """The bars of one label set, sorted by name where names are numbers, else by count.

    ``share`` is a bar's length as a part of the longest; ``imbalance`` how many times the largest class exceeds the smallest.
    """
    boxes = labels.type != "classification"
    counts = labels.objects_by_class if boxes else labels.classes
    longest = max(counts.values(), default=0)
    smallest = min((count for count in counts.values() if count), default=0)
    return {
        "key": f"{labels.type}.{labels.name}",
        "name": labels.name,
        "type": labels.type,
        "images": labels.images,
        "objects": labels.objects,
        "counted": "objects" if boxes else "images",
        "bars": [
            {"class": name, "count": counts[name], "images": labels.classes.get(name, 0), "share": counts[name] / longest}
            for name in in_order(counts)
            if longest
        ],
        "boxes": boxes,
        "box_sizes": trimmed(labels.box_sizes) if labels.box_sizes else None,
        "imbalance": round(longest / smallest, 1) if smallest else None,
    }


def in_order(counts: dict[str, int]) -> list[str]:
    """Class names in number order where all are numbers, else the most frequent first and ties by name."""
    if all(name.isdecimal() for name in counts):
        return sorted(counts, key=int)
    return sorted(counts, key=lambda name: (-counts[name], name))


def class_colours(summaries: list[LabelSetSummary]) -> dict[str, int]:
    """A number for each class over all label sets, stable between pages, that the page turns into a colour."""
    names = sorted({name for labels in summaries for name in (*labels.classes, *labels.objects_by_class)})
    return {name: number for number, name in enumerate(names)}
