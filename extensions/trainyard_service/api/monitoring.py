"""What a job uses, its log searched, timed and downloaded; curves of several runs, side by side, as files."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response
from fastapi.responses import StreamingResponse
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool
from trainyard.errors import NotFound
from trainyard.metrics.beneath import open_beneath
from trainyard.metrics.export import COLUMNS, rows_of
from trainyard.records.monitoring import Comparison, JobUsage, LogSearch, LogTimes
from trainyard.records.trainings import Curves
from trainyard.words import N_

from trainyard_service.api import jobs as job_routes
from trainyard_service.api.datasets import ReadingDep
from trainyard_service.api.job_logs import merged
from trainyard_service.api.trainings import CurvesDep, marks_of
from trainyard_service.audit import AuditedRoute
from trainyard_service.database.tables.trainings import InstanceRow
from trainyard_service.jobs import gang, kept, log_search
from trainyard_service.jobs.log import LogFile
from trainyard_service.jobs.merged_log import ALL, CURSOR, START
from trainyard_service.jobs.merged_search import search_all
from trainyard_service.trainings import access, comparison
from trainyard_service.trainings.charts import AXES, OF_EPOCHS, Axis, charts_of, labels
from trainyard_service.trainings.curves import CurveReader, Window
from trainyard_service.trainings.drawing import Picture, draw

router = APIRouter(tags=["monitoring"], route_class=AuditedRoute)
Instances = Annotated[list[str], Query(min_length=1, max_length=comparison.MOST, alias="instance")]
Tags = Annotated[str, Query(max_length=20_000, description="with commas")]
Cursor = Annotated[str, Query(pattern=CURSOR, max_length=20_000)]
FarOffset = Annotated[int, Query(ge=0, lt=1 << 62)]
_BLOCK = 1 << 18
_MOST_DRAWN = 2000
_TYPES = {"png": "image/png", "svg": "image/svg+xml", "csv": "text/csv; charset=utf-8"}


@router.get("/jobs/{job_id}/usage")
def get_usage(
    job_id: str, reading: ReadingDep, points: Annotated[int, Query(ge=10, le=5000)] = 1000, replica: str = ""
) -> JobUsage:
    """Processor, memory, cards, disk and network, sample by sample, all attempts; of all replicas together, or of one."""
    with reading.context.database.read() as session:
        row = job_routes.find(session, reading.caller, job_id)
        name = gang.must_be_one(row, replica) if replica else ""
        limit = gang.size_within(row, name, reading.engine.ledger.sizes(session))
        endings = [one.ending for one in reversed(row.attempts) if one.ending and not name]
    used = kept.usage(reading.context.home, row.id, points, name)
    if used.gpu_memory_limit is None:  # samples of launches that older versions started, and of a cluster's, do not tell it
        told = next((one["gpu_memory_limit"] for one in endings if one.get("gpu_memory_limit")), None)
        used = used.model_copy(update={"gpu_memory_limit": told})
    return used.model_copy(update={"cpu_limit": limit.cpu, "memory_limit": limit.memory}) if limit else used


@router.get("/jobs/{job_id}/log/search")
def search_log(
    job_id: str,
    reading: ReadingDep,
    text: Annotated[str, Query(min_length=1, max_length=500)],
    offset: FarOffset = 0,
    line: Annotated[int, Query(ge=1, lt=1 << 62)] = 1,
    replica: str = "",
    since: Cursor = START,
) -> LogSearch:
    """Lines that hold ``text``, from ``offset`` on, the beginning of ``line``; at most so many, then where to go on.

    With ``replica=all`` those of all replicas, in the order they were written, from the cursor ``since`` on.
    """
    if replica == ALL:
        with reading.context.database.read() as session:
            together = merged(reading.engine, session, job_routes.find(session, reading.caller, job_id))
        return search_all(together, text, since)
    return log_search.search(_log(reading, job_id, replica), text, offset, line)


@router.get("/jobs/{job_id}/log/times")
def get_log_times(
    job_id: str, reading: ReadingDep, offset: FarOffset = 0, end: FarOffset | None = None, replica: str = ""
) -> LogTimes:
    """When what stands between two places of the log was written."""
    with reading.context.database.read() as session:
        row = job_routes.find(session, reading.caller, job_id)
        name = gang.must_be_one(row, replica) if replica else gang.names_of(row)[0]
    return log_search.times(kept.folders(reading.context.home, row.id, name), offset, end)


@router.get("/jobs/{job_id}/log/file", response_class=StreamingResponse)
def download_log(job_id: str, reading: ReadingDep, replica: str = "") -> StreamingResponse:
    """The whole log as a file, as long as it is now; ``all``: those of all replicas as one."""
    if replica == ALL:
        with reading.context.database.read() as session:
            job = job_routes.find(session, reading.caller, job_id)
            log, blocks = LogFile(*reading.engine.output(session, job)), merged(reading.engine, session, job).whole()
    else:
        log = _log(reading, job_id, replica)
        blocks = _blocks(log, log.size())
    name = log.relative.rsplit("/", 1)[-1].encode("ascii", "replace").decode().replace('"', "_").replace("?", "_")
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "X-Content-Type-Options": "nosniff"}
    return StreamingResponse(blocks, media_type="text/plain; charset=utf-8", headers=headers)


@router.get("/curves")
def get_curves_of_many(
    reading: ReadingDep,
    curves: CurvesDep,
    instances: Instances,
    tags: Tags = "",
    points: Annotated[int, Query(ge=10, le=20_000)] = 500,
) -> list[Curves]:
    """The scalars of several instances, in the order asked for."""
    with reading.context.database.read() as session:
        rows = [access.find_instance(session, reading.caller, one) for one in instances]
        marks = [marks_of(session, row.id) for row in rows]
        pairs = [(row.training_id, row.id) for row in rows]
    found = curves.of_many(pairs, Window(_named(tags), points))
    return [
        Curves(instance=pair[1], series=series, snapshots=own) for pair, series, own in zip(pairs, found, marks, strict=True)
    ]


@router.get("/comparison")
def compare(
    reading: ReadingDep,
    curves: CurvesDep,
    trainings: Annotated[list[str], Query(min_length=1, max_length=comparison.MOST, alias="training")],
) -> Comparison:
    """Hyper-parameters and last values of trainings side by side, each by its newest instance."""
    with reading.context.database.read() as session:
        rows = [access.find(session, reading.caller, one) for one in dict.fromkeys(trainings)]
        return comparison.compare(curves, rows)


@router.get("/curves/file", response_class=Response)
async def draw_curves(
    reading: ReadingDep,
    curves: CurvesDep,
    instances: Instances,
    format: Literal["png", "svg", "csv"] = "png",
    tags: Tags = "",
    smoothing: Annotated[float, Query(ge=0, lt=1)] = 0,
    x: Axis = "step",
    logarithmic: bool = False,
) -> Response:
    """Curves as a picture, or every point as CSV."""
    found = await run_in_threadpool(_named_instances, reading, instances)
    headers = {"Content-Disposition": f'attachment; filename="curves.{format}"', "X-Content-Type-Options": "nosniff"}
    if format == "csv":
        lines = _csv(curves, found, _named(tags))
        return StreamingResponse(lines, media_type=_TYPES[format], headers=headers)
    wanted = _named(tags)
    window = Window((*wanted, *OF_EPOCHS) if wanted else (), _MOST_DRAWN)
    series = await run_in_threadpool(curves.of_many, [(training, one) for training, one, _ in found], window)
    charts = charts_of(labels([(name, instance) for _, instance, name in found]), series, x)
    if not charts:
        raise NotFound("no-curves", N_("There is nothing to draw: no number was reported."))
    title = ", ".join(dict.fromkeys(name for _, _, name in found))
    picture = Picture(format, title, AXES[x], charts, smoothing, logarithmic)
    return Response(
        await draw(picture, reading.context.home.service / "matplotlib"), media_type=_TYPES[format], headers=headers
    )


def _log(reading: ReadingDep, job_id: str, replica: str) -> LogFile:
    with reading.context.database.read() as session:
        return LogFile(*reading.engine.output(session, job_routes.find(session, reading.caller, job_id), replica))


def _blocks(log: LogFile, size: int) -> Iterator[bytes]:
    """The first ``size`` bytes of the log; what is written meanwhile stays out, or a download would never end."""
    try:
        with open_beneath(log.root, log.relative) as file:
            left = min(size, os.fstat(file.fileno()).st_size)
            while left > 0 and (block := file.read(min(_BLOCK, left))):
                left -= len(block)
                yield block
    except (OSError, ValueError):
        return


def _named(tags: str) -> tuple[str, ...]:
    return tuple(tag for tag in tags.split(",") if tag)


def _named_instances(reading: ReadingDep, instances: list[str]) -> list[tuple[str, str, str]]:
    """Training, instance and the training's name."""
    with reading.context.database.read() as session:
        return [_found(session, reading, one) for one in instances]


def _found(session: Session, reading: ReadingDep, instance: str) -> tuple[str, str, str]:
    row: InstanceRow = access.find_instance(session, reading.caller, instance)
    return row.training_id, row.id, row.training.name


def _csv(curves: CurveReader, found: list[tuple[str, str, str]], tags: tuple[str, ...]) -> Iterator[str]:
    several = len(found) > 1
    yield ",".join(("instance", *COLUMNS) if several else COLUMNS) + "\r\n"
    for training, instance, _ in found:
        for tag, points in curves.pieces(training, instance, tags):
            yield from rows_of(tag, points, (instance,) if several else ())
