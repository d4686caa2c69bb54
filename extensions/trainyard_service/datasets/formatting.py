"""Batches: one press of "format" as a job in a sandbox, and what becomes of it."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import msgspec
from sqlalchemy import select
from sqlalchemy.orm import Session
from trainyard.errors import Conflict, Invalid
from trainyard.formats.picture import Recipe
from trainyard.formats.plan import BatchManifest, BatchPlan
from trainyard.formats.split import SPLITS
from trainyard.jobs.launch import Mount
from trainyard.jobs.states import ENDED, JobState
from trainyard.metrics.beneath import open_beneath
from trainyard.records.datasets import NewBatch
from trainyard.records.jobs import JobKind, Progress
from trainyard.words import N_

from trainyard_service import images
from trainyard_service.context import Context
from trainyard_service.database.base import now
from trainyard_service.database.tables.datasets import BatchRow, DatasetRow, FormattedSetRow
from trainyard_service.database.tables.jobs import JobRow
from trainyard_service.datasets.create import must_be_ready
from trainyard_service.datasets.prepare import SPEC_INSIDE
from trainyard_service.datasets.sources import INSIDE, places_of
from trainyard_service.datasets.telling import tell_batch
from trainyard_service.disk.expected import expected_bytes
from trainyard_service.disk.measure import measure_soon
from trainyard_service.disk.room import Charge, charged_group, must_fit
from trainyard_service.identity import Caller
from trainyard_service.jobs import life
from trainyard_service.jobs.kinds import Inside, Start, identity_of, url_inside
from trainyard_service.jobs.naming import new_id
from trainyard_service.jobs.settings import JobSettings
from trainyard_service.volume_files import make_folder, read_json, read_progress

OUT_INSIDE = Path("/workspace/out")
MANIFEST = "manifest.json"
PROGRESS = "progress.json"
_UNREADABLE = N_("What the formatting left cannot be read.")
_LARGEST = 256 * 2**20


@dataclass(frozen=True)
class Press:
    """Who pressed "format" on which dataset."""

    caller: Caller
    dataset: DatasetRow


def create(session: Session, context: Context, settings: JobSettings, press: Press, new: NewBatch) -> BatchRow:
    """A batch whose job stands in the queue.

    Raises:
        Conflict: the dataset is not ready, or the disk quota has no room. Invalid: a field no batch can have.
        NotFound: the caller is not in the group.
    """
    caller, dataset = press.caller, press.dataset
    must_be_ready(dataset)
    label_set = _label_set(dataset, new.label_set)
    charge, expected = Charge(caller.id, charged_group(caller, new.group)), expected_bytes(dataset, new)
    batch_id = new_id()
    plan = {**new.model_dump(mode="json"), "label_set": label_set}
    row = BatchRow(id=batch_id, dataset_id=dataset.id, creator_id=caller.id, plan=plan, group_id=charge.group, disk=expected)
    batch_plan(row, Path(INSIDE / "index.jsonl")).checked()
    must_fit(session, context, charge, expected, "formats")
    job = life.submit(
        session,
        life.NewJob(
            kind=JobKind.FORMAT,
            name=dataset.name,
            owner_id=caller.id,
            group_id=charge.group,
            image=images.reference(images.find(context.home, settings.tools_image)),
            package=settings.tools_package,
            spec={"batch": batch_id, "dataset": dataset.id},
            time_limit=settings.tools_hours * 3600,
        ),
    )
    row.job_id = job.id
    session.add(row)
    session.flush()
    for name in new.formats:
        for split, ratio in ((split, getattr(new, split)) for split in SPLITS):
            if ratio > 0:
                one = FormattedSetRow(id=f"{batch_id}-{name}-{split}", batch_id=batch_id, format=name, split=split, ratio=ratio)
                session.add(one)
    session.flush()
    session.refresh(row)
    tell_batch(session, row)
    return row


def _label_set(dataset: DatasetRow, asked: str) -> str:
    """The label set to use: the one asked for, or the only one there is."""
    known = [f"{one['type']}.{one['name']}" for one in dataset.label_sets]
    if asked in known or (not asked and len(known) == 1):
        return asked or known[0]
    message = N_("The dataset {name} has no label set {asked}; it has: {known}.") if asked else N_(
        "Choose one of the label sets of {name}: {known}."
    )  # fmt: skip
    hint = "" if known else N_("Label the pictures first; an unlabelled list cannot be formatted.")
    shown = ", ".join(known) or "–"
    raise Invalid("label-set", message, hint=hint, field="label_set", name=dataset.name, asked=asked, known=shown)


def batch_plan(row: BatchRow, list_path: Path) -> BatchPlan:
    """The engine's plan of a batch."""
    plan = row.plan
    return BatchPlan(
        list_path=list_path,
        label_set=plan["label_set"],
        formats=tuple(plan["formats"]),
        ratios={split: plan[split] for split in SPLITS if plan[split] > 0},
        shuffle=plan["shuffle"],
        seed=plan["seed"],
        recipe=Recipe(resize=plan["resize"], quality=plan["quality"]),
        bad_limit=plan["bad_limit"],
        batch=row.id,
        owner=str(row.creator_id),
        dataset=row.dataset_id,
        lineage={"dataset": row.dataset_id},
    )


@dataclass(frozen=True)
class FormatKind:
    """Formats batches; goes on at its last checkpoint after its supervisor was lost."""

    context: Context
    resumes: bool = True

    def inside(self, session: Session, start: Start) -> Inside:
        """See ``Kind``."""
        batch, identity = _batch(session, start.job), identity_of(start.job)
        folder = make_folder(self.context.home.batch(batch.id), identity.uid, identity.gid)
        places = places_of(session, self.context.home, batch.dataset)
        spec = {
            "plan": json.loads(msgspec.json.encode(batch_plan(batch, INSIDE / "index.jsonl"), enc_hook=str)),
            "roots": {prefix: str(path) for prefix, path in places.inside.items()},
            "folder": str(OUT_INSIDE),
            "progress": str(OUT_INSIDE / PROGRESS),
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
        batch = session.scalar(select(BatchRow).where(BatchRow.job_id == job.id))
        if batch is None:
            return
        batch.error = ""
        if then is JobState.FINISHED:
            self._take_over(batch)
        elif then is JobState.FAILED:
            told = read_json(self.context.home.batch(batch.id), PROGRESS) or {}
            batch.error = json.dumps(told["error"]) if isinstance(told.get("error"), dict) else ""
        tell_batch(session, batch)

    def _take_over(self, batch: BatchRow) -> None:
        """The manifest is there: the sets become visible with its numbers."""
        manifest = read_manifest(self.context.home.batch(batch.id))
        if manifest is None:
            batch.error = json.dumps({"message": _UNREADABLE})
            return
        batch.completed, batch.classes, batch.skipped = now(), manifest.classes, manifest.skipped_total
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
        return read_progress(self.context.home.batch(job.spec["batch"]), PROGRESS)

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


def must_have_ended(batch: BatchRow) -> None:
    """Raises:
    Conflict: its job is under way.
    """
    if batch.job is not None and JobState(batch.job.state) not in ENDED:
        raise Conflict(
            "batch-under-way",
            N_("Batch {id} is being formatted; its state is {state}."),
            hint=N_("Cancel it first."),
            id=batch.id,
            state=batch.job.state,
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


def _batch(session: Session, job: JobRow) -> BatchRow:
    return session.scalars(select(BatchRow).where(BatchRow.job_id == job.id)).one()
