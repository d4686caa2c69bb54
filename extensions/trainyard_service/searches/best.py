"""What becomes of the best trial: its model is kept under a name of its own."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session
from trainyard.errors import Conflict
from trainyard.records.searches import RegisterBest
from trainyard.words import N_

from trainyard_service.context import Context
from trainyard_service.database.tables.models import ModelRow
from trainyard_service.database.tables.searches import SearchRow, TrialRow
from trainyard_service.identity import Caller
from trainyard_service.models import keep
from trainyard_service.searches import life
from trainyard_service.searches.views import best_of


def best_trial(row: SearchRow) -> TrialRow:
    """The best complete trial.

    Raises:
        Conflict: none is complete yet.
    """
    best = best_of(row)
    if best is None:
        raise Conflict(
            "search-no-best",
            N_("The search {name} has no complete trial yet."),
            hint=N_("Wait for one, or look why they failed."),
            name=row.name,
        )
    return best


def register(context: Context, caller: Caller, search: SearchRow, new: RegisterBest) -> str:
    """Keep the best trial's model under a name; the new model's id. The trial's own models stay what they are.

    Raises:
        Conflict: no trial is complete, or the best one kept no model. NotFound: the caller is not in the group.
    """
    with context.database.read() as session:
        trial = best_trial(search)
        model = _model_of(session, search, trial)
    if model is None:
        raise Conflict(
            "trial-without-model",
            N_("The best trial {name} kept no model."),
            hint=N_("Train again with its parameters by a script that saves snapshots with trainyard.training."),
            name=trial.name,
        )
    return keep.again(context, caller, model, new)


def _model_of(session: Session, search: SearchRow, trial: TrialRow) -> ModelRow | None:
    """The snapshot at which the objective was best, where snapshots say what they measured; else the newest one."""
    kept = list(session.scalars(select(ModelRow).where(ModelRow.training == trial.training_id)))
    asked = life.asked_of(search).objective
    sign = 1 if asked.direction == "maximize" else -1
    measured = [one for one in kept if asked.tag in one.metrics]
    if asked.value == "best" and measured:
        return max(measured, key=lambda one: sign * float(one.metrics[asked.tag]))
    return max(kept, key=lambda one: (one.created, one.step or 0), default=None)
