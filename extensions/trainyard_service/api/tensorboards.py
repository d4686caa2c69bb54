"""One TensorBoard on several trainings, for whoever may read all of them."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool
from trainyard.errors import Conflict
from trainyard.words import N_

from trainyard_service import audit
from trainyard_service.api.datasets import ReadingDep
from trainyard_service.api.trainings import Address, BoardsDep
from trainyard_service.audit import AuditedRoute, unaudited
from trainyard_service.database.tables.trainings import TrainingRow
from trainyard_service.permissions import must_not_be_job
from trainyard_service.trainings import access, comparison
from trainyard_service.trainings.tensorboard import key_of

router = APIRouter(tags=["trainings"], route_class=AuditedRoute)
Trainings = Annotated[list[str], Query(min_length=1, max_length=comparison.MOST, alias="training")]


@router.post("/comparison/tensorboard")
async def open_tensorboards(trainings: Trainings, reading: ReadingDep, boards: BoardsDep) -> Address:
    """A TensorBoard on these runs; it ends by itself when nobody looks any more."""
    must_not_be_job(reading.caller)
    chosen = list(dict.fromkeys(trainings))
    prefix = f"{reading.context.settings.api_path}/comparison/{'-'.join(chosen)}/tensorboard"

    def start() -> str:
        with reading.context.database.read() as session:
            return boards.start(_begun(reading, session, chosen), prefix)

    await boards.until_ready(await run_in_threadpool(start), prefix)
    return Address(address=f"{prefix}/")


@router.api_route("/comparison/{trainings}/tensorboard/{path:path}", methods=["GET", "POST"], include_in_schema=False)
@unaudited
async def show_tensorboards(trainings: str, path: str, request: Request, reading: ReadingDep, boards: BoardsDep) -> Response:
    """TensorBoard's own pages and data, for whoever may read every training in the address."""
    chosen = trainings.split("-")[: comparison.MOST]

    def check() -> str:
        with reading.context.database.read() as session:
            return key_of([access.find(session, reading.caller, one).id for one in chosen])

    return await boards.proxy(await run_in_threadpool(check), request)


def _begun(reading: ReadingDep, session: Session, chosen: list[str]) -> list[TrainingRow]:
    """The trainings that have written anything."""
    rows = [access.find(session, reading.caller, one) for one in chosen]
    audit.note(", ".join(row.name for row in rows))
    missing = [row.name for row in rows if not reading.context.home.run(row.id).is_dir()]
    if missing:
        raise Conflict("not-begun", N_("The training {name} has not begun: there is nothing to show."), name=missing[0])
    return rows
