"""A search as a picture, by matplotlib in a process of its own, as curves are (``trainings.drawing``).

``python -m trainyard_service.searches.drawing`` reads the request as JSON from standard input and writes PNG or SVG.
"""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path
from typing import Any

from trainyard.records.searches import Choice, Direction, Importances, Search, Trial

from trainyard_service.trainings import drawing as curves_drawing

_WIDTH, _HEIGHT = 9.0, 3.4
_MARKS = {"complete": "o", "pruned": "x", "failed": "s", "running": "^", "stopped": "D"}
# Okabe and Ito's colours, as on the page
_COLOURS = {"complete": "#2456d6", "pruned": "#a06a00", "failed": "#d55e00", "running": "#007e5c", "stopped": "#5b6577"}


def picture(kind: str, search: Search, trials: list[Trial], importances: Importances) -> dict[str, Any]:
    """What to draw, as plain data."""
    told = [one for one in trials if one.value is not None and math.isfinite(one.value)]
    space = search.asked.space
    return {
        "kind": kind,
        "title": search.name,
        "tag": search.asked.objective.tag,
        "maximize": search.asked.objective.direction is Direction.MAXIMIZE,
        "trials": [
            {"number": one.number, "state": one.state.value, "value": one.value, "parameters": one.parameters} for one in told
        ],
        "axes": [
            {"name": name, "log": getattr(one, "log", False), "values": one.values if isinstance(one, Choice) else None}
            for name, one in space.items()
        ],
        "importances": [[one.parameter, one.part] for one in importances.parameters],
    }


async def draw(asked: dict[str, Any], cache: Path) -> bytes:
    """The picture's bytes.

    Raises:
        Unavailable: it took too long, or failed.
    """
    return await curves_drawing.run("trainyard_service.searches.drawing", json.dumps(asked), cache)


def main() -> None:
    """Draw what standard input asks for."""
    pyplot = curves_drawing.prepared()
    asked = json.loads(sys.stdin.buffer.read())
    rows = 3 if asked["importances"] else 2
    figure, places = pyplot.subplots(rows, 1, figsize=(_WIDTH, _HEIGHT * rows), squeeze=False, layout="constrained")
    figure.suptitle(asked["title"])
    _draw_history(places[0, 0], asked)
    _draw_parallel(places[1, 0], asked)
    if rows == 3:
        names = [name for name, _ in reversed(asked["importances"])]
        places[2, 0].barh(names, [part for _, part in reversed(asked["importances"])], color="#2456d6")
        places[2, 0].set_title("importances", loc="left")
    figure.savefig(sys.stdout.buffer, format=asked["kind"], dpi=150)


def _draw_history(place: Any, asked: dict[str, Any]) -> None:
    trials = asked["trials"]
    for state in dict.fromkeys(one["state"] for one in trials):
        some = [one for one in trials if one["state"] == state]
        numbers, values = [one["number"] for one in some], [one["value"] for one in some]
        place.scatter(numbers, values, marker=_MARKS[state], color=_COLOURS[state], label=state, s=24)
    best, line = None, []
    for one in trials:
        if one["state"] == "complete":
            better = best is None or (one["value"] > best if asked["maximize"] else one["value"] < best)
            best = one["value"] if better else best
            line.append((one["number"], best))
    if line:
        place.step([x for x, _ in line], [y for _, y in line], where="post", color="#007e5c", label="best so far")
    place.set_title(asked["tag"], loc="left")
    place.set_xlabel("trial")
    place.grid(alpha=0.3)
    place.legend(fontsize=8)


def _draw_parallel(place: Any, asked: dict[str, Any]) -> None:
    axes = [*asked["axes"], {"name": asked["tag"], "log": False, "values": None}]
    columns = [[_number(one["parameters"].get(axis["name"]), axis) for one in asked["trials"]] for axis in axes[:-1]]
    columns.append([one["value"] for one in asked["trials"]])
    scaled = [_scaled(column) for column in columns]
    shade = scaled[-1] if asked["maximize"] else [1 - one for one in scaled[-1]]
    from matplotlib import colormaps

    for at in sorted(range(len(shade)), key=lambda at: shade[at]):
        colour = colormaps["cividis"](shade[at])
        place.plot(range(len(axes)), [column[at] for column in scaled], color=colour, alpha=0.8, linewidth=1)
    place.set_xticks(range(len(axes)), [axis["name"] for axis in axes])
    place.set_yticks([])
    for at, column in enumerate(columns):
        place.axvline(at, color="#5b6577", linewidth=0.8)
        for end, value in ((0, min(column)), (1, max(column))):
            place.text(at, end, _told(value, axes[at]), fontsize=7, ha="center", va="top" if end == 0 else "bottom")


def _number(value: Any, axis: dict[str, Any]) -> float:
    if axis["values"] is not None:
        return float(axis["values"].index(value))
    return math.log10(value) if axis["log"] else float(value)


def _scaled(column: list[float]) -> list[float]:
    low, high = min(column), max(column)
    return [0.5 if high == low else (one - low) / (high - low) for one in column]


def _told(value: float, axis: dict[str, Any]) -> str:
    if axis["values"] is not None:
        return str(axis["values"][int(value)])
    return f"{10**value if axis['log'] else value:.4g}"


if __name__ == "__main__":
    main()
