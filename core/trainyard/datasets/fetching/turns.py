"""Whose turn it is: so many urls at one host at the same time, again later what may be there later, no host before its time."""

from __future__ import annotations

import heapq
import random
import threading
import time
from collections import Counter, deque
from collections.abc import Iterator
from typing import NamedTuple
from urllib.parse import urlsplit

_AHEAD = 5000
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 300.0


class Turn(NamedTuple):
    """A url to ask for; ``tries`` is how often that was done before."""

    url: str
    tries: int = 0


class Turns:
    """Hands out urls to several threads. ``urls`` are taken from as they are needed, in their order at each host."""

    def __init__(self, urls: Iterator[str], per_host: int, first_pause: float = _FIRST_PAUSE) -> None:
        self._urls, self._per_host, self._first_pause = urls, per_host, first_pause
        self._news = threading.Condition()
        self._waiting: dict[str, deque[Turn]] = {}
        self._later: list[tuple[float, Turn]] = []
        self._running: Counter[str] = Counter()
        self._not_before: dict[str, float] = {}
        self._ahead, self._over = 0, False

    def take(self) -> Turn | None:
        """The next url, as soon as its host may be asked; None when there is nothing more to come, or ``end`` was called."""
        with self._news:
            while not self._over:
                now = time.monotonic()
                self._fill(now)
                if (turn := self._next(now)) is not None:
                    return turn
                if not self._ahead and not self._later and not self._running.total():
                    self._over = True
                    break
                self._news.wait(self._pause(now))
            self._news.notify_all()
            return None

    def ended(self, turn: Turn) -> None:
        """It needs no more asking."""
        with self._news:
            self._running[host_of(turn.url)] -= 1
            self._news.notify_all()

    def again(self, turn: Turn, after: float = 0.0, *, whole_host: bool = False) -> None:
        """Ask once more: after ``after`` seconds (what the server wishes), and longer each time; so does its ``whole_host``."""
        pause = self._first_pause * 2**turn.tries * random.uniform(0.75, 1.25)  # noqa: S311 - so that not all come at once
        when = time.monotonic() + min(max(pause, after), _LONGEST_PAUSE)
        host = host_of(turn.url)
        with self._news:
            self._running[host] -= 1
            heapq.heappush(self._later, (when, Turn(turn.url, turn.tries + 1)))
            if whole_host:
                self._not_before[host] = max(when, self._not_before.get(host, 0.0))
            self._news.notify_all()

    def end(self) -> None:
        """Hand out nothing more."""
        with self._news:
            self._over = True
            self._news.notify_all()

    def _fill(self, now: float) -> None:
        while self._later and self._later[0][0] <= now:
            self._add(heapq.heappop(self._later)[1])
        while self._ahead < _AHEAD:
            url = next(self._urls, None)
            if url is None:
                break
            self._add(Turn(url))

    def _add(self, turn: Turn) -> None:
        self._waiting.setdefault(host_of(turn.url), deque()).append(turn)
        self._ahead += 1

    def _next(self, now: float) -> Turn | None:
        for host, turns in self._waiting.items():
            if self._running[host] >= self._per_host or self._not_before.get(host, 0.0) > now:
                continue
            turn = turns.popleft()
            del self._waiting[host]
            if turns:
                # behind the others: hosts take turns
                self._waiting[host] = turns
            self._running[host] += 1
            self._ahead -= 1
            return turn
        return None

    def _pause(self, now: float) -> float | None:
        """How long nothing will happen by itself."""
        moments = [self._later[0][0]] if self._later else []
        moments += [when for host, when in self._not_before.items() if host in self._waiting and when > now]
        return max(0.01, min(moments) - now) if moments else None


def host_of(url: str) -> str:
    """The server of a url; what cannot be read is one of its own."""
    try:
        return urlsplit(url).netloc.rpartition("@")[2].lower()
    except ValueError:
        return ""
