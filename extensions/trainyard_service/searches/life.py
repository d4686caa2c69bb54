"""The life of a search: begun, paused, gone on with, stopped, ended; the one place where its state changes."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session
from trainyard.errors import Conflict, UserError
from trainyard.records.base import STORED
from trainyard.records.searches import NEXT, NewSearch, ResumeSearch, SearchState, TrialState
from trainyard.words import N_

from trainyard_service import images
from trainyard_service.context import Context
from trainyard_service.database.base import now
from trainyard_service.database.tables.searches import SearchRow, TrialRow
from trainyard_service.database.tables.trainings import TrainingRow
from trainyard_service.events import Audience, announce
from trainyard_service.identity import Caller
from trainyard_service.jobs import life
from trainyard_service.jobs.ledger import Ledger
from trainyard_service.jobs.naming import new_id
from trainyard_service.searches import checks
from trainyard_service.trainings import check, create, entry
from trainyard_service.trainings.telling import tell_training

BY_SEARCH, BY_PRUNER = "platform:search", "platform:pruned"
"""Who stopped a trial's job, where no person did."""
_ENDED = frozenset({SearchState.FINISHED, SearchState.FAILED, SearchState.STOPPED})


def tell(session: Session, row: SearchRow) -> None:
    """Announce that a search changed, to its owner and group."""
    announce(session, "search", row.id, Audience.of(row.owner_id, groups=(row.group_id,)))


def create_search(session: Session, context: Context, ledger: Ledger, caller: Caller, new: NewSearch) -> SearchRow:
    """A search that runs; its trials are begun by the driver.

    Raises:
        UserError: its training could not run, a search has this name, or its space or sampler breaks a rule; nothing was made.
    """
    group_id = create.member_of(caller, new.training.group)
    new = _with_defaults(context, new, group_id)
    checks.check(new)
    # trials have names of their own: a training of the search's name is in nobody's way
    for refusal in check.problems(session, context, ledger, caller, new.training):
        if refusal.code != "training-exists":
            raise refusal
    _refuse_same_name(session, caller.id, group_id, new.training.name)
    row = SearchRow(id=new_id(), name=new.training.name, owner_id=caller.id, group_id=group_id, until=_until(new))
    row.asked = new.model_dump(mode="json")
    session.add(row)
    session.flush()
    session.refresh(row)
    tell(session, row)
    return row


def problems(session: Session, context: Context, ledger: Ledger, caller: Caller, new: NewSearch) -> list[UserError]:
    """Every reason for which ``new`` would be refused; empty when it may begin."""
    steps = check.Steps()
    group_id = steps.make(lambda: create.member_of(caller, new.training.group))
    whole = None
    if group_id is not None:
        whole = steps.make(lambda: _with_defaults(context, new, group_id))
        steps.make(lambda: _refuse_same_name(session, caller.id, group_id, new.training.name))
    asked = whole or new
    steps.make(lambda: checks.check(asked))
    # trials have names of their own: a training of the search's name is in nobody's way
    found = check.problems(session, context, ledger, caller, asked.training)
    found = [one for one in found if one.code != "training-exists"]
    known = {(one.code, one.field) for one in found}
    return found + [one for one in steps.refusals if (one.code, one.field) not in known]


def _with_defaults(context: Context, new: NewSearch, group_id: int) -> NewSearch:
    """What an example ships as its parameters stands below the trials' values, as it does for a single training."""
    if new.training.parameters:
        return new
    image = images.find(context.home, new.training.image)
    roots = create.roots_of(context, image, group_id, new.training.group)
    found = entry.example_parameters(entry.check(new.training.entry, roots), roots)
    return new.model_copy(update={"training": new.training.model_copy(update={"parameters": found})})


def _refuse_same_name(session: Session, owner_id: int, group_id: int, name: str) -> None:
    same = select(SearchRow.id).where(SearchRow.owner_id == owner_id, SearchRow.group_id == group_id, SearchRow.name == name)
    if session.scalar(same) is not None:
        raise Conflict(
            "search-exists",
            N_("You have a search named {name} in this group already."),
            hint=N_("Choose another name, or go on with that search."),
            field="name",
            name=name,
        )


def asked_of(row: SearchRow) -> NewSearch:
    """What was asked for."""
    return NewSearch.model_validate(row.asked, context=STORED)


def move(session: Session, row: SearchRow, then: SearchState, why: dict[str, Any] | None = None) -> None:
    """Take the search to ``then``.

    Raises:
        Conflict: the table does not allow the step.
    """
    before = SearchState(row.state)
    if then not in NEXT[before]:
        raise Conflict(
            "search-state",
            N_("The search {name} is {state}; that cannot be done with it now."),
            hint=N_("Look at it again: its state may have changed meanwhile."),
            name=row.name,
            state=before.value,
        )
    row.state, row.why, row.ended = then, why, now() if then in _ENDED else None
    session.flush()
    tell(session, row)


def pause(session: Session, row: SearchRow) -> None:
    """Begin no more trials; those under way run to their end.

    Raises:
        Conflict: it does not run.
    """
    move(session, row, SearchState.PAUSED)


def stop(session: Session, row: SearchRow, by: str) -> None:
    """End the search, and every trial of it that is under way.

    Raises:
        Conflict: it has ended.
    """
    move(session, row, SearchState.STOPPED)
    stop_trials(session, row, by)


def resume(session: Session, row: SearchRow, change: ResumeSearch) -> None:
    """Go on, with what is to be changed; failures in a row are counted anew, and the hours begin again.

    Raises:
        Conflict: it runs, or has made all its trials and is asked for no more.
    """
    new = asked_of(row).model_copy(update=change.model_dump(exclude_none=True))
    if len(row.trials) >= trials_of(new):
        raise Conflict(
            "search-complete",
            N_("The search {name} has made all its {count} trials."),
            hint=N_("Ask for more trials; a grid has no more than its combinations."),
            field="trials",
            name=row.name,
            count=len(row.trials),
        )
    move(session, row, SearchState.RUNNING)
    row.asked = new.model_dump(mode="json")
    row.counted_from = sum(one.state != TrialState.RUNNING for one in row.trials)
    row.until = _until(new)


def trials_of(new: NewSearch) -> int:
    """How many trials it makes at most."""
    return min(new.trials, checks.most(new))


def _until(new: NewSearch) -> Any:
    return now() + timedelta(hours=new.hours)


def stop_trials(session: Session, row: SearchRow, by: str) -> None:
    """Ask every trial under way to end."""
    for training in trainings_of(session, running(row)).values():
        life.want_stop(session, training.job, by)
        tell_training(session, training)


def running(row: SearchRow) -> list[TrialRow]:
    """The trials that have not ended, as far as is written down."""
    return [one for one in row.trials if one.state == TrialState.RUNNING]


def trainings_of(session: Session, trials: Iterable[TrialRow]) -> dict[str, TrainingRow]:
    """The trainings of trials, by id; those that were deleted are not there."""
    ids = [one.training_id for one in trials]
    return {one.id: one for one in session.scalars(select(TrainingRow).where(TrainingRow.id.in_(ids)))}


def why(message: str, **values: Any) -> dict[str, Any]:
    """A sentence to be kept and said later, in the reader's language."""
    return {"message": message, "values": values}


def refused(error: UserError) -> dict[str, Any]:
    """A refusal as a sentence to be kept."""
    values = {
        name: value if isinstance(value, str | int | float | bool) else str(value) for name, value in error.values.items()
    }
    return {"message": error.message, "hint": error.hint, "values": values}
