"""The life of a training: checked before it is submitted, paused, gone on with, started again as it was or changed."""

from __future__ import annotations

from fastapi import APIRouter
from trainyard.errors import Conflict
from trainyard.jobs.states import ENDED, JobState
from trainyard.records.jobs import Attempt
from trainyard.records.trainings import NewTraining, StartTraining, Training, TrainingCheck
from trainyard.words import N_

from trainyard_service import audit
from trainyard_service.api.datasets import ReadingDep
from trainyard_service.api.jobs import find
from trainyard_service.api.trainings import CurvesDep
from trainyard_service.audit import AuditedRoute, unaudited
from trainyard_service.jobs import life
from trainyard_service.jobs.views import attempt_view
from trainyard_service.permissions import must_not_be_job
from trainyard_service.trainings import access, again, check
from trainyard_service.trainings.telling import tell_training
from trainyard_service.trainings.views import training_view

router = APIRouter(tags=["trainings"], route_class=AuditedRoute)


@router.post("/trainings/check")
@unaudited
def check_training(new: NewTraining, reading: ReadingDep) -> TrainingCheck:
    """Everything that would keep this training from running, each with a sentence of its own; nothing is made."""
    must_not_be_job(reading.caller)
    with reading.context.database.read() as session:
        found = check.problems(session, reading.context, reading.engine.ledger, reading.caller, new)
    return TrainingCheck(problems=[check.problem_view(one, reading.language) for one in found])


@router.post("/trainings/{training_id}/start")
def start_training(training_id: str, reading: ReadingDep, curves: CurvesDep, change: StartTraining | None = None) -> Training:
    """Start an ended training again, as it was or with what the body changes; its log is continued."""
    must_not_be_job(reading.caller)
    change = change or StartTraining()
    with reading.context.database.write() as session:
        row = access.find(session, reading.caller, training_id, change=True)
        audit.note(row.name, **change.model_dump(exclude={"parameters", "restart"}, exclude_none=True))
        again.start(session, reading.context, reading.engine.ledger, reading.caller, (row, change))
        session.flush()
        return training_view(reading(session), curves, row, reading.context)


@router.post("/trainings/{training_id}/pause")
def pause_training(training_id: str, reading: ReadingDep, curves: CurvesDep) -> Training:
    """Ask a training to save and to end, so that it goes on later from its last checkpoint; its resources are given back."""
    must_not_be_job(reading.caller)
    with reading.context.database.write() as session:
        row = access.find(session, reading.caller, training_id, change=True)
        audit.note(row.name)
        if JobState(row.job.state) in ENDED:
            raise Conflict(
                "training-ended",
                N_("The training {name} has ended already; its state is {state}."),
                hint=N_("Start it again to go on."),
                name=row.name,
                state=row.job.state,
            )
        life.want_stop(session, row.job, reading.caller.name, pause=True)
        tell_training(session, row)
        session.flush()
        return training_view(reading(session), curves, row, reading.context)


@router.post("/trainings/{training_id}/resume")
def resume_training(training_id: str, reading: ReadingDep, curves: CurvesDep) -> Training:
    """Go on from the newest complete checkpoint."""
    return start_training(training_id, reading, curves, StartTraining(resume=True))


@router.get("/jobs/{job_id}/attempts")
def list_attempts(job_id: str, reading: ReadingDep) -> list[Attempt]:
    """Every start of a job, the newest first, and how each ended."""
    with reading.context.database.read() as session:
        row = find(session, reading.caller, job_id)
        return [attempt_view(one, reading.language) for one in reversed(row.attempts)]
