"""The job that validates and counts a new dataset, in a sandbox as its owner."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import select
from sqlalchemy.orm import Session
from trainyard.datasets.folder import LIST, MANIFEST, STATISTICS, DatasetFolder
from trainyard.datasets.importers.report import FILE as IMPORTED
from trainyard.datasets.job import ARCHIVE, PROGRESS
from trainyard.datasets.statistics import Statistics
from trainyard.home import Home
from trainyard.jobs.launch import Mount
from trainyard.jobs.states import JobState
from trainyard.metrics.beneath import open_beneath
from trainyard.records.datasets import DatasetState
from trainyard.records.jobs import Progress
from trainyard.words import N_

from trainyard_service.context import Context
from trainyard_service.database.base import now
from trainyard_service.database.tables.datasets import DatasetRow
from trainyard_service.database.tables.jobs import JobRow
from trainyard_service.datasets.ready_sets import enter_batch
from trainyard_service.datasets.sources import INSIDE, SHARES
from trainyard_service.datasets.telling import tell_dataset
from trainyard_service.disk.measure import measure_soon
from trainyard_service.jobs.endings import explain, told_words
from trainyard_service.jobs.kinds import Inside, Start, identity_of, url_inside
from trainyard_service.volume_files import give, make_folder, read_json, read_progress

SPEC_INSIDE = Path("/run/trainyard/spec.json")
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
        for name in (LIST, ARCHIVE, *(f"set.{part}" for part in ("data", "index", "labels"))):
            if (folder / name).is_file():
                give(folder / name, identity.uid, identity.gid)
        spec, mounts = self._spec(start.job, folder)
        program = "trainyard.formats.intake" if start.job.spec["kind"] == "formatted" else "trainyard.datasets.job"
        return Inside(
            argv=("python", "-m", program, str(SPEC_INSIDE)),
            working_directory=INSIDE,
            mounts=mounts,
            files=((SPEC_INSIDE, json.dumps(spec)),),
            environment=(("TRAINYARD_URL", url_inside(self.context)),),
            internet=False,
        )

    def _spec(self, job: JobRow, folder: Path) -> tuple[dict[str, Any], tuple[Mount, ...]]:
        """What the job is told, and what it sees."""
        told, shares = job.spec, Shares(self.context.home)
        spec: dict[str, Any] = {"folder": str(INSIDE)} | ({} if told.get("room") is None else {"room": told["room"]})
        match told["kind"]:
            case "bucket":
                spec["bucket_key"] = told["key"]
            case "share":
                spec["list"] = str(shares.seen(told))
            case "prefix":
                spec["prefix"] = {"key": told["key"]} if told["on"] == "bucket" else {"folder": str(shares.seen(told["share"]))}
            case "archive":
                place, key = _file(told["files"]["archive"], shares, INSIDE / ARCHIVE)
                spec |= {"layout": told["layout"], "label_set": told["label_set"]}
                spec |= {"archive_key": key} if key else {"archive": place}
            case "formatted":
                files = {part: _file(one, shares, INSIDE / f"set.{part}") for part, one in told["files"].items()}
                spec |= {"format": told["format"], "split": told["split"], "batch": told["into"], "owner": str(job.owner_id)}
                spec["files"] = {part: {"path": place, "key": key} for part, (place, key) in files.items()}
        if told["kind"] in ("upload", "bucket", "share") and (folder / ARCHIVE).is_file():
            spec["pictures"] = str(INSIDE / ARCHIVE)
        return spec, (Mount(source=folder, target=INSIDE, read_only=False), *shares.mounts)

    def moved(self, session: Session, job: JobRow, then: JobState) -> None:
        """See ``Kind``."""
        dataset = session.scalar(select(DatasetRow).where(DatasetRow.job_id == job.id))
        if dataset is None:
            return
        if then is JobState.FINISHED:
            self._take_over(dataset)
            if dataset.state == DatasetState.READY and dataset.source["kind"] == "formatted":
                enter_batch(session, self.context.home, dataset, job)
        elif then in (JobState.FAILED, JobState.STOPPED):
            dataset.state = DatasetState.FAILED
            told = self._told(dataset.id)
            dataset.error = json.dumps(told) if told else ""
            dataset.completed = now()
            explain(session, job, told)
        tell_dataset(session, dataset)

    def _take_over(self, dataset: DatasetRow) -> None:
        """The counts of a finished preparation become the row's; what a job wrote is checked on the way."""
        folder = self.context.home.dataset(dataset.id)
        statistics = read_statistics(folder)
        if statistics is None or not DatasetFolder(folder).complete or read_json(folder, MANIFEST) is None:
            dataset.state, dataset.error = DatasetState.FAILED, json.dumps({"message": _UNREADABLE})
            return
        fill(dataset, statistics)
        imported = read_json(folder, IMPORTED)
        if imported is not None and dataset.source["kind"] == "archive":
            dataset.source = {**dataset.source, "layout": str(imported.get("layout", ""))}
        (folder / ARCHIVE).unlink(missing_ok=True)

    def _told(self, dataset_id: str) -> dict[str, Any] | None:
        """What the job itself told; nothing where it was stopped or ended by an accident, which its ending tells."""
        told = (read_json(self.context.home.dataset(dataset_id), PROGRESS) or {}).get("error")
        return told if isinstance(told, dict) else None

    def after(self, job: JobRow) -> None:
        """See ``Kind``: what its folder really takes is charged from here on."""
        measure_soon(self.context, f"datasets/{job.spec['dataset']}")
        if job.spec.get("kind") == "formatted":
            measure_soon(self.context, f"formatted/{job.spec['into']}")

    def progress(self, job: JobRow) -> Progress | None:
        """See ``Kind``."""
        return read_progress(self.context.home.dataset(job.spec["dataset"]), PROGRESS)

    def log(self, session: Session, job: JobRow) -> tuple[Path, str] | None:
        """See ``Kind``."""
        return None


class Shares:
    """The shares that a job reads: each is mounted once, where people see it."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self.mounts: list[Mount] = []

    def seen(self, place: dict[str, Any]) -> Path:
        """Where the job sees ``place``."""
        top = Path(SHARES / place["group"])
        mount = Mount(source=self._home.group_share(place["group_id"]), target=top)
        if mount not in self.mounts:
            self.mounts.append(mount)
        return top / str(place["path"])


def _file(place: dict[str, Any], shares: Shares, uploaded: Path) -> tuple[str, str]:
    """Path and key of a file: one of both is empty."""
    match place["kind"]:
        case "bucket":
            return "", str(place["key"])
        case "share":
            return str(shares.seen(place)), ""
        case _:
            return str(uploaded), ""


def link_pictures(source: Path, target: Path) -> None:
    """The pictures of a dataset are also those of one made of it: bytes are shared on the disk and never change."""
    if target.exists() or not source.is_dir():
        return
    part = target.with_name(f".{target.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    shutil.copytree(source, part, copy_function=os.link, symlinks=True)
    part.rename(target)


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
    return " ".join(filter(None, (told_words(told, part, language) for part in ("message", "hint"))))


def _dataset(session: Session, job: JobRow) -> DatasetRow:
    return session.scalars(select(DatasetRow).where(DatasetRow.job_id == job.id)).one()
