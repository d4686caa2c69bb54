"""Take boxes along when a picture is turned upright and resized."""

from __future__ import annotations

from trainyard.datasets.frame import Frame
from trainyard.formats.record import Box


def framed(boxes: tuple[Box, ...], frame: Frame, size: tuple[int, int]) -> tuple[Box, ...]:
    """``boxes`` of the stored picture in the picture turned upright and resized to ``size`` (width, height).

    What reaches over the edge is cut off there; a box of which nothing lies inside is left out.
    """
    across, down = size[0] / frame.upright[0], size[1] / frame.upright[1]
    cut = (_cut(_moved(box, frame, across, down), size) for box in boxes)
    return tuple(box for box in cut if box.xmax > box.xmin and box.ymax > box.ymin)


def _moved(box: Box, frame: Frame, across: float, down: float) -> Box:
    x, y = frame.point(box.xmin, box.ymin)
    u, v = frame.point(box.xmax, box.ymax)
    left, right = sorted((x * across, u * across))
    top, bottom = sorted((y * down, v * down))
    return box._replace(xmin=left, ymin=top, xmax=right, ymax=bottom)


def _cut(box: Box, size: tuple[int, int]) -> Box:
    across, down = map(float, size)
    return box._replace(xmin=max(box.xmin, 0.0), ymin=max(box.ymin, 0.0), xmax=min(box.xmax, across), ymax=min(box.ymax, down))
