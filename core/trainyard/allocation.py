"""Keep memory that pictures gave back for the next picture, instead of handing it to the system and asking for it again.

By itself glibc maps every block above 128 KiB anew and trims what is free at the end of a heap, so that each decoded
picture costs hundreds of page faults: half of the time of a warp, more than the arithmetic of a flip.
"""

from __future__ import annotations

import ctypes
from contextlib import suppress

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # of mallopt(3)
_KEPT_BYTES = 64 << 20
_LARGEST_BYTES = 32 << 20  # the most that glibc allows; larger blocks are mapped and unmapped as before


def keep_freed_memory() -> None:
    """For a process that works on pictures; each of its threads keeps up to 64 MiB. Without glibc nothing happens."""
    with suppress(OSError, AttributeError):
        library = ctypes.CDLL(None)
        library.mallopt(_TRIM_THRESHOLD, _KEPT_BYTES)
        library.mallopt(_MMAP_THRESHOLD, _LARGEST_BYTES)
