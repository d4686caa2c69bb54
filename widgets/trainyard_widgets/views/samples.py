"""Sample pictures with their labels: tags for classes of the whole picture, boxes in pixels of the original."""

from __future__ import annotations

from typing import Any

from trainyard.records.datasets import SampleView

PAGE_SIZE = 60


def sample_view(sample: SampleView) -> dict[str, Any]:
    """``tags`` (label set and class) and ``boxes`` (class, left, top, width, height in pixels of the original picture)."""
    entries = [(labels, entry) for labels in sample.labels for entry in labels.get("data", ())]
    return {
        "line": sample.line,
        "name": sample.url.rsplit("/", 1)[-1],
        "url": sample.url,
        "picture": sample.picture,
        "tags": [_tag(labels, entry) for labels, entry in entries if not entry.get("bbox") and entry.get("class")],
        "boxes": [_box(labels, entry) for labels, entry in entries if entry.get("bbox")],
    }


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
        "left": min(across),
        "top": min(down),
        "width": max(across) - min(across),
        "height": max(down) - min(down),
        "points": [[float(x), float(y)] for x, y in (mark["pt"] for mark in entry.get("landmarks") or ())],
    }
