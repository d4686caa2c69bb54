"""What makes searches go on: trials are begun, looked at and written down as trainings and their curves change.

It keeps nothing that is not in rows, and acts only in the service that holds the lease (``jobs.lease``).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import suppress

from sqlalchemy import or_, select
from trainyard.records.searches import NewSearch, SearchState, TrialState
from trainyard.words import N_

from trainyard_service.context import Context
from trainyard_service.database.base import now
from trainyard_service.database.tables.searches import SearchRow, TrialRow
from trainyard_service.database.tables.trainings import InstanceRow
from trainyard_service.events import Event
from trainyard_service.jobs.engine import JobEngine
from trainyard_service.lasting import running
from trainyard_service.searches import life, study, trials

log = logging.getLogger(__name__)
TICK = 5.0
"""Seconds after which everything is looked at, whatever was heard."""
TOGETHER = 0.3
_FAILED = N_("{count} trials in a row failed, the last of them {name}. Look at its log, mend what is wrong, and go on.")
_OVER = N_("Its {hours} hours are over.")


class SearchDriver:
    """Runs beside the service; ``advance_all`` is one blocking pass."""

    def __init__(self, context: Context, engine: JobEngine) -> None:
        self._context, self._engine = context, engine
        self._changed = asyncio.Event()
        self._watched: frozenset[str] = frozenset()

    async def run(self) -> None:
        """Act until cancelled."""
        async with self._context.events.subscribe() as events, running(self._listen(events)):
            while True:
                self._changed.clear()
                await asyncio.to_thread(self.advance_all)
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._changed.wait(), TICK)
                await asyncio.sleep(TOGETHER)

    async def _listen(self, events: AsyncIterator[Event]) -> None:
        async for event in events:
            if event.topic == "search" or event.id in self._watched:
                self._changed.set()

    def advance_all(self) -> None:
        """Every search that is not at rest takes the steps it can."""
        if not self._engine.line.acting:
            return
        with self._context.database.read() as session:
            moving = select(TrialRow.search_id).where(TrialRow.state == TrialState.RUNNING)
            wanted = or_(SearchRow.state == SearchState.RUNNING, SearchRow.id.in_(moving))
            found = list(session.scalars(select(SearchRow.id).where(wanted).order_by(SearchRow.created)))
        if found:
            study.load()
        for search_id in found:
            try:
                self.advance(search_id)
            except Exception:
                # the trouble of one search stays its own, and is tried again at the next tick
                log.exception("a search could not go on", extra={"search": search_id})
        self._watched = self._living(found)

    def advance(self, search_id: str) -> None:
        """Write down what has ended, stop what is behind, end the search, or begin trials."""
        with self._context.database.read() as session:
            row = session.get_one(SearchRow, search_id)
            asked, living = life.asked_of(row), [one.number for one in life.running(row)]
        for number in living:
            if not trials.settle(self._context, search_id, number) and asked.pruning is not None:
                trials.judge(self._context, search_id, number)
        self._conclude(search_id)
        while trials.begin(self._context, self._engine.ledger, search_id):
            pass

    def _conclude(self, search_id: str) -> None:
        """End a running search whose trials are all made, whose time is over, or of which too many failed in a row."""
        with self._context.database.read() as session:
            row = session.get_one(SearchRow, search_id)
            if row.state != SearchState.RUNNING or _ending(row, life.asked_of(row)) is None:
                return
        with self._context.database.write() as session:
            row = session.get_one(SearchRow, search_id)
            ending = _ending(row, life.asked_of(row))
            if row.state == SearchState.RUNNING and ending is not None:
                life.move(session, row, *ending)
                life.stop_trials(session, row, life.BY_SEARCH)

    def _living(self, searches: list[str]) -> frozenset[str]:
        """Trainings of trials that run, and their instances: what tells of them is worth a look."""
        if not searches:
            return frozenset()
        with self._context.database.read() as session:
            ids = list(session.scalars(select(TrialRow.training_id).where(TrialRow.state == TrialState.RUNNING)))
            instances = session.scalars(select(InstanceRow.id).where(InstanceRow.training_id.in_(ids)))
            return frozenset([*ids, *instances])


def _ending(row: SearchRow, asked: NewSearch) -> tuple[SearchState, dict[str, object] | None] | None:
    """The state in which the search ends now, and why; None while it goes on."""
    if failed := _failed_in_a_row(row, asked):
        return SearchState.FAILED, life.why(_FAILED, count=asked.failures, name=failed.name)
    if row.until is not None and now() >= row.until:
        return SearchState.FINISHED, life.why(_OVER, hours=f"{asked.hours:g}")
    if len(row.trials) >= life.trials_of(asked) and not life.running(row):
        return SearchState.FINISHED, None
    return None


def _failed_in_a_row(row: SearchRow, asked: NewSearch) -> TrialRow | None:
    """The last of so many failures in a row, in the order trials ended; what people stopped does not count."""
    ended = sorted((one for one in row.trials if one.ended is not None), key=lambda one: (one.ended, one.number))
    judged = [one for one in ended[row.counted_from :] if one.state != TrialState.STOPPED]
    latest = judged[-asked.failures :]
    all_failed = len(latest) == asked.failures and all(one.state == TrialState.FAILED for one in latest)
    return latest[-1] if all_failed else None
