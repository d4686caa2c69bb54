"""One walk through the queue: who starts now, who is sent away for whom, and why everybody else waits."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from heapq import heappop, heapreplace

from trainyard.quotas.account import Account, Short, add
from trainyard.quotas.asked import COUNTED, Holding, Limits, Request, Shape, Turn
from trainyard.quotas.books import Books
from trainyard.quotas.queue import Lane, Queue
from trainyard.quotas.shortage import Scope, Shortage

_GPU = COUNTED.index("gpu")
_GUARANTEED = tuple(COUNTED.index(name) for name in ("gpu", "cpu", "memory"))
_OWN = frozenset({Scope.PERSON, Scope.GROUP, Scope.NEWCOMERS})


@dataclass(frozen=True)
class Wait:
    """One that does not start now; ``place`` counts from 1 among all that wait.

    ``promised``: what it lacks is on its way, it starts as soon as that has stopped. ``guaranteed``: it asks for no more than
    its group's guarantee.
    """

    place: int
    shortage: Shortage
    promised: bool = False
    guaranteed: bool = False


@dataclass
class Admission:
    """Who starts now with which devices, and which holdings have to stop for whom (both by key)."""

    starts: dict[str, tuple[str, ...]] = field(default_factory=dict)
    preempts: dict[str, str] = field(default_factory=dict)
    _requests: dict[str, Request] = field(default_factory=dict)
    _lanes: dict[Shape, Lane] = field(default_factory=dict)
    _turns: list[Turn] = field(default_factory=list)
    _short: dict[Lane, Short] = field(default_factory=dict)
    _promised: dict[str, Short] = field(default_factory=dict)
    _guaranteed: list[Turn] = field(default_factory=list)

    def wait(self, key: str) -> Wait | None:
        """Why that request waits; None when it starts, or was not asked about."""
        request = self._requests.get(key)
        if request is None or key in self.starts:
            return None
        turn, promised = request.turn, key in self._promised
        shortage = (self._promised[key] if promised else self._short[self._lanes[request.shape]]).told()
        first = self._waiting_guaranteed
        place = bisect_left(first, turn)
        if place < len(first) and first[place] == turn:
            return Wait(place + 1, shortage, promised, guaranteed=True)
        before = bisect_left(self._turns, turn) - bisect_left(self._started, turn) - place
        return Wait(len(first) + before + 1, shortage, promised)

    @property
    def waits(self) -> dict[str, Wait]:
        """All who wait, by the place they have."""
        found = {turn.key: wait for turn in self._turns if (wait := self.wait(turn.key)) is not None}
        return dict(sorted(found.items(), key=lambda item: item[1].place))

    @property
    def guaranteed(self) -> list[str]:
        """Those who wait within their group's guarantee, in their turn; they go before everybody else."""
        return [turn.key for turn in self._waiting_guaranteed]

    @property
    def waits_for_disk(self) -> bool:
        """Whether somebody waits for bytes to be given back, which no end of anything does."""
        return any(short.told().resource == "disk" for short in self._short.values())

    @cached_property
    def _started(self) -> list[Turn]:
        return sorted(self._requests[key].turn for key in self.starts)

    @cached_property
    def _waiting_guaranteed(self) -> list[Turn]:
        return sorted(turn for turn in self._guaranteed if turn.key not in self.starts)


def admit(queue: Queue | Iterable[Request], holdings: Iterable[Holding], limits: Limits) -> Admission:
    """Go through the queue in its order and say who starts, who is preempted, and why the others wait."""
    walk = Walk(queue if isinstance(queue, Queue) else Queue(queue), list(holdings), limits)
    walk.go()
    return walk.answer


class Walk:
    """One walk; a lane whose first request waits is closed, because the others in it would wait like that one."""

    def __init__(self, queue: Queue, holdings: list[Holding], limits: Limits) -> None:
        self._queue, self._limits = queue, limits
        self.books = Books(holdings, limits)
        self._next: dict[Lane, int] = {}
        self._closed: dict[Lane, Short] = {}
        self.answer = Admission(
            _requests=dict(queue.requests), _turns=list(queue.turns), _lanes={one.shape: one for one in queue.lanes}
        )
        self.answer._short = self._closed
        self._within = {group: [0.0, 0.0, 0.0, 0.0] for group in limits.guaranteed}
        for one in holdings:
            if one.group in self._within and not one.preemptible and one.cluster is None:
                add(self._within[one.group], one.amount.vector)

    def go(self, until: Turn | None = None) -> None:
        """Decide about everybody, or about those who come before the one that has the turn ``until``."""
        first = self._guaranteed()
        self.answer._guaranteed = [turn for turn, _ in first]
        for turn, lane in first:
            if turn == until:
                return
            self._decide(lane)
        self._keep_guarantees(first)
        for lane in _in_turn(self._queue.lanes, self._next, self._closed):
            if until is not None and lane.turns[self._next.get(lane, 0)] >= until:
                return
            self._decide(lane)

    def _decide(self, lane: Lane) -> None:
        """The next request of a lane: start it, promise it what leaves, or close the lane."""
        if lane in self._closed:
            return
        account = self.books.blocking(lane)
        if account is None:
            self.answer.starts[self._take(lane)] = self.books.start(lane.shape)
            return
        victims = None if lane.shape.preemptible else self.books.victims(lane)
        if victims is None:
            self._close(lane, account)
            return
        key = self._take(lane)
        self.answer._promised[key] = account.short(lane.asked, waits=False)
        self.answer.preempts.update((victim.key, key) for victim in victims)
        self.books.promise(lane.shape, victims)

    def _take(self, lane: Lane) -> str:
        place = self._next.get(lane, 0)
        self._next[lane] = place + 1
        return lane.turns[place].key

    def _close(self, lane: Lane, account: Account) -> None:
        waits = lane.shape.preemptible
        self._closed[lane] = account.short(lane.asked, waits=waits)
        account.set_aside(lane.asked, waits=waits)

    def _guaranteed(self) -> list[tuple[Turn, Lane]]:
        """Those within their group's guarantee, in turn: what the group holds and those in front of them included."""
        groups: dict[int | None, list[Lane]] = {}
        for lane in self._queue.lanes if self._within else ():
            shape = lane.shape
            if not shape.preemptible and shape.cluster is None and shape.group in self._within:
                groups.setdefault(shape.group, []).append(lane)
        found = [one for group, lanes in groups.items() for one in self._of_group(group, lanes)]
        return sorted(found, key=lambda one: one[0])

    def _of_group(self, group: int | None, lanes: list[Lane]) -> Iterator[tuple[Turn, Lane]]:
        used, guarantee = self._within[group], self._limits.guaranteed[group].vector
        place: dict[Lane, int] = {}
        for lane in _in_turn(lanes, place, {}):
            at = place.get(lane, 0)
            if self.books.own_share_is_short(lane):
                place[lane] = len(lane.turns)
                continue
            if any(used[one] + lane.shape.amount.vector[one] > guarantee[one] + 1e-9 for one in _GUARANTEED):
                return
            add(used, lane.shape.amount.vector)
            place[lane] = at + 1
            yield lane.turns[at], lane

    def _keep_guarantees(self, first: list[tuple[Turn, Lane]]) -> None:
        """While one of them waits for the machine, nobody borrows what is guaranteed: so its turn comes in time."""
        if not any(lane in self._closed and self._closed[lane].account.scope not in _OWN for _, lane in first):
            return
        unused = [0.0, 0.0, 0.0, 0.0]
        for group, guarantee in self._limits.guaranteed.items():
            for one in _GUARANTEED:
                unused[one] += max(0.0, guarantee.vector[one] - self._within[group][one])
        for turn, lane in first:  # those who wait were counted as using it already
            if turn.key not in self.answer.starts and turn.key not in self.answer._promised:
                add(unused, lane.shape.amount.vector)
        for one in _GUARANTEED:
            self.books.rest.keep(one, unused[one])
        self.books.rest_devices().keep(_GPU, unused[_GPU])


def _in_turn(lanes: Collection[Lane], place: dict[Lane, int], closed: dict[Lane, Short]) -> Iterator[Lane]:
    """Lanes by the turn of the next request of each; whoever takes one moves its place on, or closes it."""
    all_lanes = list(lanes)
    heap = [
        (lane.turns[at], number)
        for number, lane in enumerate(all_lanes)
        if lane not in closed and (at := place.get(lane, 0)) < len(lane.turns)
    ]
    heap.sort()
    while heap:
        number = heap[0][1]
        lane = all_lanes[number]
        yield lane
        at = place.get(lane, 0)
        if lane not in closed and at < len(lane.turns):
            heapreplace(heap, (lane.turns[at], number))
        else:
            heappop(heap)


def fits(request: Request, holdings: Iterable[Holding], limits: Limits) -> tuple[str, ...] | Shortage:
    """The devices for one request that does not queue (a workspace), or what it is short of now."""
    books, lane = Books(holdings, limits), Lane(request.shape, [request.turn])
    account = books.blocking(lane)
    return account.short(lane.asked, waits=request.preemptible).told() if account else books.start(request.shape)


def never(request: Request, limits: Limits) -> Shortage | None:
    """What makes the request impossible even when nothing else runs, or None."""
    outcome = fits(request, (), limits)
    return outcome if isinstance(outcome, Shortage) else None
