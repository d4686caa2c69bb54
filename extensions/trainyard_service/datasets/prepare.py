"""The job that validates and counts a new dataset, in a sandbox as its owner."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import select
from sqlalchemy.orm import Session
from trainyard.datasets.folder import MANIFEST, STATISTICS, DatasetFolder
from trainyard.datasets.job import PROGRESS
from trainyard.datasets.statistics import Statistics
from trainyard.jobs.launch import Mount
from trainyard.jobs.states import JobState
from trainyard.metrics.beneath import open_beneath
from trainyard.records.datasets import DatasetState
from trainyard.records.jobs import Progress
from trainyard.words import N_, translate

from trainyard_service.context import Context
from trainyard_service.database.base import now
from trainyard_service.database.tables.datasets import DatasetRow
from trainyard_service.database.tables.jobs import JobRow
from trainyard_service.datasets.sources import INSIDE, SHARES
from trainyard_service.datasets.telling import tell_dataset
from trainyard_service.disk.measure import measure_soon
from trainyard_service.jobs.kinds import Inside, Start, identity_of, url_inside
from trainyard_service.volume_files import give, make_folder, read_json, read_progress

SPEC_INSIDE = Path("/run/trainyard/spec.json")
ARCHIVE = "pictures.archive"
_STOPPED = N_("Its preparation was stopped.")
_FAILED = N_("Its preparation failed; the job's log says why.")
_UNREADABLE = N_("What the preparation left cannot be read.")
_LARGEST_STATISTICS = 256 * 2**20


@dataclass(frozen=True)
class PrepareKind:
    """Prepares datasets; goes on by itself after its supervisor was lost (fetching and reading can be repeated)."""

    context: Context
    resumes: bool = True

    def inside(self, session: Session, start: Start) -> Inside:
        """See ``Kind``."""
        dataset = _dataset(session, start.job)
        folder, identity = self.context.home.dataset(dataset.id), identity_of(start.job)
        make_folder(folder, identity.uid, identity.gid)
        for name in ("index.jsonl", ARCHIVE):
            if (folder / name).is_file():
                give(folder / name, identity.uid, identity.gid)
        spec, mounts = self._spec(start.job, folder)
        return Inside(
            argv=("python", "-m", "trainyard.datasets.job", str(SPEC_INSIDE)),
            working_directory=INSIDE,
            mounts=mounts,
            files=((SPEC_INSIDE, json.dumps(spec)),),
            environment=(("TRAINYARD_URL", url_inside(self.context)),),
            internet=False,
        )

    def _spec(self, job: JobRow, folder: Path) -> tuple[dict[str, Any], tuple[Mount, ...]]:
        spec: dict[str, Any] = {"folder": str(INSIDE), "bucket_key": job.spec.get("key", "")}
        mounts = [Mount(source=folder, target=INSIDE, read_only=False)]
        if (folder / ARCHIVE).is_file():
            spec["pictures"] = str(INSIDE / ARCHIVE)
        if job.spec["kind"] == "share":
            seen = Path(SHARES / job.spec["group"])
            mounts.append(Mount(source=self.context.home.group_share(job.spec["group_id"]), target=seen))
            spec["list"] = str(seen / job.spec["path"])
        return spec, tuple(mounts)

    def moved(self, session: Session, job: JobRow, then: JobState) -> None:
        """See ``Kind``."""
        dataset = session.scalar(select(DatasetRow).where(DatasetRow.job_id == job.id))
        if dataset is None:
            return
        if then is JobState.FINISHED:
            self._take_over(dataset)
        elif then in (JobState.FAILED, JobState.STOPPED):
            dataset.state = DatasetState.FAILED
            dataset.error = self._reason(dataset.id, then)
            dataset.completed = now()
        tell_dataset(session, dataset)

    def _take_over(self, dataset: DatasetRow) -> None:
        """The counts of a finished preparation become the row's; what a job wrote is checked on the way."""
        folder = self.context.home.dataset(dataset.id)
        statistics = read_statistics(folder)
        if statistics is None or not DatasetFolder(folder).complete or read_json(folder, MANIFEST) is None:
            dataset.state, dataset.error = DatasetState.FAILED, json.dumps({"message": _UNREADABLE})
            return
        fill(dataset, statistics)
        (folder / ARCHIVE).unlink(missing_ok=True)

    def _reason(self, dataset_id: str, then: JobState) -> str:
        told = read_json(self.context.home.dataset(dataset_id), PROGRESS) or {}
        if isinstance(told.get("error"), dict):
            return json.dumps(told["error"])
        return json.dumps({"message": _STOPPED if then is JobState.STOPPED else _FAILED})

    def after(self, job: JobRow) -> None:
        """See ``Kind``: what its folder really takes is charged from here on."""
        measure_soon(self.context, f"datasets/{job.spec['dataset']}")

    def progress(self, job: JobRow) -> Progress | None:
        """See ``Kind``."""
        return read_progress(self.context.home.dataset(job.spec["dataset"]), PROGRESS)

    def log(self, session: Session, job: JobRow) -> tuple[Path, str] | None:
        """See ``Kind``."""
        return None


def fill(dataset: DatasetRow, statistics: Statistics) -> None:
    """The dataset is ready with these counts."""
    record = statistics.to_record()
    dataset.state, dataset.error, dataset.completed = DatasetState.READY, "", now()
    dataset.lines, dataset.images, dataset.objects = record.lines, record.images, record.objects
    dataset.bytes = record.bytes
    dataset.disk = max(dataset.disk or 0, record.bytes)
    dataset.label_sets = [one.model_dump() for one in record.label_sets]


def read_statistics(folder: Path) -> Statistics | None:
    """A dataset's statistics as its job wrote them, or None."""
    try:
        with open_beneath(folder, STATISTICS) as file:
            return msgspec.json.decode(file.read(_LARGEST_STATISTICS), type=Statistics)
    except (OSError, ValueError, msgspec.MsgspecError):
        return None


def reason_text(stored: str, language: str) -> str:
    """A stored refusal in the reader's language."""
    if not stored:
        return ""
    told = json.loads(stored)
    values = told.get("values", {})
    try:
        parts = [translate(told[name], language, **values) for name in ("message", "hint") if told.get(name)]
    except (KeyError, IndexError, ValueError, TypeError, AttributeError):
        # the words come from a file a job wrote; a placeholder without value must not break the page
        parts = [str(told.get("message", ""))]
    return " ".join(parts)


def _dataset(session: Session, job: JobRow) -> DatasetRow:
    return session.scalars(select(DatasetRow).where(DatasetRow.job_id == job.id)).one()
