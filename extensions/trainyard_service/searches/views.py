"""Searches and trials as the caller sees them, their reasons in the reader's language."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session, defer
from trainyard.jobs.states import JobState
from trainyard.records.searches import Direction, NewSearch, Search, SearchState, Trial, TrialState
from trainyard.words import translate

from trainyard_service.database.tables.searches import SearchRow, TrialRow
from trainyard_service.database.tables.trainings import TrainingRow
from trainyard_service.datasets.views import Reader
from trainyard_service.jobs.endings import ending_view
from trainyard_service.jobs.views import person
from trainyard_service.permissions import can_change
from trainyard_service.searches import life, objective
from trainyard_service.searches.trials import instances_of
from trainyard_service.trainings.curves import CurveReader


def search_view(reader: Reader, row: SearchRow) -> Search:
    """One search with how many trials it made and the best of them."""
    return search_views(reader, [row])[0]


def search_views(reader: Reader, rows: Sequence[SearchRow]) -> list[Search]:
    """The same of several: their trials are counted, and the best chosen, where they lie."""
    counts, best = counts_of(reader.session, rows), best_of_each(reader.session, rows)
    found = life.trainings_of(reader.session, list(best.values()))
    return [_view(reader, row, counts[row.id], best.get(row.id), found) for row in rows]


def _view(
    reader: Reader, row: SearchRow, counts: Counter[TrialState], best: TrialRow | None, found: Mapping[str, TrainingRow]
) -> Search:
    asked = life.asked_of(row)
    return Search(
        id=row.id,
        name=row.name,
        description=asked.training.description,
        owner=person(row.owner),
        group=row.group.name,
        state=SearchState(row.state),
        why=said(row.why, reader.language),
        asked=asked,
        counts={state: counts[state] for state in TrialState},
        total=life.trials_of(asked),
        best=trial_view(reader, best, found.get(best.training_id), best=True) if best else None,
        created=row.created,
        ended=row.ended,
        deadline=row.until if row.state == SearchState.RUNNING else None,
        may_change=can_change(reader.caller, row.owner_id),
    )


def counts_of(session: Session, rows: Sequence[SearchRow]) -> dict[str, Counter[TrialState]]:
    """How many trials of each state each search has."""
    found = {row.id: Counter[TrialState]() for row in rows}
    query = select(TrialRow.search_id, TrialRow.state, func.count()).where(TrialRow.search_id.in_(found))
    for search_id, state, count in session.execute(query.group_by(TrialRow.search_id, TrialRow.state)):
        found[search_id][TrialState(state)] = count
    return found


def best_of_each(session: Session, rows: Sequence[SearchRow]) -> dict[str, TrialRow]:
    """The best complete trial of each search that has one; of equal ones the first."""
    found: dict[str, TrialRow] = {}
    for direction in Direction:
        chosen = [row.id for row in rows if life.asked_of(row).objective.direction is direction]
        order = TrialRow.value.desc() if direction is Direction.MAXIMIZE else TrialRow.value.asc()
        place = func.row_number().over(partition_by=TrialRow.search_id, order_by=(order, TrialRow.number)).label("place")
        complete = select(TrialRow.search_id, TrialRow.number, place).where(
            TrialRow.search_id.in_(chosen), TrialRow.state == TrialState.COMPLETE, TrialRow.value.is_not(None)
        )
        ranked = complete.subquery()
        same = (TrialRow.search_id == ranked.c.search_id) & (TrialRow.number == ranked.c.number)
        query = select(TrialRow).join(ranked, same).where(ranked.c.place == 1).options(defer(TrialRow.memory))
        found |= {one.search_id: one for one in session.scalars(query)} if chosen else {}
    return found


def best_of(row: SearchRow) -> TrialRow | None:
    """The best complete trial; of equal ones the first."""
    complete = [one for one in row.trials if one.state == TrialState.COMPLETE and one.value is not None]
    sign = -1 if life.asked_of(row).objective.direction is Direction.MAXIMIZE else 1
    return min(complete, key=lambda one: (sign * (one.value or 0.0), one.number), default=None)


def trial_views(reader: Reader, curves: CurveReader, row: SearchRow, trials: Sequence[TrialRow]) -> list[Trial]:
    """Trials with their jobs' states; of those that run also what they reached so far."""
    asked, found = life.asked_of(row), life.trainings_of(reader.session, trials)
    best = best_of_each(reader.session, [row]).get(row.id)
    views = []
    for one in trials:
        training = found.get(one.training_id)
        is_best = best is not None and one.number == best.number
        views.append(trial_view(reader, one, training, best=is_best, now=_now(curves, asked, one, training)))
    return views


def _now(curves: CurveReader, asked: NewSearch, row: TrialRow, training: TrainingRow | None) -> objective.Told | None:
    if row.state != TrialState.RUNNING or training is None:
        return None
    return objective.so_far(curves, instances_of(training), asked.objective)


def trial_view(
    reader: Reader, row: TrialRow, training: TrainingRow | None, *, best: bool = False, now: objective.Told | None = None
) -> Trial:
    """One trial; ``now`` is what it reached so far."""
    return Trial(
        number=row.number,
        state=TrialState(row.state),
        parameters=row.parameters,
        value=now.value if now else row.value,
        reports=now.reports if now else row.reports,
        why=said(row.why, reader.language) or _ended(row, training, reader.language),
        training=training.id if training else None,
        name=row.name,
        job=JobState(training.job.state) if training else None,
        created=row.created,
        ended=row.ended,
        best=best,
    )


def _ended(row: TrialRow, training: TrainingRow | None, language: str) -> str:
    """What its job's certificate says of a trial that did not come to its end."""
    if training is None or row.state not in (TrialState.FAILED, TrialState.STOPPED):
        return ""
    ending = ending_view(training.job.ending, language)
    return ending.text if ending else ""


def said(why: dict[str, Any] | None, language: str) -> str:
    """A kept sentence in words."""
    if why is None:
        return ""
    sentences = (why["message"], why.get("hint") or "")
    return " ".join(translate(one, language, **why["values"]) for one in sentences if one)
