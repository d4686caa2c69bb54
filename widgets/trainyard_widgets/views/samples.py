"""Sample pictures with their labels: tags for classes of the whole picture, boxes in pixels of the original."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from trainyard.records.datasets import SampleView

PAGE_SIZE = 120


def sample_view(sample: SampleView) -> dict[str, Any]:
    """``tags`` (label set and class) and ``boxes`` (class, extent, outline, points, in pixels of the original picture)."""
    entries = [(labels, entry) for labels in sample.labels for entry in labels.get("data", ())]
    return {
        "line": sample.line,
        "name": sample.url.rsplit("/", 1)[-1],
        "url": sample.url,
        "picture": sample.picture,
        "tags": [_tag(labels, entry) for labels, entry in entries if not entry.get("bbox") and entry.get("class")],
        "boxes": [_box(labels, entry) for labels, entry in entries if entry.get("bbox")],
    }


def place_of_line(line: int, total: int, line_at: Callable[[int], int]) -> int:
    """Where among ``total`` pictures in the order of their lines the one on ``line`` stands, or the next one after it.

    ``line_at`` tells the line of a place; about log2 of ``total`` places are asked for.
    """
    low, high = 0, min(total, line)
    while low < high:
        middle = (low + high) // 2
        if line_at(middle) < line:
            low = middle + 1
        else:
            high = middle
    return min(low, total - 1)


def _tag(labels: dict[str, Any], entry: dict[str, Any]) -> dict[str, Any]:
    return {"set": labels.get("name", ""), "class": entry["class"], "score": entry.get("score")}


def _box(labels: dict[str, Any], entry: dict[str, Any]) -> dict[str, Any]:
    across = [float(point[0]) for point in entry["bbox"]]
    down = [float(point[1]) for point in entry["bbox"]]
    cluster = (entry.get("cluster") or {}).get("id", "")
    return {
        "set": labels.get("name", ""),
        "class": entry.get("class") or cluster or labels.get("type", ""),
        "score": entry.get("score", entry.get("bbox_score")),
        "difficult": bool(entry.get("difficult")),
        "left": min(across),
        "top": min(down),
        "width": max(across) - min(across),
        "height": max(down) - min(down),
        "polygon": [[float(x), float(y)] for x, y in entry.get("polygon") or ()],
        "points": [[float(x), float(y)] for x, y in (mark["pt"] for mark in entry.get("landmarks") or ())],
    }
