"""Types that several threads decode. msgspec prepares a type when it is first used, not safely in two threads at once.

A thread that comes while another one is at it finds the type half prepared and ends the process by a segmentation fault (seen
with msgspec 0.22). A module is imported by one thread at a time, so there it is done.
"""

from __future__ import annotations

from typing import TypeVar

import msgspec

T = TypeVar("T")


def prepared(kind: type[T]) -> type[T]:
    """Decorate a ``Struct`` that is decoded in threads: it, and all that it holds, is ready from here on."""
    msgspec.json.Decoder(kind)
    return kind
