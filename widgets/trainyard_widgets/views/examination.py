"""What looking at every picture found, as the page draws it: sizes, and files that are missing, broken or there twice."""

from __future__ import annotations

from typing import Any

from trainyard.records.examinations import Bins, Examination, SizeTable


def examination_view(found: Examination) -> dict[str, Any] | None:
    """The counts with their charts, ``readable`` pictures, ``average`` (bytes, width, height); None while nothing is known."""
    if not found.pictures:
        return None
    bad = found.missing + found.broken
    return {
        **found.model_dump(mode="json", include=_PLAIN),
        "readable": max(0, found.pictures - bad),
        "sizes": size_map(found.sizes) if found.sizes else None,
        "average": _average(found),
        "box_parts": {key: trimmed(bins) for key, bins in found.box_parts.items()},
        "problems_hidden": max(0, bad - len(found.problems)),
    }


def running_view(found: Examination) -> dict[str, Any] | None:
    """How far a look is that is under way, or why the last one failed; None when there is nothing to say."""
    if found.state in ("queued", "running"):
        return {"state": found.state, "progress": found.progress.model_dump() if found.progress else None}
    return {"state": "failed", "error": found.error} if found.state == "failed" else None


def trimmed(bins: Bins) -> dict[str, Any]:
    """``edges`` (one more than counts, the last None where the last bin has no end) without most empty bins at both ends."""
    first, end = _filled(bins.counts)
    return {"edges": _edges(bins.edges, first, end), "counts": bins.counts[first:end]}


def size_map(sizes: SizeTable) -> dict[str, Any]:
    """``counts`` by height and then by width, without most empty rows and columns at the rim; edges as in ``trimmed``."""
    left, right = _filled([sum(column) for column in sizes.counts])
    low, high = _filled([sum(row) for row in zip(*sizes.counts, strict=True)])
    return {
        "width_edges": _edges(sizes.width_edges, left, right),
        "height_edges": _edges(sizes.height_edges, low, high),
        "counts": [[sizes.counts[column][row] for column in range(left, right)] for row in range(low, high)],
    }


def _average(found: Examination) -> dict[str, float]:
    readable = max(1, found.pictures - found.missing - found.broken)
    plain = {"bytes": found.bytes / readable}
    if found.sizes is None or not any(map(sum, found.sizes.counts)):
        return plain
    across = [sum(column) for column in found.sizes.counts]
    down = [sum(row) for row in zip(*found.sizes.counts, strict=True)]
    return plain | {"width": _mean(found.sizes.width_edges, across), "height": _mean(found.sizes.height_edges, down)}


def _mean(edges: list[float], counts: list[int]) -> float:
    """Over bins, each counted by its middle; the last, which has no end, by a quarter above its begin."""
    middles = [(low + high) / 2 for low, high in zip(edges, [*edges[1:], edges[-1] * 1.5], strict=True)]
    return round(sum(middle * count for middle, count in zip(middles, counts, strict=True)) / sum(counts), 1)


def _filled(counts: list[int]) -> tuple[int, int]:
    """From the first bin with something to the last, and around them until there are enough to see a shape."""
    places = [place for place, count in enumerate(counts) if count]
    first, end = (places[0], places[-1] + 1) if places else (0, len(counts))
    while end - first < min(_FEWEST, len(counts)):
        first, end = max(0, first - 1), min(len(counts), end + 1)
    return first, end


def _edges(edges: list[float], first: int, end: int) -> list[float | None]:
    return [*edges[first:end], edges[end] if end < len(edges) else None]


_FEWEST = 7
_PLAIN = {
    "pictures", "missing", "broken", "duplicates", "bytes", "smallest", "largest", "kinds", "boxes_outside", "problems",
    "duplicate_groups",
}  # fmt: skip
