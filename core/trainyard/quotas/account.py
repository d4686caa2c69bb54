"""One scope's account: what is used of its limit, what comes back soon, and what is promised or set aside."""

from __future__ import annotations

from math import inf
from typing import NamedTuple

from trainyard.quotas.asked import COUNTED, Asked, Vector
from trainyard.quotas.shortage import Scope, Shortage
from trainyard.records.accounts import Quota

_SLACK = 1e-9
_ALL = range(len(COUNTED))
_DISK = -1


class Account:
    """Numbers in the order of ``COUNTED``.

    ``used`` is held now, ``leaving`` the part of it that was asked to stop, ``loose`` what the preemptible hold; ``promised``
    goes to those who start as soon as what leaves is gone. ``aside[False]`` is what others in front wait for, seen by who may
    not be preempted; ``aside[True]`` likewise among the preemptible, who may use what the first kind only waits for, because
    they give it back.
    """

    __slots__ = (
        "aside", "cluster", "device_type", "disk", "leaving", "limit", "loose", "promised", "reach", "room", "scope", "stale",
        "stored", "used",
    )  # fmt: skip

    def __init__(self, scope: Scope, quota: Quota, stored: int = 0) -> None:
        self.scope, self.cluster, self.device_type = scope, "", ""
        self.stored, self.disk = stored, quota.disk
        limits = (quota.jobs, quota.gpu, quota.cpu, quota.memory)
        self.limit: list[float] = [inf if one is None else one for one in limits]
        self.used: list[float] = [0, 0, 0, 0]
        self.leaving: list[float] = [0, 0, 0, 0]
        self.promised: list[float] = [0, 0, 0, 0]
        self.loose: list[float] = [0, 0, 0, 0]
        self.aside: dict[bool, list[float]] = {False: [0, 0, 0, 0], True: [0, 0, 0, 0]}
        self.stale = True
        self.room: dict[bool, list[float]] = {}
        self.reach: list[float] = []

    def lets(self, asked: Asked, *, waits: bool) -> bool:
        """Whether there is enough for starting now; ``waits``: for one of the preemptible."""
        if self.stale:
            self._count()
        room = self.room[waits]
        for place, want in asked:  # noqa: SIM110 - asked of every lane, and `all` takes twice as long
            if want > room[place]:
                return False
        return True

    def could(self, asked: Asked) -> bool:
        """Whether there would be enough for one who may not be preempted, if all the preemptible went."""
        if self.stale:
            self._count()
        reach = self.reach
        for place, want in asked:  # noqa: SIM110 - as above
            if want > reach[place]:
                return False
        return True

    def lacks(self, asked: Asked, freed: list[float]) -> bool:
        """Whether it would still be short for a request that may not be preempted, once ``freed`` more is given back."""
        if self.stale:
            self._count()
        return any(want > self.reach[place] - self.loose[place] + freed[place] for place, want in asked)

    def short(self, asked: Asked, *, waits: bool) -> Short:
        """The numbers of what is short for starting now."""
        if self.no_room(0):
            return Short(self, _DISK, self.stored, 0, 0)
        room = self.room[waits]
        for place, want in asked:
            if want > room[place]:
                break
        held, kept = self.used[place], max(0.0, self.promised[place] - self.leaving[place]) + self.aside[waits][place]
        return Short(self, place, held, max(0.0, min(kept, self.limit[place] - held)), want)

    def change(self, name: str, more: Vector, sign: int = 1) -> None:
        """Add to (or take away from) one of the numbers."""
        add(getattr(self, name), more, sign)
        self.stale = True

    def set_aside(self, asked: Asked, *, waits: bool) -> None:
        """Keep what is free, up to ``asked``, so that nobody behind takes it."""
        if self.stale:
            self._count()
        free = self.room[True] if waits else self.reach
        for place, want in asked:
            if 0 < free[place] < inf:
                self.aside[waits][place] += min(free[place], want)
                self.stale = True

    def keep(self, place: int, count: float) -> None:
        """Of what is free keep at least ``count`` for guarantees."""
        if self.stale:
            self._count()
        aside = self.aside[False]
        aside[place] = max(aside[place], min(aside[place] + max(0.0, self.reach[place]), count))
        self.stale = True

    def no_room(self, asked: int) -> Shortage | None:
        """What is short for ``asked`` more bytes; when nothing in particular is asked for, one must be left."""
        if self.disk is None or self.stored + max(asked, 1) <= self.disk:
            return None
        return Shortage(self.scope, "disk", self.stored, self.disk, asked)

    def _count(self) -> None:
        """What there is now, and (``reach``) once what leaves is gone, what is promised has started and the loose gave way."""
        self.stale = False
        if self.no_room(0):
            nothing = [-1.0] * len(COUNTED)
            self.room, self.reach = {False: nothing, True: nothing}, nothing
            return
        now = [self.limit[i] - self.used[i] - max(0.0, self.promised[i] - self.leaving[i]) + _SLACK for i in _ALL]
        self.room = {waits: [now[i] - self.aside[waits][i] for i in _ALL] for waits in (False, True)}
        after = [self.limit[i] - self.used[i] + self.leaving[i] - self.promised[i] + _SLACK for i in _ALL]
        self.reach = [after[i] + self.loose[i] - self.aside[False][i] for i in _ALL]


class Short(NamedTuple):
    """What was short in an account when it was looked at; ``reserved`` of what is taken nobody holds yet."""

    account: Account
    place: int
    held: float
    reserved: float
    want: float

    def told(self) -> Shortage:
        """In words that can be shown."""
        one = self.account
        if self.place == _DISK:
            return Shortage(one.scope, "disk", self.held, one.disk or 0, 0)
        names = (one.cluster, one.device_type)
        used, limit = self.held + self.reserved, one.limit[self.place]
        return Shortage(one.scope, COUNTED[self.place], used, limit, self.want, self.reserved, *names)


def add(numbers: list[float], more: Vector, sign: int = 1) -> None:
    """Add (or take away) in place."""
    for place in _ALL:
        numbers[place] += sign * more[place]
