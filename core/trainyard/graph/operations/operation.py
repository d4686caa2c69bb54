"""What an operation is: what it draws, what it does to pixels, and what it does to points.

Coordinates are continuous pixels, as in labelled lists: the picture spans 0 to its width and 0 to its height, and the middle
of its first pixel lies at (0.5, 0.5).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, Literal, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from trainyard.graph.operations.parameters import Parameter, Values

Pixels = npt.NDArray[np.uint8]
"""(height, width) or (height, width, 3) in BGR order."""
Points = npt.NDArray[np.float64]
"""(n, 2): x and y in continuous pixels."""
Matrix = npt.NDArray[np.float64]
"""(3, 3): takes continuous pixels of a picture to those of the picture that is made of it."""
Table = npt.NDArray[np.uint8]
"""(256,): the new value of every value."""
Group = Literal["geometry", "frame", "blur", "noise", "light", "colour", "covering"]
D = TypeVar("D", bound=tuple[Any, ...])


class Size(NamedTuple):
    """Of a picture, in pixels."""

    width: int
    height: int


class Geometry(NamedTuple):
    """Where a straight-lined operation takes the points of a picture, the size that it makes, and what lies outside."""

    matrix: Matrix
    size: Size
    fill: str = "black"


@dataclass(frozen=True, kw_only=True)
class Operation(Generic[D]):
    """One operation.

    ``drawn`` is a NamedTuple type of plain numbers and words, all that ``apply`` needs to know beside the picture. A field
    with the name of a parameter takes that parameter's value, drawn if it is a range; ``key`` takes 31 random bits for
    operations that need many random numbers; ``choose`` replaces this where it does not suffice. ``geometry`` is set
    where lines stay lines, ``bend`` where they do not; ``table`` where a new value depends on the old value alone.
    """

    name: str
    title: str
    group: Group
    text: str
    drawn: type[D]
    apply: Callable[[Pixels, D], Pixels]
    parameters: tuple[Parameter, ...] = ()
    choose: Callable[[np.random.Generator, Values], D] | None = None
    geometry: Callable[[D, Size], Geometry] | None = None
    bend: Callable[[Points, D, Size], Points] | None = None
    table: Callable[[D], Table] | None = None

    @property
    def moves_boxes(self) -> bool:
        """Whether boxes, landmarks and polygons move with it."""
        return self.geometry is not None or self.bend is not None

    def draw(self, rng: np.random.Generator, parameters: Values) -> D:
        """What is done to one picture, from checked ``parameters``."""
        if self.choose is not None:
            return self.choose(rng, parameters)
        table = {parameter.name: parameter for parameter in self.parameters}
        fields = self.drawn._fields  # type: ignore[attr-defined]
        return self.drawn(*(_value(rng, table.get(name), parameters.get(name)) for name in fields))

    def size_after(self, drawn: D, size: Size) -> Size:
        """The size of the picture that is made of one of ``size``."""
        return self.geometry(drawn, size).size if self.geometry is not None else size

    def move(self, points: Points, drawn: D, size: Size) -> Points:
        """Where ``points`` (n, 2) of a picture of ``size`` lie afterwards; they may lie outside."""
        if self.geometry is not None:
            return mapped(self.geometry(drawn, size).matrix, points)
        return self.bend(points, drawn, size) if self.bend is not None else points


def between(rng: np.random.Generator, parameter: Parameter, limits: tuple[float, float]) -> float:
    """A number drawn evenly from ``limits``, ends included, on the parameter's ``step``; an int where it is ``whole``."""
    low, high = limits
    if parameter.whole:
        return int(rng.integers(int(low), int(high), endpoint=True))
    stepped = round(float(rng.uniform(low, high)) / parameter.step) * parameter.step
    return round(min(max(stepped, low), high), 6)


def key_of(rng: np.random.Generator) -> int:
    """31 random bits, from which an operation makes as many random numbers as it needs."""
    return int(rng.integers(0, 2**31))


def mapped(matrix: Matrix, points: Points) -> Points:
    """``points`` (n, 2) taken by ``matrix``, which may have a perspective."""
    moved = points @ matrix[:, :2].T + matrix[:, 2]
    if matrix[2, 0] == matrix[2, 1] == 0:
        return moved[:, :2]
    return np.asarray(moved[:, :2] / moved[:, 2:], dtype=np.float64)


def _value(rng: np.random.Generator, parameter: Parameter | None, value: Any) -> Any:
    if parameter is None:
        return key_of(rng)
    return between(rng, parameter, value) if parameter.kind == "range" else value
