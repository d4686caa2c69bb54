"""Several jobs that share one batch: each formats a part of its pictures, and when all are through one job writes the sets."""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil

from sqlalchemy.orm import Session
from trainyard.errors import Conflict
from trainyard.formats.spool import SHARD, Shard
from trainyard.home import Home
from trainyard.jobs.states import ENDED, JobState
from trainyard.records.datasets import BatchShard
from trainyard.records.jobs import JobKind, Progress
from trainyard.words import N_

from trainyard_service.database.tables.datasets import BatchRow, BatchShardRow
from trainyard_service.database.tables.jobs import JobRow
from trainyard_service.jobs import life
from trainyard_service.jobs.kinds import Kind

FINISHED = JobState.FINISHED
_PICTURES = 250_000
"""So many pictures are one job's work; their overhead beyond that is not worth another one's start."""
_MOST = 8
_URGENCY = (
    JobState.RUNNING,
    JobState.STARTING,
    JobState.QUEUED,
    JobState.CREATED,
    JobState.FAILED,
    JobState.STOPPED,
    JobState.FINISHED,
)
"""Of several jobs' states the first of these tells how they stand together."""


def shard_count(asked: int, pictures: int) -> int:
    """How many jobs share a batch: as many as asked, or by its size; never more than there are pictures."""
    return min(asked or min(_MOST, ceil(pictures / _PICTURES)), max(pictures, 1)) or 1


def submit(session: Session, batch: BatchRow, new: life.NewJob, count: int) -> None:
    """Queue the jobs of a new batch: one that does all, or ``count`` shards."""
    if count == 1:
        batch.job_id = life.submit(session, new).id
        return
    for number in range(count):
        new.spec.update(shard=number, shards=count)
        job = life.submit(session, life.NewJob(**{**new.__dict__, "spec": dict(new.spec)}))
        batch.shards.append(BatchShardRow(number=number, job_id=job.id))


def jobs_of(batch: BatchRow) -> list[JobRow]:
    """Every job that works or worked on a batch."""
    return [job for job in (*(shard.job for shard in batch.shards), batch.job) if job is not None]


def state_of(batch: BatchRow) -> str:
    """The state of a batch: of its shards until they are through, then of the job that writes the sets."""
    if batch.completed:
        return FINISHED
    states = {JobState(shard.job.state) if shard.job else JobState.FAILED for shard in batch.shards}
    if states <= {FINISHED}:
        # between the last shard and the join nothing can happen but a cancellation
        if batch.job is None:
            return JobState.STOPPED if batch.shards else JobState.FAILED
        # what it left could not be read
        return JobState.FAILED if batch.job.state == FINISHED else JobState(batch.job.state)
    return next(state for state in _URGENCY if state in states)


def under_way(batch: BatchRow) -> bool:
    """Whether any job of it has not ended."""
    return any(JobState(job.state) not in ENDED for job in jobs_of(batch))


def cancel(session: Session, batch: BatchRow, by: str) -> None:
    """Stop every job; what they made stays for a resumption."""
    for job in jobs_of(batch):
        life.want_stop(session, job, by)


def resume(session: Session, home: Home, batch: BatchRow) -> None:
    """Queue again what did not finish, or what is not there any more.

    Raises:
        Conflict: ``batch-not-stopped``.
    """
    if batch.completed or under_way(batch) or not jobs_of(batch):
        raise Conflict(
            "batch-not-stopped",
            N_("Batch {id} is not stopped; its state is {state}."),
            hint=N_("Only a cancelled or failed batch can be resumed."),
            id=batch.id,
            state=state_of(batch),
        )
    batch.error = ""
    again = [shard.job for shard in batch.shards if shard.job and not _through(home, batch, shard)]
    for job in jobs_of(batch):
        job.wanted, job.stopped_by = "run", None
    for job in again:
        life.want_start(session, job)
    if not again:
        join(session, batch)


def went_on(session: Session, batch: BatchRow, job: JobRow) -> None:
    """A shard's job ended: the last one that finishes begins the join, one that failed ends the others."""
    if JobState(job.state) is JobState.FAILED:
        cancel(session, batch, "trainyard")
    elif all(shard.job and shard.job.state == FINISHED and shard.job.wanted == "run" for shard in batch.shards):
        join(session, batch)


def join(session: Session, batch: BatchRow) -> None:
    """Queue the job that writes the sets: the one that tried before, or a new one like the shards'."""
    if batch.job is not None:
        life.want_start(session, batch.job)
        return
    like = next(shard.job for shard in batch.shards if shard.job)
    spec = {**like.spec, "shard": None}
    new = life.NewJob(
        JobKind(like.kind), like.name, like.owner_id, like.group_id, like.image, like.package, spec, time_limit=like.time_limit
    )
    batch.job_id = life.submit(session, new).id
    session.flush()
    session.refresh(batch, ["job"])


def views(batch: BatchRow, kinds: Mapping[JobKind, Kind]) -> list[BatchShard]:
    """The shards as people see them."""
    kind = kinds[JobKind.FORMAT]
    return [
        BatchShard(
            number=shard.number,
            job=shard.job_id,
            state=shard.job.state if shard.job else JobState.FAILED,
            progress=kind.progress(shard.job) if shard.job else None,
        )
        for shard in batch.shards
    ]


def progress_of(batch: BatchRow, kinds: Mapping[JobKind, Kind], shards: list[BatchShard]) -> Progress | None:
    """How far a batch is: its shards together, or the job that writes the sets."""
    if batch.job is not None and (not shards or all(one.state == FINISHED for one in shards)):
        return kinds[JobKind.FORMAT].progress(batch.job)
    known = [one.progress for one in shards if one.progress and one.progress.total]
    if not known:
        return None
    left = [one.remaining for one in known if one.done < one.total]
    sure = len(known) == len(shards) and None not in left
    return Progress(
        done=sum(one.done for one in known),
        total=sum(one.total for one in known) * len(shards) // len(known),
        elapsed=max(one.elapsed for one in known),
        remaining=max((float(one) for one in left if one is not None), default=0.0) if sure else None,
        skipped=sum(one.skipped for one in known),
    )


def _through(home: Home, batch: BatchRow, shard: BatchShardRow) -> bool:
    finished = shard.job is not None and shard.job.state == FINISHED
    return finished and (Shard(shard.number, len(batch.shards)).folder(home.batch(batch.id)) / SHARD).is_file()
