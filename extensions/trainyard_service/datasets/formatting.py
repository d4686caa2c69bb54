"""Batches: one press of "format" as jobs in sandboxes, and what becomes of it."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy.orm import Session
from trainyard.datasets.folder import LIST, DatasetFolder
from trainyard.errors import Conflict
from trainyard.formats.manifest import MANIFEST, SKIPPED, BatchManifest, Skipped
from trainyard.formats.split import SPLITS
from trainyard.formats.spool import Shard
from trainyard.home import Home
from trainyard.jobs.launch import Identity, Mount
from trainyard.jobs.states import JobState
from trainyard.metrics.beneath import open_beneath
from trainyard.records.datasets import NewBatch
from trainyard.records.jobs import JobKind, Progress
from trainyard.words import N_

from trainyard_service.context import Context
from trainyard_service.database.base import now
from trainyard_service.database.tables.datasets import BatchRow, DatasetRow, FormattedSetRow
from trainyard_service.database.tables.jobs import JobRow
from trainyard_service.datasets import shards
from trainyard_service.datasets.asked import batch_plan, label_set_of, must_be_possible, must_leave_something
from trainyard_service.datasets.create import must_be_ready
from trainyard_service.datasets.prepare import SPEC_INSIDE
from trainyard_service.datasets.sources import INSIDE, places_of
from trainyard_service.datasets.telling import tell_batch
from trainyard_service.datasets.tool_jobs import Work, job_for
from trainyard_service.disk.expected import expected_bytes
from trainyard_service.disk.measure import measure_soon
from trainyard_service.disk.room import Charge, charged_group, must_fit
from trainyard_service.identity import Caller
from trainyard_service.jobs.endings import explain
from trainyard_service.jobs.kinds import Inside, Start, identity_of, url_inside
from trainyard_service.jobs.naming import new_id
from trainyard_service.jobs.settings import JobSettings
from trainyard_service.volume_files import folder_beneath, make_folder, read_json, read_progress

OUT_INSIDE = Path("/workspace/out")
PROGRESS = "progress.json"
_UNREADABLE = N_("What the formatting left cannot be read.")
_LARGEST = 256 * 2**20


@dataclass(frozen=True)
class Press:
    """Who pressed "format" on which dataset."""

    caller: Caller
    dataset: DatasetRow


def create(session: Session, context: Context, settings: JobSettings, press: Press, new: NewBatch) -> BatchRow:
    """A batch whose jobs stand in the queue.

    Raises:
        Conflict: the dataset is not ready, or the disk quota has no room. Invalid: a field no batch can have.
        NotFound: the caller is not in the group.
    """
    caller, dataset = press.caller, press.dataset
    must_be_ready(dataset)
    label_set = label_set_of(dataset, new.label_set)
    count = shards.shard_count(new.shards, dataset.images)
    charge = Charge(caller.id, charged_group(caller, new.group))
    plan = {**new.model_dump(mode="json"), "label_set": label_set}
    row = BatchRow(id=new_id(), dataset_id=dataset.id, creator_id=caller.id, plan=plan, group_id=charge.group)
    must_be_possible(batch_plan(row, INSIDE / LIST))
    must_leave_something(dataset, new, label_set)
    row.disk = expected_bytes(dataset, new, spooled=count > 1)
    must_fit(session, context, charge, row.disk, "formats")
    session.add(row)
    session.flush()
    work = Work(JobKind.FORMAT, dataset.name, charge, {"batch": row.id, "dataset": dataset.id})
    shards.submit(session, row, job_for(context, settings, work), count)
    _add_sets(session, row, new)
    session.flush()
    session.refresh(row)
    tell_batch(session, row)
    return row


def _add_sets(session: Session, row: BatchRow, new: NewBatch) -> None:
    """A row for every set that will be made; visible with its numbers once it is there."""
    for name in new.formats:
        for split in SPLITS:
            if (ratio := getattr(new, split)) > 0:
                one = FormattedSetRow(id=f"{row.id}-{name}-{split}", batch_id=row.id, format=name, split=split, ratio=ratio)
                session.add(one)


@dataclass(frozen=True)
class FormatKind:
    """Formats batches; goes on at its last checkpoint after its supervisor was lost."""

    context: Context
    resumes: bool = True

    def inside(self, session: Session, start: Start) -> Inside:
        """See ``Kind``."""
        batch, identity = session.get_one(BatchRow, start.job.spec["batch"]), identity_of(start.job)
        folder = self._folder(start.job, identity)
        places = places_of(session, self.context.home, batch.dataset)
        plan = batch_plan(batch, INSIDE / LIST, _lineage(self.context.home, batch.dataset))
        spec = {
            "plan": json.loads(msgspec.json.encode(plan, enc_hook=str)),
            "roots": {prefix: str(path) for prefix, path in places.inside.items()},
            "folder": str(OUT_INSIDE),
            "progress": str(OUT_INSIDE / PROGRESS),
            "shards": len(batch.shards) or 1,
            "shard": start.job.spec.get("shard"),
        }
        return Inside(
            argv=("python", "-m", "trainyard.formats.job", str(SPEC_INSIDE)),
            working_directory=OUT_INSIDE,
            mounts=(*places.mounts, Mount(source=folder, target=OUT_INSIDE, read_only=False)),
            files=((SPEC_INSIDE, json.dumps(spec)),),
            environment=(("TRAINYARD_URL", url_inside(self.context)),),
            internet=False,
            groups=places.groups,
        )

    def moved(self, session: Session, job: JobRow, then: JobState) -> None:
        """See ``Kind``."""
        batch = session.get(BatchRow, job.spec["batch"])
        if batch is None:
            return
        batch.error = "" if job.spec.get("shard") is None else batch.error
        if then is JobState.FAILED:
            told = (read_json(self._place(job), PROGRESS) or {}).get("error")
            batch.error = json.dumps(told) if isinstance(told, dict) else ""
            explain(session, job, told if isinstance(told, dict) else None)
        if job.spec.get("shard") is not None:
            shards.went_on(session, batch, job)
        elif then is JobState.FINISHED:
            self._take_over(batch)
        tell_batch(session, batch)

    def _place(self, job: JobRow) -> Path:
        """Where a job of a batch works."""
        folder, number = self.context.home.batch(job.spec["batch"]), job.spec.get("shard")
        return folder if number is None else Shard(number, job.spec["shards"]).folder(folder)

    def _folder(self, job: JobRow, identity: Identity) -> Path:
        """Make that place; it belongs to the person."""
        batch, place = self.context.home.batch(job.spec["batch"]), self._place(job)
        make_folder(batch, identity.uid, identity.gid)
        if place != batch:
            os.close(folder_beneath(batch, place.relative_to(batch).parts, identity.uid, identity.gid))
        return place

    def _take_over(self, batch: BatchRow) -> None:
        """The manifest is there: the sets become visible with its numbers."""
        manifest = read_manifest(self.context.home.batch(batch.id))
        if manifest is None:
            batch.error = json.dumps({"message": _UNREADABLE})
            return
        batch.completed, batch.classes, batch.skipped = now(), manifest.classes, manifest.skipped_total
        batch.videos = manifest.videos
        told = {(one.format, one.split): one for one in manifest.sets}
        for row in batch.sets:
            one = told.get((row.format, row.split))
            if one is not None:
                row.first, row.end = one.range
                row.samples, row.bytes, row.ready = one.samples, one.bytes, True
        batch.disk = sum(row.bytes for row in batch.sets)

    def after(self, job: JobRow) -> None:
        """See ``Kind``: what it really took is charged from here on."""
        measure_soon(self.context, f"formatted/{job.spec['batch']}")

    def progress(self, job: JobRow) -> Progress | None:
        """See ``Kind``."""
        return read_progress(self._place(job), PROGRESS)

    def log(self, session: Session, job: JobRow) -> tuple[Path, str] | None:
        """See ``Kind``."""
        return None


def read_manifest(folder: Path) -> BatchManifest | None:
    """A batch's manifest as its job wrote it, or None."""
    try:
        with open_beneath(folder, MANIFEST) as file:
            return msgspec.json.decode(file.read(_LARGEST), type=BatchManifest)
    except (OSError, ValueError, msgspec.MsgspecError):
        return None


def read_skipped(folder: Path, offset: int, limit: int) -> list[Skipped]:
    """A page of what was left out of a finished batch, as its job listed it; what cannot be read ends it."""
    found: list[Skipped] = []
    try:
        with open_beneath(folder, SKIPPED) as file:
            for number, line in enumerate(islice(file, offset + limit)):
                if number >= offset:
                    found.append(msgspec.json.decode(line, type=Skipped))
    except (OSError, ValueError, msgspec.MsgspecError):
        pass
    return found


def must_have_ended(batch: BatchRow) -> None:
    """Raises:
    Conflict: a job of it is under way.
    """
    if shards.under_way(batch):
        raise Conflict(
            "batch-under-way",
            N_("Batch {id} is being formatted; its state is {state}."),
            hint=N_("Cancel it first."),
            id=batch.id,
            state=shards.state_of(batch),
        )


def set_folder(context: Context, row: FormattedSetRow) -> Path:
    """Where a formatted set lies on the volume."""
    return context.home.batch(row.batch_id) / f"{row.format}-{row.split}"


def remove_set(session: Session, row: FormattedSetRow) -> bool:
    """Delete the row of one set; True when it was its batch's last, and the batch is gone too."""
    batch = row.batch
    last = len(batch.sets) == 1
    batch.disk = max(0, batch.disk - row.bytes)
    session.delete(batch if last else row)
    tell_batch(session, batch)
    return last


def remove_files(path: Path) -> None:
    """Delete files whose rows are gone; the manifest first, so that nothing is seen half."""
    (path / MANIFEST).unlink(missing_ok=True)
    shutil.rmtree(path, ignore_errors=True)


def _lineage(home: Home, dataset: DatasetRow) -> dict[str, Any]:
    """What the dataset says it was made from, by its own manifest."""
    try:
        return {"made_from": DatasetFolder(home.dataset(dataset.id)).manifest().lineage}
    except (Conflict, OSError, msgspec.MsgspecError):
        return {}
