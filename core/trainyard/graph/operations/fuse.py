"""Doing several operations of a chain at once: one interpolation for many, one table for many.

Tables are combined exactly. Geometry is combined when one warp shows what the steps one after the other would show:

- what is outside is black, and no perspective is among them;
- no frame on the way cuts off anything that the last frame would show;
- nothing is made smaller on the way than it is in the end, as one warp would bring back detail that is lost;
- it saves an interpolation: turning by an angle is among them, or two that interpolate.

The result is a little sharper than that of the steps, as each interpolation softens: on photographs both agree to 30 dB or
better (``tests/core/graph/test_fuse.py``). Pictures and labels use the same matrices.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from trainyard.graph.operations.light import looked_up
from trainyard.graph.operations.operation import Geometry, Matrix, Pixels, Points, Size, Table, mapped
from trainyard.graph.operations.script import Chosen
from trainyard.graph.operations.warp import size_of, warp

_SLACK = 0.51  # pixels: frames are rounded to whole ones


class _Frame(NamedTuple):
    """What one step makes: the matrix from the run's first picture to it, and its size."""

    matrix: Matrix
    size: Size


def rendered(picture: Pixels, chosen: Sequence[Chosen]) -> Pixels:
    """``picture`` after all of ``chosen``, several at once where that shows the same."""
    number = 0
    while number < len(chosen):
        size = size_of(picture)
        length, geometry = _geometry_run(chosen[number:], size)
        if geometry is not None:
            picture = warp(picture, geometry)
        else:
            length, table = _table_run(chosen[number:])
            operation, drawn = chosen[number]
            picture = looked_up(picture, table) if table is not None else operation.apply(picture, drawn)
        number += length
    return picture


def _table_run(chosen: Sequence[Chosen]) -> tuple[int, Table | None]:
    """How many at the start are tables, and the one table that does the same; None for fewer than two."""
    tables: list[Table] = []
    for operation, drawn in chosen:
        if operation.table is None:
            break
        tables.append(operation.table(drawn))
    if len(tables) < 2:
        return 1, None
    combined = tables[0]
    for table in tables[1:]:
        combined = table[combined]
    return len(tables), combined


def _geometry_run(chosen: Sequence[Chosen], size: Size) -> tuple[int, Geometry | None]:
    """The longest start of ``chosen`` that one warp can do, and that warp; None where it would save nothing."""
    straight = _straight(chosen, size)
    frames = [_Frame(np.eye(3), size)]
    for geometry in straight:
        frames.append(_Frame(geometry.matrix @ frames[-1].matrix, geometry.size))
    for length in range(len(straight), 1, -1):
        steps = [geometry.matrix for geometry in straight[:length]]
        if _saves(steps) and _shows_the_same(frames[: length + 1]):
            return length, Geometry(*frames[length])
    return 1, None


def _straight(chosen: Sequence[Chosen], size: Size) -> list[Geometry]:
    """What the operations at the start do that may be combined; nothing where there are fewer than two."""
    if len(chosen) < 2 or chosen[1].operation.geometry is None:
        return []
    found: list[Geometry] = []
    for operation, drawn in chosen:
        if operation.geometry is None:
            break
        geometry: Geometry = operation.geometry(drawn, size)
        if geometry.fill != "black" or geometry.matrix[2, :2].any():
            break
        found.append(geometry)
        size = geometry.size
    return found


def _saves(steps: Sequence[Matrix]) -> bool:
    turns = any(abs(step[0, 1]) > 1e-9 or abs(step[1, 0]) > 1e-9 for step in steps)
    return turns or sum(1 for step in steps if not np.array_equal(np.abs(step[:2, :2]), np.eye(2))) >= 2


def _shows_the_same(frames: Sequence[_Frame]) -> bool:
    first, last = frames[0], frames[-1]
    smallest = min(1.0, _scale(last.matrix)) * 0.99
    back = np.linalg.inv(last.matrix)
    return all(
        _scale(frame.matrix) >= smallest
        and (
            _inside(mapped(frame.matrix, _corners(first.size)), frame.size)
            or _inside(mapped(frame.matrix @ back, _corners(last.size)), frame.size)
        )
        for frame in frames[1:-1]
    )


def _scale(matrix: Matrix) -> float:
    """By how much it shrinks in the direction in which it shrinks most."""
    (a, b), (c, d) = matrix[:2, :2].tolist()
    half, area = (a * a + b * b + c * c + d * d) / 2, a * d - b * c
    return math.sqrt(max(0.0, half - math.sqrt(max(0.0, half * half - area * area))))


def _corners(size: Size) -> Points:
    return np.array([(0, 0), (size.width, 0), size, (0, size.height)], dtype=np.float64)


def _inside(points: Points, size: Size) -> bool:
    width, height = size.width + _SLACK, size.height + _SLACK
    return all(-_SLACK <= x <= width and -_SLACK <= y <= height for x, y in points.tolist())
