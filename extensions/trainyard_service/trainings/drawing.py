"""Curves as a picture, by matplotlib in a process of its own: the service never loads it, and nothing of it stays.

``python -m trainyard_service.trainings.drawing`` reads the request as JSON from standard input and writes PNG or SVG.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from trainyard.errors import Unavailable
from trainyard.words import N_

SECONDS = 60
_AT_ONCE = asyncio.Semaphore(2)
_FONTS = ["DejaVu Sans", "Noto Sans CJK SC", "Noto Sans CJK JP", "WenQuanYi Micro Hei"]
# Okabe and Ito's colours, as on the page
_COLOURS = ["#2456d6", "#d55e00", "#007e5c", "#9a4f96", "#a06a00", "#3a8dc4", "#5b6577"]
# and its dashes: a run is told from another without its colour
_DASHES: list[Any] = ["solid", *((0, dash) for dash in ((1, 1.5), (7, 2.5), (6, 2, 1, 2), (6, 1.5, 1, 1.5, 1, 1.5)))]
_WIDTH, _HEIGHT = 9.0, 3.2


@dataclass(frozen=True)
class Picture:
    """What to draw: ``charts`` are {title, lines: [{label, place, x, values}]}; ``kind``: png or svg; ``x``: words below."""

    kind: str
    title: str
    x: str
    charts: list[dict[str, Any]]
    smoothing: float = 0.0
    logarithmic: bool = False


async def draw(picture: Picture, cache: Path) -> bytes:
    """The picture's bytes; ``cache`` is a folder for what matplotlib keeps of fonts.

    Raises:
        Unavailable: it took too long, or failed.
    """
    return await run("trainyard_service.trainings.drawing", json.dumps(asdict(picture)), cache)


async def run(module: str, request: str, cache: Path) -> bytes:
    """What ``module`` draws of a ``request`` in JSON, in a process of its own.

    Raises:
        Unavailable: it took too long, or failed.
    """
    environment = {"MPLCONFIGDIR": str(cache), "PATH": os.environ.get("PATH", ""), "LANG": "C.UTF-8"}
    async with _AT_ONCE:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", module),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env=environment,
        )
        try:
            drawn, _ = await asyncio.wait_for(process.communicate(request.encode()), SECONDS)
        except TimeoutError:
            drawn = b""
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
    if process.returncode or not drawn:
        raise Unavailable("not-drawn", N_("The picture could not be drawn."), hint=N_("Try again, or take the numbers as CSV."))
    return drawn


def smoothed(values: list[float | None], weight: float) -> list[float | None]:
    """Exponential moving average without the pull towards zero at the start, as the page and TensorBoard draw it."""
    total = parts = 0.0
    drawn: list[float | None] = []
    for value in values:
        if value is not None:
            total, parts = total * weight + (1 - weight) * value, parts * weight + (1 - weight)
        drawn.append(None if value is None else total / parts)
    return drawn


def prepared() -> Any:
    """matplotlib's pyplot, without a window, with the fonts of both languages, at a modest priority."""
    os.nice(5)
    import matplotlib as mpl

    mpl.use("agg")
    # names are shown as they are: a dollar in one begins no formula
    mpl.rcParams.update({"font.family": _FONTS, "svg.fonttype": "path", "font.size": 9, "text.parse_math": False})
    from matplotlib import pyplot

    return pyplot


def main() -> None:
    """Draw what standard input asks for."""
    pyplot = prepared()
    asked = Picture(**json.loads(sys.stdin.buffer.read()))
    rows = max(1, len(asked.charts))
    figure, places = pyplot.subplots(rows, 1, figsize=(_WIDTH, _HEIGHT * rows), squeeze=False, layout="constrained")
    figure.suptitle(asked.title)
    for place, chart in zip(places[:, 0], asked.charts, strict=False):
        _draw_chart(place, chart, asked)
    figure.savefig(sys.stdout.buffer, format=asked.kind, dpi=150)


def _draw_chart(place: Any, chart: dict[str, Any], asked: Picture) -> None:
    drawn = []
    for line in chart["lines"]:
        numbers = [float("nan") if value is None else value for value in line["values"]]
        colour, dash = _COLOURS[line["place"] % len(_COLOURS)], _DASHES[line["place"] % len(_DASHES)]
        if asked.smoothing:
            place.plot(line["x"], numbers, color=colour, alpha=0.25, linewidth=0.8)
            numbers = [float("nan") if value is None else value for value in smoothed(line["values"], asked.smoothing)]
        point = "o" if len(numbers) == 1 else None
        drawn += place.plot(line["x"], numbers, color=colour, linestyle=dash, linewidth=1.4, marker=point)
    place.set_title(chart["title"], loc="left")
    place.set_xlabel(asked.x)
    place.set_yscale("log" if asked.logarithmic else "linear")
    place.grid(alpha=0.3)
    if drawn:
        # matplotlib itself takes no names that begin with an underscore
        place.legend(drawn, [line["label"] for line in chart["lines"]], fontsize=8, handlelength=4)


if __name__ == "__main__":
    main()
