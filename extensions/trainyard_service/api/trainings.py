"""Trainings: submit, watch, stop, start, delete; instances and curves; TensorBoard."""

from __future__ import annotations

import shutil
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session, joinedload, selectinload
from starlette.concurrency import run_in_threadpool
from trainyard.errors import Conflict
from trainyard.jobs.states import ENDED, JobState
from trainyard.records.base import Page, Record
from trainyard.records.trainings import (
    Curves,
    Instance,
    InstanceChange,
    InstanceState,
    Model,
    NewInstance,
    NewSnapshot,
    NewTraining,
    SnapshotMark,
    Training,
)
from trainyard.training.snapshots import is_whole
from trainyard.words import N_

from trainyard_service import audit
from trainyard_service.api.datasets import Limit, Offset, ReadingDep
from trainyard_service.audit import AuditedRoute, unaudited
from trainyard_service.database.base import now
from trainyard_service.database.tables.jobs import JobRow
from trainyard_service.database.tables.models import ModelRow
from trainyard_service.database.tables.searches import TrialRow
from trainyard_service.database.tables.trainings import InstanceRow, TrainingRow
from trainyard_service.jobs import kept, life
from trainyard_service.jobs.part import EngineDep
from trainyard_service.jobs.tokens import remove_private_folder
from trainyard_service.models import keep
from trainyard_service.models.views import model_view
from trainyard_service.permissions import must_not_be_job
from trainyard_service.trainings import access, again, create
from trainyard_service.trainings.curves import CurveReader, Window, curves_of
from trainyard_service.trainings.telling import tell_instance, tell_training
from trainyard_service.trainings.tensorboard import TensorBoards
from trainyard_service.trainings.views import instance_view, training_view

_WHOLE = (
    selectinload(TrainingRow.job).options(joinedload(JobRow.owner), joinedload(JobRow.group)),
    joinedload(TrainingRow.owner),
    joinedload(TrainingRow.group),
    selectinload(TrainingRow.sets),
    selectinload(TrainingRow.instances),
)
"""What a training shows, read in a few questions for a whole page."""
router = APIRouter(tags=["trainings"], route_class=AuditedRoute)
_BOARDS = "tensorboards"


async def _curves(engine: EngineDep) -> CurveReader:
    return curves_of(engine.context)


def boards_of(engine: EngineDep) -> TensorBoards:
    """The service's TensorBoards."""
    boards: TensorBoards = engine.context.parts.setdefault(_BOARDS, TensorBoards(engine.context, engine.settings))
    return boards


CurvesDep = Annotated[CurveReader, Depends(_curves)]
BoardsDep = Annotated[TensorBoards, Depends(boards_of)]


class Address(Record):
    """Where something is reached."""

    address: str


@router.post("/trainings", status_code=201)
def make_training(new: NewTraining, reading: ReadingDep, curves: CurvesDep) -> Training:
    """Submit a training; refused with the reason before anything starts."""
    must_not_be_job(reading.caller)
    audit.note(new.name, group=new.group, image=new.image, package=new.package)
    with reading.context.database.write() as session:
        make = again.try_once if new.dry_run else create.create
        row = make(session, reading.context, reading.engine.ledger, reading.caller, new)
        return training_view(reading(session), curves, row)


@router.get("/trainings")
def list_trainings(
    reading: ReadingDep,
    curves: CurvesDep,
    state: Annotated[list[JobState] | None, Query()] = None,
    search: str = "",
    mine: bool = False,
    trials: bool = True,
    offset: Offset = 0,
    limit: Limit = 50,
) -> Page[Training]:
    """The caller's trainings and those of their groups, the newest first; the trials of searches among them or not."""
    query = select(TrainingRow).where(access.readable(reading.caller))
    query = query if not state else query.join(JobRow, JobRow.id == TrainingRow.job_id).where(JobRow.state.in_(state))
    query = query if not mine else query.where(TrainingRow.owner_id == reading.caller.id)
    query = query if trials else query.where(~exists().where(TrialRow.training_id == TrainingRow.id))
    for word in search.split():
        query = query.where(TrainingRow.name.icontains(word, autoescape=True))
    with reading.context.database.read() as session:
        total = session.scalar(query.with_only_columns(func.count(TrainingRow.id))) or 0
        # ids first: sorting ten thousand whole rows takes longer than reading fifty
        ids = query.with_only_columns(TrainingRow.id).order_by(TrainingRow.created.desc(), TrainingRow.id)
        chosen = list(session.scalars(ids.offset(offset).limit(limit)))
        found = {row.id: row for row in session.scalars(select(TrainingRow).where(TrainingRow.id.in_(chosen)).options(*_WHOLE))}
        rows = [found[one] for one in chosen]
        reader = reading(session)
        return Page(items=[training_view(reader, curves, row) for row in rows], total=total, offset=offset)


@router.get("/trainings/{training_id}")
def get_training(training_id: str, reading: ReadingDep, curves: CurvesDep) -> Training:
    """One training with its instances."""
    with reading.context.database.read() as session:
        row = access.find(session, reading.caller, training_id)
        return training_view(reading(session), curves, row, reading.context)


@router.post("/trainings/{training_id}/stop")
def stop_training(training_id: str, reading: ReadingDep, curves: CurvesDep) -> Training:
    """Ask a training to end: its script gets SIGTERM and may save; files stay."""
    must_not_be_job(reading.caller)
    with reading.context.database.write() as session:
        row = access.find(session, reading.caller, training_id, change=True)
        audit.note(row.name)
        life.want_stop(session, row.job, reading.caller.name)
        tell_training(session, row)
        session.flush()
        return training_view(reading(session), curves, row)


@router.delete("/trainings/{training_id}", status_code=204)
def delete_training(training_id: str, reading: ReadingDep, curves: CurvesDep, boards: BoardsDep) -> None:
    """Delete an ended training with its run folder; models that were kept and its log stay."""
    must_not_be_job(reading.caller)
    with reading.context.database.write() as session:
        row = access.find(session, reading.caller, training_id, change=True)
        audit.note(row.name)
        job = row.job
        if JobState(job.state) not in ENDED:
            raise Conflict(
                "training-under-way",
                N_("The training {name} cannot be deleted while its state is {state}."),
                hint=N_("Stop it first."),
                name=row.name,
                state=job.state,
            )
        for instance in row.instances:
            curves.forget(instance.id)
        tell_training(session, row)
        session.delete(row)
        session.flush()
        session.delete(job)
    boards.stop(training_id)
    kept.remove(reading.context.home, job.id)
    remove_private_folder(reading.context.home, job.key)
    shutil.rmtree(reading.context.home.run(training_id), ignore_errors=True)


@router.post("/trainings/{training_id}/instances", status_code=201)
def make_instance(training_id: str, new: NewInstance, reading: ReadingDep, curves: CurvesDep) -> Instance:
    """A script has begun; telling it twice makes one instance."""
    with reading.context.database.write() as session:
        training = access.find(session, reading.caller, training_id)
        access.must_report(reading.caller, training)
        row = session.get(InstanceRow, new.id)
        if row is not None and row.training_id != training.id:
            raise Conflict("instance-exists", N_("The instance {id} belongs to another training."), field="id", id=new.id)
        if row is None:
            row = InstanceRow(id=new.id, training_id=training.id, attempt=training.job.attempt, parameters=new.parameters)
            session.add(row)
            session.flush()
            session.refresh(row)
        tell_instance(session, row)
        return instance_view(reading(session), curves, row)


@router.get("/instances/{instance_id}")
def get_instance(instance_id: str, reading: ReadingDep, curves: CurvesDep) -> Instance:
    """One instance with its newest numbers."""
    with reading.context.database.read() as session:
        return instance_view(reading(session), curves, access.find_instance(session, reading.caller, instance_id))


@router.put("/instances/{instance_id}")
def change_instance(instance_id: str, change: InstanceChange, reading: ReadingDep, curves: CurvesDep) -> Instance:
    """A script goes on, ends, or changes its parameters."""
    with reading.context.database.write() as session:
        row = access.find_instance(session, reading.caller, instance_id)
        access.must_report(reading.caller, row.training)
        if change.state is not None:
            row.state, row.stopped = change.state, None if change.state is InstanceState.RUNNING else now()
        row.parameters = row.parameters if change.parameters is None else change.parameters
        row.error = row.error if change.error is None else change.error
        tell_instance(session, row)
        return instance_view(reading(session), curves, row)


@router.post("/instances/{instance_id}/snapshots", status_code=201)
def make_snapshot(instance_id: str, new: NewSnapshot, reading: ReadingDep) -> Model:
    """A script has packed a snapshot; it is copied, checked and kept as a model."""
    context = reading.context
    with context.database.read() as session:
        row = access.find_instance(session, reading.caller, instance_id)
        access.must_report(reading.caller, row.training)
        audit.note(keep.name_of(row.training.name, new))
        metrics = keep.announced_metrics(context, row.training_id, row.id, new.file)
    model_id = keep.snapshot(context, instance_id, new, metrics)
    with context.database.read() as session:
        return model_view(reading(session), session.get_one(ModelRow, model_id))


@router.get("/instances/{instance_id}/curves")
def get_curves(
    instance_id: str,
    reading: ReadingDep,
    curves: CurvesDep,
    tags: Annotated[list[str] | None, Query()] = None,
    points: Annotated[int, Query(ge=10, le=20_000)] = 1000,
    first: Annotated[int | None, Query(alias="from")] = None,
    last: Annotated[int | None, Query(alias="to")] = None,
) -> Curves:
    """Every scalar (or the named ones), with about so many points each, and the snapshots taken."""
    with reading.context.database.read() as session:
        row = access.find_instance(session, reading.caller, instance_id)
        marks = marks_of(session, instance_id)
    named = tuple(tag for part in tags or () for tag in part.split(",") if tag)
    series = curves.series(row.training_id, row.id, Window(named, points, first, last))
    return Curves(instance=row.id, series=series, snapshots=marks, problems=curves.problems(row.training_id, row.id))


def marks_of(session: Session, instance_id: str) -> list[SnapshotMark]:
    """Where snapshots were taken."""
    models = select(ModelRow).where(ModelRow.instance == instance_id).order_by(ModelRow.step)
    return [
        SnapshotMark(model=one.id, epoch=one.epoch or 0, step=one.step or 0, whole=is_whole(one.file))
        for one in session.scalars(models)
    ]


@router.post("/trainings/{training_id}/tensorboard")
async def open_tensorboard(training_id: str, reading: ReadingDep, boards: BoardsDep) -> Address:
    """A TensorBoard on this run; it ends by itself when nobody looks any more."""
    must_not_be_job(reading.caller)

    def start() -> str:
        with reading.context.database.read() as session:
            row = access.find(session, reading.caller, training_id)
            if not reading.context.home.run(row.id).is_dir():
                raise Conflict("not-begun", N_("The training {name} has not begun: there is nothing to show."), name=row.name)
            return boards.start([row], _prefix(reading.context.settings.api_path, training_id))

    prefix = _prefix(reading.context.settings.api_path, training_id)
    await boards.until_ready(await run_in_threadpool(start), prefix)
    return Address(address=f"{prefix}/")


@router.api_route("/trainings/{training_id}/tensorboard/{path:path}", methods=["GET", "POST"], include_in_schema=False)
@unaudited
async def show_tensorboard(training_id: str, path: str, request: Request, reading: ReadingDep, boards: BoardsDep) -> Response:
    """TensorBoard's own pages and data, for whoever may read the training."""

    def check() -> str:
        with reading.context.database.read() as session:
            return access.find(session, reading.caller, training_id).id

    if not path and not request.url.path.endswith("/"):
        return RedirectResponse(f"{request.url.path}/", 307)
    known = await run_in_threadpool(check)
    return await boards.proxy(f"tensorboard-{known}", request)


def _prefix(api_path: str, training_id: str) -> str:
    return f"{api_path}/trainings/{training_id}/tensorboard"
