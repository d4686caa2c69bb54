"""Looking at all pictures of a dataset, as a job of whoever asks; what it found is seen by all readers of the dataset."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy.orm import Session
from trainyard.errors import Conflict
from trainyard.formats import examine
from trainyard.formats.examine_job import PROGRESS
from trainyard.jobs.launch import Mount
from trainyard.jobs.states import ENDED, JobState
from trainyard.metrics.beneath import open_beneath
from trainyard.records.examinations import Bins, Examination, PictureBlemish, SizeTable
from trainyard.records.jobs import JobKind, Progress
from trainyard.words import N_, translate

from trainyard_service.context import Context
from trainyard_service.database.tables.datasets import DatasetRow
from trainyard_service.database.tables.jobs import JobRow
from trainyard_service.datasets.create import must_be_ready
from trainyard_service.datasets.prepare import SPEC_INSIDE, reason_text
from trainyard_service.datasets.sources import INSIDE, places_of
from trainyard_service.datasets.telling import tell_dataset
from trainyard_service.datasets.tool_jobs import Work, job_for
from trainyard_service.datasets.views import Reader
from trainyard_service.disk.measure import measure_soon
from trainyard_service.disk.room import Charge, charged_group, must_fit
from trainyard_service.identity import Caller
from trainyard_service.jobs import life
from trainyard_service.jobs.endings import explain
from trainyard_service.jobs.kinds import Inside, Start, identity_of, url_inside
from trainyard_service.jobs.settings import JobSettings
from trainyard_service.volume_files import folder_beneath, give, read_json, read_progress

FOLDER = "examination"
OUT_INSIDE = Path("/workspace/examination")
_LARGEST = 64 * 2**20
_FAILED = N_("The examination failed; the job's log says why.")


def begin(session: Session, context: Context, settings: JobSettings, caller: Caller, dataset: DatasetRow) -> JobRow:
    """The job that examines a dataset: the one under way, or a new one.

    Raises:
        Conflict: the dataset is not ready, or the disk quota is full.
    """
    must_be_ready(dataset)
    under_way = session.get(JobRow, dataset.examine_job_id) if dataset.examine_job_id else None
    if under_way is not None and JobState(under_way.state) not in ENDED:
        return under_way
    charge = Charge(caller.id, charged_group(caller, None))
    must_fit(session, context, charge, 0, "dataset")
    work = Work(JobKind.EXAMINE, dataset.name, charge, {"dataset": dataset.id})
    job = life.submit(session, job_for(context, settings, work))
    dataset.examine_job_id = job.id
    session.flush()
    tell_dataset(session, dataset)
    return job


def stop(session: Session, dataset: DatasetRow, by: str) -> None:
    """End the examination under way, if there is one: the dataset is about to go."""
    job = session.get(JobRow, dataset.examine_job_id) if dataset.examine_job_id else None
    if job is not None and JobState(job.state) not in ENDED:
        life.want_stop(session, job, by)


@dataclass(frozen=True)
class ExamineKind:
    """Examines pictures; begins anew by itself after its supervisor was lost."""

    context: Context
    resumes: bool = True

    def inside(self, session: Session, start: Start) -> Inside:
        """See ``Kind``."""
        dataset, identity = session.get(DatasetRow, start.job.spec["dataset"]), identity_of(start.job)
        if dataset is None:
            raise Conflict("dataset-gone", N_("The dataset was deleted meanwhile."))
        folder = self.context.home.dataset(dataset.id)
        os.close(folder_beneath(folder, (FOLDER,), identity.uid, identity.gid))
        _hand_over(folder / FOLDER, identity.uid, identity.gid)
        places = places_of(session, self.context.home, dataset)
        roots = {prefix: str(path) for prefix, path in places.inside.items()}
        spec = {"dataset": str(INSIDE), "roots": roots, "folder": str(OUT_INSIDE)}
        return Inside(
            argv=("python", "-m", "trainyard.formats.examine_job", str(SPEC_INSIDE)),
            working_directory=OUT_INSIDE,
            mounts=(*places.mounts, Mount(source=folder / FOLDER, target=OUT_INSIDE, read_only=False)),
            files=((SPEC_INSIDE, json.dumps(spec)),),
            environment=(("TRAINYARD_URL", url_inside(self.context)),),
            internet=False,
            groups=places.groups,
        )

    def moved(self, session: Session, job: JobRow, then: JobState) -> None:
        """See ``Kind``."""
        dataset = session.get(DatasetRow, job.spec["dataset"])
        if dataset is not None:
            if then is JobState.FAILED:
                explain(session, job, _told(self.context.home.dataset(dataset.id) / FOLDER))
            tell_dataset(session, dataset)

    def after(self, job: JobRow) -> None:
        """See ``Kind``."""
        measure_soon(self.context, f"datasets/{job.spec['dataset']}")

    def progress(self, job: JobRow) -> Progress | None:
        """See ``Kind``."""
        return read_progress(self.context.home.dataset(job.spec["dataset"]) / FOLDER, PROGRESS)

    def log(self, session: Session, job: JobRow) -> tuple[Path, str] | None:
        """See ``Kind``."""
        return None


def _hand_over(folder: Path, uid: int, gid: int) -> None:
    """What an earlier job of somebody else left half is cleared away, so that this one can write here."""
    give(folder, uid, gid)
    for path in folder.glob(".*"):
        path.unlink(missing_ok=True)


def view(reader: Reader, dataset: DatasetRow) -> Examination:
    """What is known: the last result, and how far a new one is."""
    job = reader.session.get(JobRow, dataset.examine_job_id) if dataset.examine_job_id else None
    folder = reader.home.dataset(dataset.id) / FOLDER
    found = _read(folder)
    fields = _fields(found, reader.language) if found else {}
    state = JobState(job.state) if job else JobState.FINISHED
    if job is not None and state not in ENDED:
        shown = "running" if state is JobState.RUNNING else "queued"
        return Examination(state=shown, job=job.id, progress=reader.kinds[JobKind.EXAMINE].progress(job), **fields)
    if job is not None and (state is not JobState.FINISHED or found is None):
        told = _told(folder)
        error = reason_text(json.dumps(told), reader.language) if told else ""
        return Examination(state="failed", job=job.id, error=error or translate(_FAILED, reader.language), **fields)
    return Examination(state="done" if found else "none", job=job.id if job else None, **fields)


def _told(folder: Path) -> dict[str, Any] | None:
    told = (read_json(folder, PROGRESS) or {}).get("error")
    return told if isinstance(told, dict) else None


def _read(folder: Path) -> examine.Examination | None:
    try:
        with open_beneath(folder, examine.RESULT) as file:
            return examine.read_examination(file.read(_LARGEST))
    except (OSError, ValueError, msgspec.MsgspecError):
        return None


def _fields(found: examine.Examination, language: str) -> dict[str, object]:
    edges = [float(edge) for edge in examine.EDGES]
    return {
        **{name: getattr(found, name) for name in ("pictures", "missing", "broken", "duplicates", "bytes", "kinds")},
        **{name: getattr(found, name) for name in ("boxes_outside", "duplicate_groups")},
        "smallest": found.smallest if found.kinds else None,
        "largest": found.largest if found.kinds else None,
        "sizes": SizeTable(width_edges=edges, height_edges=edges, counts=found.sizes),
        "box_parts": {key: Bins(edges=list(examine.PARTS), counts=counts) for key, counts in found.box_parts.items()},
        "problems": [
            PictureBlemish(line=one.line, url=one.url, code=one.code, reason=translate(one.message, language, **one.values))
            for one in found.problems
        ],
    }
