"""How a picture lies in its file, and where its points are once it stands upright.

Points of a list are in pixels of the picture as its file stores it. The Exif orientation says how it is to be turned
(Exif 2.3, tag 0x0112: 1 upright, 2 to 4 mirrored or upside down, 5 to 8 lying).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

_Move = Callable[[float, float, int, int], tuple[float, float]]
_MOVES: Mapping[int, _Move] = {
    2: lambda x, y, width, height: (width - x, y),
    3: lambda x, y, width, height: (width - x, height - y),
    4: lambda x, y, width, height: (x, height - y),
    5: lambda x, y, width, height: (y, x),
    6: lambda x, y, width, height: (height - y, x),
    7: lambda x, y, width, height: (height - y, width - x),
    8: lambda x, y, width, height: (y, width - x),
}


_BACK = {6: 8, 8: 6}
"""A quarter turn is undone by the other one, everything else by itself."""


class Frame(NamedTuple):
    """The size of a picture in its file, and its Exif orientation."""

    width: int
    height: int
    orientation: int = 1

    @property
    def upright(self) -> tuple[int, int]:
        """Width and height once it stands upright."""
        return (self.height, self.width) if self.orientation >= 5 else (self.width, self.height)

    def point(self, x: float, y: float) -> tuple[float, float]:
        """Where a point of the stored picture lies once it stands upright."""
        move = _MOVES.get(self.orientation)
        return move(x, y, self.width, self.height) if move else (x, y)

    def stored(self, x: float, y: float) -> tuple[float, float]:
        """Where a point of the upright picture lies in the picture as its file stores it."""
        return Frame(*self.upright, _BACK.get(self.orientation, self.orientation)).point(x, y)
