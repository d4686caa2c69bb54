"""Searches for hyper-parameters: begin, watch, pause, go on, stop, delete; trials, importances, the best trial's model."""

from __future__ import annotations

import csv
import io
import json
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Response
from sqlalchemy import select
from sqlalchemy.orm import defer, joinedload
from starlette.concurrency import run_in_threadpool
from trainyard.errors import Conflict, NotFound
from trainyard.metrics.export import harmless
from trainyard.records.base import Page
from trainyard.records.searches import (
    Importance,
    Importances,
    NewSearch,
    RegisterBest,
    ResumeSearch,
    Search,
    SearchState,
    Trial,
    TrialState,
)
from trainyard.records.trainings import Model, TrainingCheck
from trainyard.words import N_, translate

from trainyard_service import audit
from trainyard_service.api.datasets import Limit, Offset, ReadingDep
from trainyard_service.api.paging import Window, rows_and_total
from trainyard_service.api.trainings import BoardsDep, CurvesDep, delete_training
from trainyard_service.audit import AuditedRoute, unaudited
from trainyard_service.database.tables.models import ModelRow
from trainyard_service.database.tables.searches import SearchRow, TrialRow
from trainyard_service.models.views import model_view
from trainyard_service.permissions import must_not_be_job
from trainyard_service.searches import access, best, drawing, life, study
from trainyard_service.searches.views import search_view, search_views, trial_views
from trainyard_service.trainings.check import problem_view

router = APIRouter(tags=["searches"], route_class=AuditedRoute)
_WHOLE = (joinedload(SearchRow.owner), joinedload(SearchRow.group))
_TYPES = {"csv": "text/csv; charset=utf-8", "png": "image/png", "svg": "image/svg+xml"}
_TOO_FEW = N_("Importances need {count} complete trials; there are {have}.")
_ALL_EQUAL = N_("All {have} complete trials reached the same value: no parameter made a difference.")
_ONE_VALUE = N_("No parameter had more than one value in the complete trials.")


@router.post("/searches", status_code=201)
def make_search(new: NewSearch, reading: ReadingDep) -> Search:
    """Begin a search; refused with the reason before anything starts."""
    must_not_be_job(reading.caller)
    training = new.training
    audit.note(training.name, group=training.group, package=training.package, sampler=new.sampler, trials=new.trials)
    with reading.context.database.write() as session:
        row = life.create_search(session, reading.context, reading.engine.ledger, reading.caller, new)
        return search_view(reading(session), row)


@router.post("/searches/check")
@unaudited
def check_search(new: NewSearch, reading: ReadingDep) -> TrainingCheck:
    """Everything that would keep this search from beginning, each with a sentence of its own; nothing is made."""
    must_not_be_job(reading.caller)
    with reading.context.database.read() as session:
        found = life.problems(session, reading.context, reading.engine.ledger, reading.caller, new)
    return TrainingCheck(problems=[problem_view(one, reading.language) for one in found])


@router.get("/searches")
def list_searches(
    reading: ReadingDep,
    state: Annotated[list[SearchState] | None, Query()] = None,
    search: str = "",
    offset: Offset = 0,
    limit: Limit = 50,
) -> Page[Search]:
    """The caller's searches and those of their groups, the newest first."""
    query = select(SearchRow).where(access.readable(reading.caller))
    query = query if not state else query.where(SearchRow.state.in_(state))
    for word in search.split():
        query = query.where(SearchRow.name.icontains(word, autoescape=True))
    with reading.context.database.read() as session:
        ordered = query.order_by(SearchRow.created.desc(), SearchRow.id).options(*_WHOLE)
        rows, total = rows_and_total(session, ordered, Window(offset, limit))
        reader = reading(session)
        return Page(items=search_views(reader, rows), total=total, offset=offset)


@router.get("/searches/{search_id}")
def get_search(search_id: str, reading: ReadingDep) -> Search:
    """One search with the best of its trials."""
    with reading.context.database.read() as session:
        return search_view(reading(session), access.find(session, reading.caller, search_id))


@router.get("/searches/{search_id}/trials")
def list_trials(search_id: str, reading: ReadingDep, curves: CurvesDep, offset: Offset = 0, limit: Limit = 100) -> Page[Trial]:
    """The trials of a search, by number."""
    with reading.context.database.read() as session:
        row = access.find(session, reading.caller, search_id)
        # what the sampler remembers is the largest part of a trial, and nothing that is shown
        query = select(TrialRow).where(TrialRow.search_id == row.id).options(defer(TrialRow.memory))
        chosen, total = rows_and_total(session, query.order_by(TrialRow.number), Window(offset, limit))
        return Page(items=trial_views(reading(session), curves, row, chosen), total=total, offset=offset)


@router.get("/searches/{search_id}/importances")
def get_importances(search_id: str, reading: ReadingDep) -> Importances:
    """How much of what makes a trial good is due to each parameter."""
    with reading.context.database.read() as session:
        row = access.find(session, reading.caller, search_id)
        asked, trials = life.asked_of(row), row.trials
    complete = [one for one in trials if one.state == TrialState.COMPLETE]
    found = study.importances(asked, trials)
    ordered = sorted(found.items(), key=lambda one: (-one[1], one[0]))
    why_not = "" if found else _no_importances(complete, reading.language)
    parts = [Importance(parameter=name, part=part) for name, part in ordered]
    return Importances(parameters=parts, trials=len(complete), why_not=why_not)


def _no_importances(complete: list[TrialRow], language: str) -> str:
    fewest = study.FEWEST_FOR_IMPORTANCE
    enough = _ALL_EQUAL if study.all_equal(complete) else _ONE_VALUE
    return translate(_TOO_FEW if len(complete) < fewest else enough, language, count=fewest, have=len(complete))


@router.get("/searches/{search_id}/file", response_class=Response)
async def draw_search(
    search_id: str, reading: ReadingDep, curves: CurvesDep, format: Literal["csv", "png", "svg"] = "csv"
) -> Response:
    """The trials as CSV, or the search as a picture: values by trial, parameters side by side, importances."""
    search, trials = await run_in_threadpool(_everything, reading, curves, search_id)
    headers = {"Content-Disposition": f'attachment; filename="search.{format}"', "X-Content-Type-Options": "nosniff"}
    if format == "csv":
        return Response(_csv(search, trials), media_type=_TYPES[format], headers=headers)
    if not any(one.value is not None for one in trials):
        raise NotFound(
            "no-trials", N_("There is nothing to draw: no trial has reported {tag}."), tag=search.asked.objective.tag
        )
    found = await run_in_threadpool(get_importances, search_id, reading)
    picture = drawing.picture(format, search, trials, found)
    drawn = await drawing.draw(picture, reading.context.home.service / "matplotlib")
    return Response(drawn, media_type=_TYPES[format], headers=headers)


@router.post("/searches/{search_id}/pause")
def pause_search(search_id: str, reading: ReadingDep) -> Search:
    """Begin no more trials; those under way run to their end."""
    return _change(search_id, reading, life.pause)


@router.post("/searches/{search_id}/resume")
def resume_search(search_id: str, reading: ReadingDep, change: ResumeSearch | None = None) -> Search:
    """Go on with a search that was paused or has ended, also with more trials, at once or hours."""
    change = change or ResumeSearch()
    audit.note(**change.model_dump(exclude_none=True))
    return _change(search_id, reading, lambda session, row: life.resume(session, row, change))


@router.post("/searches/{search_id}/stop")
def stop_search(search_id: str, reading: ReadingDep) -> Search:
    """End a search and every trial of it that is under way."""
    return _change(search_id, reading, lambda session, row: life.stop(session, row, reading.caller.name))


def _change(search_id: str, reading: ReadingDep, step: Any) -> Search:
    must_not_be_job(reading.caller)
    with reading.context.database.write() as session:
        row = access.find(session, reading.caller, search_id, change=True)
        audit.note(row.name)
        step(session, row)
        session.flush()
        return search_view(reading(session), row)


@router.post("/searches/{search_id}/register", status_code=201)
def register_best(search_id: str, new: RegisterBest, reading: ReadingDep) -> Model:
    """Keep the best trial's model under a name of its own."""
    must_not_be_job(reading.caller)
    audit.note(new.name)
    context = reading.context
    with context.database.read() as session:
        row = access.find(session, reading.caller, search_id, change=True)
        best.best_trial(row)
    model_id = best.register(context, reading.caller, row, new)
    with context.database.read() as session:
        return model_view(reading(session), session.get_one(ModelRow, model_id))


@router.delete("/searches/{search_id}", status_code=204)
def delete_search(search_id: str, reading: ReadingDep, curves: CurvesDep, boards: BoardsDep, trials: bool = False) -> None:
    """Delete a search that has ended, and with ``trials`` its trainings; else these stay as ordinary trainings."""
    must_not_be_job(reading.caller)
    with reading.context.database.read() as session:
        row = access.find(session, reading.caller, search_id, change=True)
        _must_be_at_rest(row)
        found = life.trainings_of(session, row.trials) if trials else {}
    for training in found:
        delete_training(training, reading, curves, boards)
    with reading.context.database.write() as session:
        row = access.find(session, reading.caller, search_id, change=True)
        _must_be_at_rest(row)
        audit.note(row.name, trials=trials)
        life.tell(session, row)
        session.delete(row)


def _must_be_at_rest(row: SearchRow) -> None:
    """Raises:
    Conflict: it runs or is paused, or a trial is under way.
    """
    if row.state in (SearchState.RUNNING, SearchState.PAUSED) or life.running(row):
        raise Conflict(
            "search-under-way",
            N_("The search {name} cannot be deleted while it, or a trial of it, is under way."),
            hint=N_("Stop it first."),
            name=row.name,
        )


def _everything(reading: ReadingDep, curves: CurvesDep, search_id: str) -> tuple[Search, list[Trial]]:
    with reading.context.database.read() as session:
        row = access.find(session, reading.caller, search_id)
        reader = reading(session)
        return search_view(reader, row), trial_views(reader, curves, row, row.trials)


def _csv(search: Search, trials: list[Trial]) -> str:
    """Comma-separated values as RFC 4180 has them."""
    names = list(search.asked.space)
    file = io.StringIO()
    writer = csv.writer(file)
    heads = ["trial", "state", *names, search.asked.objective.tag, "reports", "training", "created", "ended", "why"]
    writer.writerow(map(harmless, heads))
    for one in trials:
        values = [_cell(one.parameters.get(name)) for name in names]
        number = "" if one.value is None else repr(one.value)
        ended = one.ended.isoformat() if one.ended else ""
        row = [one.number, one.state, *values, number, one.reports, one.name, one.created.isoformat(), ended, one.why]
        writer.writerow([harmless(str(cell)) for cell in row])
    return file.getvalue()


def _cell(value: Any) -> Any:
    return value if isinstance(value, str) else json.dumps(value)
