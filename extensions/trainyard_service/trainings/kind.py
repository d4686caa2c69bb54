"""The job that runs a training's entry."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Select, bindparam, select
from sqlalchemy.orm import Session, joinedload
from trainyard.errors import Conflict
from trainyard.jobs.launch import Mount
from trainyard.jobs.states import ENDED, Cause, JobState
from trainyard.metrics.beneath import open_beneath
from trainyard.records.jobs import Progress, RestartPolicy
from trainyard.records.trainings import InstanceState
from trainyard.training.patterns import wrapping
from trainyard.words import N_

from trainyard_service import images
from trainyard_service.context import Context
from trainyard_service.database.base import now
from trainyard_service.database.tables.jobs import AttemptRow, JobRow
from trainyard_service.database.tables.trainings import TrainingRow
from trainyard_service.datasets.formatting import set_folder
from trainyard_service.disk.measure import measure_soon
from trainyard_service.events import announce
from trainyard_service.jobs import life
from trainyard_service.jobs.endings import ending_view
from trainyard_service.jobs.kinds import Inside, Start, identity_of, url_inside
from trainyard_service.jobs.naming import log_of_replica
from trainyard_service.jobs.tokens import private_folder, write_private
from trainyard_service.storage.mounts import mounts_of
from trainyard_service.trainings import catch_up, entry, places
from trainyard_service.trainings.create import roots_of
from trainyard_service.trainings.telling import tell_instance
from trainyard_service.volume import make_member_folder
from trainyard_service.volume_files import append_beneath, make_folder

_LOST = N_("The job ended before this instance said how it ended.")


@dataclass(frozen=True)
class TrainKind:
    """Runs trainings; a training whose supervisor was lost fails, and its owner may start it again."""

    context: Context
    resumes: bool = False

    def inside(self, session: Session, start: Start) -> Inside:
        """See ``Kind``."""
        row, home, identity = _of(session, start.job, _STARTING), self.context.home, identity_of(start.job)
        assert row is not None
        image = images.find(home, start.job.image)
        roots = roots_of(self.context, image, row.group_id, row.group.name)
        words = entry.check(row.entry, roots)
        share = make_member_folder(home, row.group, row.owner).parent
        run = make_folder(home.run(row.id), identity.uid, row.group.gid)
        log = log_of_replica(places.log_below_share(row), start.replica)
        self._begin_log(row, start.job.attempt, share / log, identity.uid)
        parameters = private_folder(home, start.job.key) / "default.json"
        write_private(parameters, json.dumps(row.parameters, ensure_ascii=False, indent=2).encode(), identity.uid, identity.gid)
        mounts = [
            Mount(source=share, target=Path(places.SHARES / row.group.name), read_only=False),
            Mount(source=run, target=places.RUN, read_only=False),
            Mount(source=parameters, target=places.PARAMETERS),
            *(Mount(source=set_folder(self.context, one.set), target=Path(places.DATA / one.part)) for one in row.sets),
            *mounts_of(self.context).for_launch(start.job.owner_id, session),
        ]
        examples = roots.by_target[places.EXAMPLES]
        if examples.is_dir():
            mounts.append(Mount(source=examples, target=Path(places.EXAMPLES)))
        return Inside(
            argv=(*wrapping(start.job.spec.get("log_patterns") or ()), *words),
            working_directory=places.home_inside(row),
            mounts=tuple(mounts),
            environment=(
                ("TRAINYARD_URL", url_inside(self.context)),
                ("TRAINYARD_TRAINING", row.id),
                ("PYTHONUNBUFFERED", "1"),
                *_resuming(start.job),
                *((("TRAINYARD_DRY_RUN", "1"),) if start.job.spec.get("dry_run") else ()),
            ),
            output=share / log,
        )

    def _begin_log(self, row: TrainingRow, attempt: int, log: Path, uid: int) -> None:
        line = f"=== {row.name}: attempt {attempt}, {datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC ===\n"
        try:
            share = self.context.home.group_share(row.group_id)
            append_beneath(share, str(log.relative_to(share)), line.encode(), uid, row.group.gid)
        except OSError as error:
            raise Conflict(
                "log-not-writable",
                # with the next step: of a refused start only the sentence is kept
                N_("The log {path} cannot be written: {reason}. Move or delete what lies there, then start again."),
                path=str(places.home_inside(row) / "run" / log.name),
                reason=error.strerror or str(error),
            ) from error

    def _end_log(self, row: TrainingRow, job: JobRow, ending: dict[str, Any] | None) -> None:
        """Who or what ended it, and what follows; a training that was stopped in the queue wrote nothing."""
        told = ending_view(ending, "en")
        if told is None or (job.started is None and told.cause is Cause.STOPPED):
            return
        policy = RestartPolicy.model_validate(job.restart or {})
        again = f" Retry {job.retries} of {policy.max_retries} follows." if job.state == JobState.QUEUED else ""
        line = f"=== {row.name}: attempt {job.attempt}, {datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC: {told.text}{again} ===\n"
        share, owner = self.context.home.group_share(row.group_id), row.owner
        # a log that its people have moved away, or a full share, does not keep a training from ending
        with suppress(OSError, ValueError):
            log = places.log_below_share(row)
            append_beneath(share, log, on_a_line_of_its_own(share, log, line).encode(), owner.uid, row.group.gid)

    def moved(self, session: Session, job: JobRow, then: JobState) -> None:
        """See ``Kind``."""
        announce(session, "training", job.spec["training"], life.audience(job))
        row = _of(session, job) if then in ENDED or then is JobState.QUEUED else None
        if row is None:
            return
        if then in ENDED:
            catch_up.instances(session, self.context, row)
            self._close_instances(session, row, then)
            self._end_log(row, job, job.ending)
        elif attempt := session.get(AttemptRow, (job.id, job.attempt)):
            # the platform starts it again by itself
            catch_up.instances(session, self.context, row)
            self._close_instances(session, row, JobState.FAILED)
            self._end_log(row, job, attempt.ending)

    def _close_instances(self, session: Session, row: TrainingRow, then: JobState) -> None:
        for instance in row.instances:
            if instance.state == InstanceState.RUNNING:
                failed = then is JobState.FAILED
                instance.state = InstanceState.FAILED if failed else InstanceState.DONE
                instance.error = _LOST if failed else ""
                instance.stopped = now()
                tell_instance(session, instance)

    def after(self, job: JobRow) -> None:
        """See ``Kind``: snapshots that were packed while the platform was away are kept now."""
        catch_up.snapshots(self.context, job.spec["training"])
        measure_soon(self.context, f"runs/{job.spec['training']}")

    def progress(self, job: JobRow) -> Progress | None:
        """See ``Kind``; the page shows the instances' own progress."""
        return None

    def log(self, session: Session, job: JobRow) -> tuple[Path, str] | None:
        """See ``Kind``."""
        row = _of(session, job)
        return (self.context.home.group_share(row.group_id), places.log_below_share(row)) if row else None


def on_a_line_of_its_own(share: Path, log: str, line: str) -> str:
    """``line``, behind a line end where what was written last has none."""
    with suppress(FileNotFoundError), open_beneath(share, log) as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - 1))
        return line if not size or file.read(1) == b"\n" else f"\n{line}"
    return line


def _resuming(job: JobRow) -> tuple[tuple[str, str], ...]:
    """Whether ``TrainInstance`` goes on from a snapshot; where nobody said, the script's own choice holds."""
    resume = job.spec.get("resume")
    return () if resume is None else (("TRAINYARD_RESUME", "1" if resume else "0"),)


_OF = "training of a job"
_OF_JOB = select(TrainingRow).where(TrainingRow.job_id == bindparam("job"))
_STARTING = _OF_JOB.options(joinedload(TrainingRow.sets))
_ENDING = _OF_JOB.options(joinedload(TrainingRow.instances))


def _of(session: Session, job: JobRow, question: Select[TrainingRow] = _ENDING) -> TrainingRow | None:
    """The training of a job; a session reads it once. Its person and group are the job's, which are read with that."""
    known: TrainingRow | None = session.info.get((_OF, job.id))
    if known is None:
        known = session.scalars(question, {"job": job.id}).unique().one_or_none()
        session.info[_OF, job.id] = known
    return known
