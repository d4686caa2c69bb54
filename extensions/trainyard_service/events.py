"""What changed, told to whoever may see it: an in-process bus with a short memory, so that a reconnect misses nothing.

Rows are changed inside ``Database.write()``; ``announce`` keeps the event in the session and the bus hears of it after the
commit, from whichever thread. Readers get ``{"topic", "id"}`` and ask again for what changed.
"""

from __future__ import annotations

import asyncio
import secrets
import threading
from collections import deque
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

from sqlalchemy.orm import Session

TOPICS = frozenset(
    {
        *("dataset", "batch", "job", "training", "instance", "model", "notice", "account", "workspace", "usage", "group"),
        *("storage", "template", "search", "parameter_set", "reset"),
    }
)
_KEPT = 2000
_PENDING = "trainyard_events"


@dataclass(frozen=True)
class Audience:
    """Who may see an event: these accounts, members of these groups, everybody; administrators see all but notices."""

    accounts: frozenset[int] = frozenset()
    groups: frozenset[int] = frozenset()
    everybody: bool = False
    administrators: bool = True

    @classmethod
    def of(cls, *accounts: int, groups: Iterable[int] = (), administrators: bool = True) -> Audience:
        """These people and these groups (and administrators)."""
        return cls(frozenset(accounts), frozenset(groups), administrators=administrators)


EVERYBODY = Audience(everybody=True)
Announcement = tuple[str, str, Audience]


made_by: ContextVar[object | None] = ContextVar("trainyard_made_by", default=None)
"""Whoever listens to events and makes some too: set where it works, it is told its own apart (``Event.maker``)."""


@dataclass(frozen=True)
class Event:
    """One change. ``number`` counts up within a service's life."""

    number: int
    topic: str
    id: str
    audience: Audience
    maker: object | None = None


@dataclass(eq=False)
class Subscription:
    """One listener: a queue that belongs to the event loop."""

    queue: asyncio.Queue[Event | None]
    loop: asyncio.AbstractEventLoop


@dataclass
class EventBus:
    """Keeps the last events and hands new ones to subscribers; may be called from any thread."""

    life: str = field(default_factory=lambda: secrets.token_hex(4))
    _kept: deque[Event] = field(default_factory=lambda: deque(maxlen=_KEPT))
    _subscribers: set[Subscription] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _number: int = 0

    def publish(self, topic: str, id: str, audience: Audience) -> None:
        """Tell about a change that is already committed (or needs no commit)."""
        if topic not in TOPICS:
            raise ValueError(f"unknown topic {topic}")
        with self._lock:
            self._number += 1
            event = Event(self._number, topic, id, audience, made_by.get())
            self._kept.append(event)
            for subscriber in self._subscribers:
                subscriber.loop.call_soon_threadsafe(subscriber.queue.put_nowait, event)

    @asynccontextmanager
    async def subscribe(self, after: int | None = None) -> AsyncIterator[AsyncIterator[Event]]:
        """Events from now on, or from ``after`` on as far as they are kept; ends when the bus closes."""
        subscription = Subscription(asyncio.Queue(), asyncio.get_running_loop())
        with self._lock:
            for event in self._kept if after is not None else ():
                if after is not None and event.number > after:
                    subscription.queue.put_nowait(event)
            self._subscribers.add(subscription)
        try:
            yield _drain(subscription.queue)
        finally:
            with self._lock:
                self._subscribers.discard(subscription)

    def knows(self, number: int) -> bool:
        """Whether everything after ``number`` is still kept."""
        with self._lock:
            first = self._kept[0].number if self._kept else self._number + 1
            return first - 1 <= number <= self._number

    @property
    def newest(self) -> int:
        """The number of the latest event."""
        return self._number

    def close(self) -> None:
        """End every subscription; called when the service stops, so that open streams do not hold it."""
        with self._lock:
            for subscriber in self._subscribers:
                subscriber.loop.call_soon_threadsafe(subscriber.queue.put_nowait, None)

    def after_commit(self, session: Session) -> None:
        """Hook of ``Database``: publish what the transaction announced."""
        for topic, id, audience in session.info.pop(_PENDING, {}):
            self.publish(topic, id, audience)


async def _drain(queue: asyncio.Queue[Event | None]) -> AsyncIterator[Event]:
    while (event := await queue.get()) is not None:
        yield event


def announce(session: Session, topic: str, id: str | int, audience: Audience) -> None:
    """Tell ``audience`` after the commit that ``topic`` ``id`` changed; the same change is told once."""
    session.info.setdefault(_PENDING, {})[(topic, str(id), audience)] = None


def announced(session: Session) -> list[Announcement]:
    """What the transaction has announced so far: topic, id and audience."""
    return list(session.info.get(_PENDING, ()))
