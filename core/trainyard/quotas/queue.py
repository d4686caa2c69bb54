"""The queue in its order, kept so that a decision looks at each kind of request once, however many wait."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Collection, Iterable, Iterator

from trainyard.quotas.asked import Request, Shape, Turn


class Lane:
    """The turns of all requests of one shape, in order: they start or wait one after the other."""

    __slots__ = ("asked", "shape", "turns")

    def __init__(self, shape: Shape, turns: list[Turn]) -> None:
        self.shape, self.asked, self.turns = shape, shape.amount.asked, turns


class Queue:
    """Requests by their turn. Requests of one shape start or wait like the first of them, so they are kept together."""

    def __init__(self, requests: Iterable[Request] = ()) -> None:
        self._requests: dict[str, Request] = {}
        self._turns: list[Turn] = []
        self._lanes: dict[Shape, Lane] = {}
        for request in requests:
            self._requests[request.key] = request
            self._turns.append(request.turn)
            self._lane(request.shape).turns.append(request.turn)
        self._turns.sort()
        for lane in self._lanes.values():
            lane.turns.sort()

    def __len__(self) -> int:
        return len(self._requests)

    def __iter__(self) -> Iterator[Request]:
        """In the queue's order."""
        return (self._requests[turn.key] for turn in self._turns)

    def __contains__(self, key: str) -> bool:
        return key in self._requests

    def get(self, key: str) -> Request | None:
        """The request of that key."""
        return self._requests.get(key)

    def put(self, request: Request) -> None:
        """Add a request, or replace the one of its key."""
        if self._requests.get(request.key) == request:
            return
        self.drop(request.key)
        self._requests[request.key] = request
        insort(self._turns, request.turn)
        insort(self._lane(request.shape).turns, request.turn)

    def drop(self, key: str) -> None:
        """Remove a request; an unknown key is fine."""
        request = self._requests.pop(key, None)
        if request is None:
            return
        _remove(self._turns, request.turn)
        turns = self._lanes[request.shape].turns
        _remove(turns, request.turn)
        if not turns:
            del self._lanes[request.shape]

    def copy(self) -> Queue:
        """The same requests in a queue of its own."""
        other = Queue()
        other._requests, other._turns = dict(self._requests), list(self._turns)
        other._lanes = {shape: Lane(shape, list(lane.turns)) for shape, lane in self._lanes.items()}
        return other

    def until(self, turn: Turn) -> list[Request]:
        """Those in front of that turn and the one that has it."""
        return [self._requests[one.key] for one in self._turns[: bisect_left(self._turns, turn) + 1]]

    @property
    def requests(self) -> dict[str, Request]:
        """By key; not to be changed."""
        return self._requests

    @property
    def turns(self) -> list[Turn]:
        """All turns in order; not to be changed."""
        return self._turns

    @property
    def lanes(self) -> Collection[Lane]:
        """The lanes of all shapes; not to be changed."""
        return self._lanes.values()

    def lane(self, request: Request) -> Lane:
        """Where that request stands among its like."""
        return self._lanes[request.shape]

    def _lane(self, shape: Shape) -> Lane:
        lane = self._lanes.get(shape)
        if lane is None:
            lane = self._lanes[shape] = Lane(shape, [])
        return lane


def _remove(turns: list[Turn], turn: Turn) -> None:
    del turns[bisect_left(turns, turn)]
