"""Bytes as people read them: powers of 1024 with their own names and three significant digits, here as on the pages."""

from __future__ import annotations

_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")


def readable(count: float) -> str:
    """``count`` bytes, such as ``1.5 GiB``."""
    step = 0
    while abs(count) >= 1024 and step < len(_UNITS) - 1:
        count, step = count / 1024, step + 1
    return f"{count:.3g} {_UNITS[step]}" if abs(count) < 999.5 else f"{count:.0f} {_UNITS[step]}"
