"""What somebody who waits could do instead, and until when at the latest they wait."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from trainyard.quotas.admission import Admission, Walk, admit
from trainyard.quotas.asked import Holding, Limits, Request
from trainyard.quotas.packages import PackageSize
from trainyard.quotas.queue import Lane, Queue

_MOST_LOOKS = 20_000
"""A hundred endings for a short line in front, fewer for a long one: an answer takes a tenth of a second or so."""


@dataclass(frozen=True)
class Facts:
    """What is held and what may be. ``grace``: seconds that whoever is preempted gets to save."""

    holdings: Sequence[Holding]
    limits: Limits
    grace: float = 0


def startable(request: Request, sizes: Iterable[PackageSize], queue: Queue, facts: Facts) -> PackageSize | None:
    """The largest of the packages with which ``request`` would start this moment, in its turn and without anybody stopping."""
    walk = Walk(queue, list(facts.holdings), facts.limits)
    walk.go(until=request.turn)
    for size in sorted(sizes, key=lambda one: one.rank, reverse=True):
        asked = replace(request, amount=size.amount(request.amount.jobs), device_type=size.gpu_type)
        if walk.books.blocking(Lane(asked.shape, [asked.turn])) is None:
            return size
    return None


def at_latest(request: Request, queue: Queue, facts: Facts, now: float) -> float | None:
    """When ``request`` starts if everybody in front and all that runs use their time limits to the end, in seconds.

    Others may come who go first (a higher priority, a guarantee). None: nothing bounds the wait (something in the way has no
    time limit, the request may be preempted, or the line in front is too long to be followed).
    """
    if request.preemptible:
        return None
    line, held, time = _in_front(request, queue, facts), list(facts.holdings), now
    for _ in range(1 + _MOST_LOOKS // max(_MOST_LOOKS // 100, len(line.lanes))):
        admission = admit(line, held, facts.limits)
        if request.key in admission.starts:
            return time
        held = [*_stopping(held, admission, time + facts.grace), *_started(line, admission, time)]
        ends = min((one.ends for one in held if one.ends is not None), default=None)
        if ends is None:
            return None
        time = max(time, ends)
        held = [one for one in held if one.ends is None or one.ends > time]
    return None


def _in_front(request: Request, queue: Queue, facts: Facts) -> Queue:
    guaranteed = admit(queue, facts.holdings, facts.limits).guaranteed
    ahead = {one.key: one for one in queue.until(request.turn)}
    return Queue((ahead | {key: one for key in guaranteed if (one := queue.get(key))}).values())


def _stopping(held: Sequence[Holding], admission: Admission, end: float) -> list[Holding]:
    return [
        replace(one, ending=True, ends=end if one.ends is None else min(one.ends, end))
        if one.key in admission.preempts
        else one
        for one in held
    ]


def _started(line: Queue, admission: Admission, time: float) -> list[Holding]:
    """Those who start, as holdings; they leave the line."""
    started = []
    for key, devices in admission.starts.items():
        request = line.get(key)
        assert request is not None
        line.drop(key)
        ends = None if request.seconds is None else time + request.seconds
        started.append(request.held(devices, time, ends))
    return started
