"""Bytes are another matter than time on the machine: nothing gives them back by ending.

While a share of the disk is used up nothing starts in it, and what would write more bytes than are left is refused beforehand.
"""

from __future__ import annotations

from trainyard.quotas.asked import Amount, Limits, Shape
from trainyard.quotas.books import Books
from trainyard.quotas.shortage import Shortage


def room(person: int, group: int | None, asked: int, limits: Limits) -> Shortage | None:
    """What is short for writing ``asked`` more bytes that are charged to ``person`` in ``group``, or None."""
    for account in Books((), limits).scopes(_writer(person, group)):
        if shortage := account.no_room(asked):
            return shortage
    return None


def bytes_left(person: int, group: int | None, limits: Limits) -> int | None:
    """How many more bytes ``person`` may write in ``group``; None where nothing limits them."""
    accounts = Books((), limits).scopes(_writer(person, group))
    left = [int(one.disk - one.stored) for one in accounts if one.disk is not None]
    return max(0, min(left)) if left else None


def _writer(person: int, group: int | None) -> Shape:
    return Shape(person, group, Amount(), preemptible=False, cluster=None, device_type=None)
