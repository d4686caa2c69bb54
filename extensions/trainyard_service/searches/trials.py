"""One trial: begun as an ordinary training, looked at at ASHA's rungs, and written down when its job has ended.

Each step is one transaction that looks again at what it relies on, so that it may be killed anywhere and done twice.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session
from trainyard.errors import UserError
from trainyard.jobs.states import ENDED, Cause, JobState
from trainyard.names import LONGEST
from trainyard.records.searches import NewSearch, SearchState, TrialState, with_values
from trainyard.records.trainings import NewTraining
from trainyard.words import N_

from trainyard_service.context import Context
from trainyard_service.database.base import now
from trainyard_service.database.tables.searches import SearchRow, TrialRow
from trainyard_service.database.tables.trainings import TrainingRow
from trainyard_service.identity import caller_of
from trainyard_service.jobs import life
from trainyard_service.jobs.ledger import Ledger
from trainyard_service.searches import life as search_life
from trainyard_service.searches import objective, study
from trainyard_service.searches.study import Proposal
from trainyard_service.trainings import create
from trainyard_service.trainings.curves import CurveReader, curves_of
from trainyard_service.trainings.telling import tell_training

_NEVER = N_("It ended without an error and never reported {tag}; it reported {reported}.")
_NOTHING = N_("It ended without an error and reported no number at all; {tag} was expected.")
_NO_NUMBER = N_("{tag} was never a finite number.")
_DELETED = N_("Its training was deleted while it ran.")
_NAMED = 10


def begin(context: Context, ledger: Ledger, search_id: str) -> bool:
    """Make the next trial if there is room for one; True when there may be room for another.

    A refusal ends the search with its sentence: what keeps one trial from starting keeps all.
    """
    with context.database.read() as session:
        row = session.get_one(SearchRow, search_id)
        asked = search_life.asked_of(row)
        if not _has_room(row, asked):
            return False
        proposal = study.propose(asked, row.trials)
        number = len(row.trials) + 1
    try:
        with context.database.write() as session:
            return _write(session, context, ledger, (search_id, number), proposal)
    except UserError as error:
        with context.database.write() as session:
            row = session.get_one(SearchRow, search_id)
            if row.state == SearchState.RUNNING:
                search_life.move(session, row, SearchState.FAILED, search_life.refused(error))
                search_life.stop_trials(session, row, search_life.BY_SEARCH)
    return False


def _has_room(row: SearchRow, asked: NewSearch) -> bool:
    made, living = len(row.trials), len(search_life.running(row))
    return row.state == SearchState.RUNNING and living < asked.parallel and made < search_life.trials_of(asked)


def _write(session: Session, context: Context, ledger: Ledger, which: tuple[str, int], proposal: Proposal) -> bool:
    """The trial and its training, in one transaction; nothing when somebody else has just made this number."""
    row, number = session.get_one(SearchRow, which[0]), which[1]
    asked = search_life.asked_of(row)
    if len(row.trials) + 1 != number or not _has_room(row, asked):
        return False
    caller = caller_of(session, row.owner_id)
    training = create.create(session, context, ledger, caller, _training(session, row, asked.training, number, proposal))
    job = training.job
    job.spec = {**job.spec, "search": {"id": row.id, "name": row.name, "trial": number}}
    trial = TrialRow(search_id=row.id, number=number, training_id=training.id, name=training.name)
    trial.parameters, trial.memory = proposal.parameters, proposal.memory
    row.trials.append(trial)
    session.flush()
    search_life.tell(session, row)
    return True


def _training(session: Session, row: SearchRow, base: NewTraining, number: int, proposal: Proposal) -> NewTraining:
    parameters = with_values(base.parameters, proposal.parameters)
    name = _name(row.name, f"-t{number}")
    try:
        create.refuse_same_name(session, row.owner_id, row.group_id, name)
    except UserError:  # of a search of this name that was deleted without its trials
        name = _name(row.name, f"-t{number}-{row.id[:6]}")
    return base.model_copy(update={"name": name, "parameters": parameters})


def _name(stem: str, tail: str) -> str:
    return stem[: LONGEST - len(tail)] + tail


def instances_of(training: TrainingRow) -> list[tuple[str, str]]:
    """The training's instances in the order they were started."""
    return [(one.training_id, one.id) for one in sorted(training.instances, key=lambda one: one.started)]


def judge(context: Context, search_id: str, number: int) -> None:
    """Stop the trial if it is behind at the next of ASHA's rungs; nothing where it has not come there yet."""
    curves = curves_of(context)
    with context.database.read() as session:
        row = session.get_one(SearchRow, search_id)
        asked, trial = search_life.asked_of(row), row.trials[number - 1]
        training = session.get(TrainingRow, trial.training_id)
        if asked.pruning is None or trial.state != TrialState.RUNNING or trial.pruned or training is None:
            return
        instances = instances_of(training)
    while (have := objective.reports(curves, instances, asked.objective)) >= study.rung(asked, len(trial.rungs)):
        told = objective.exact(curves, instances, asked.objective, study.rung(asked, len(trial.rungs)))
        if not _pass_rung(context, search_id, (number, len(trial.rungs)), (have, told.value)):
            return
        with context.database.read() as session:
            trial = session.get_one(TrialRow, (search_id, number))


def _pass_rung(context: Context, search_id: str, at: tuple[int, int], told: tuple[int, float | None]) -> bool:
    """Write what the trial had at a rung and whether it goes on; True when it does."""
    (number, rung), (have, value) = at, told
    with context.database.write() as session:
        row = session.get_one(SearchRow, search_id)
        trial = row.trials[number - 1]
        if trial.state != TrialState.RUNNING or trial.pruned or len(trial.rungs) != rung:
            return False
        goes_on = study.goes_on(search_life.asked_of(row), row.trials, trial, value)
        trial.reports = have
        if value is not None:
            trial.rungs = [*trial.rungs, value]
        training = session.get(TrainingRow, trial.training_id)
        if not goes_on and training is not None:
            trial.pruned = True
            life.want_stop(session, training.job, search_life.BY_PRUNER)
            tell_training(session, training)
        search_life.tell(session, row)
        return goes_on


def settle(context: Context, search_id: str, number: int) -> bool:
    """Write how the trial ended, once its job has; True when it has ended."""
    with context.database.read() as session:
        trial = session.get_one(TrialRow, (search_id, number))
        asked = search_life.asked_of(session.get_one(SearchRow, search_id))
        training = session.get(TrainingRow, trial.training_id)
        if training is not None and JobState(training.job.state) not in ENDED:
            return False
        end = _end(curves_of(context), asked, trial, training)
    with context.database.write() as session:
        trial = session.get_one(TrialRow, (search_id, number))
        if trial.state == TrialState.RUNNING:
            for name, value in end.items():
                setattr(trial, name, value)
            trial.ended = now()
            search_life.tell(session, session.get_one(SearchRow, search_id))
    return True


def _end(curves: CurveReader, asked: NewSearch, trial: TrialRow, training: TrainingRow | None) -> dict[str, Any]:
    """What the trial came to: the columns to write."""
    if training is None:
        return {"state": TrialState.FAILED, "why": search_life.why(_DELETED)}
    instances = instances_of(training)
    told = objective.exact(curves, instances, asked.objective)
    known = {"reports": told.reports, "value": told.value, "rungs": _rungs(curves, asked, instances, told.reports)}
    state, ending = JobState(training.job.state), training.job.ending or {}
    if state is JobState.FINISHED:
        return {**known, **_complete(curves, asked, instances, told)}
    if trial.pruned:
        return {**known, "state": TrialState.PRUNED}
    # what its time limit ended has failed: nobody decided it
    stopped = state is JobState.STOPPED and ending.get("cause") != Cause.TIME_LIMIT
    return {**known, "state": TrialState.STOPPED if stopped else TrialState.FAILED}


def _rungs(curves: CurveReader, asked: NewSearch, instances: list[tuple[str, str]], reports: int) -> list[float]:
    """What an ended trial had at every rung it came to: others are measured by it also where it was quicker than our looks."""
    if asked.pruning is None:
        return []
    found: list[float] = []
    while (at := study.rung(asked, len(found))) <= reports:
        value = objective.exact(curves, instances, asked.objective, at).value
        if value is None:
            break
        found.append(value)
    return found


def _complete(curves: CurveReader, asked: NewSearch, instances: list[tuple[str, str]], told: objective.Told) -> dict[str, Any]:
    """Complete when it reported the objective; else it failed, however well its script ended."""
    tag = asked.objective.tag
    if told.value is not None:
        return {"state": TrialState.COMPLETE}
    if told.reports:
        return {"state": TrialState.FAILED, "why": search_life.why(_NO_NUMBER, tag=tag)}
    others = objective.reported(curves, instances)
    if not others:
        return {"state": TrialState.FAILED, "why": search_life.why(_NOTHING, tag=tag)}
    shown = ", ".join(others[:_NAMED]) + (", …" if len(others) > _NAMED else "")
    return {"state": TrialState.FAILED, "why": search_life.why(_NEVER, tag=tag, reported=shown)}
