"""The batch of a dataset that was made of a formatted set: its job left the files, here they get their place and their rows."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import msgspec
from sqlalchemy.orm import Session
from trainyard.formats.intake import BATCH
from trainyard.formats.manifest import MANIFEST, BatchManifest
from trainyard.home import Home
from trainyard.metrics.beneath import open_beneath
from trainyard.records.datasets import Format, NewBatch

from trainyard_service.database.base import now
from trainyard_service.database.tables.datasets import BatchRow, DatasetRow, FormattedSetRow
from trainyard_service.database.tables.jobs import JobRow

_LARGEST = 64 * 2**20


def enter_batch(session: Session, home: Home, dataset: DatasetRow, job: JobRow) -> None:
    """Move ``batch/`` of the dataset to the batches, and enter it with its one ready set. May be repeated.

    Without a readable manifest there is no batch: the dataset is usable all the same, and can be formatted like any other.
    """
    batch_id, target = job.spec["into"], home.batch(job.spec["into"])
    target.parent.mkdir(parents=True, exist_ok=True)
    with suppress(OSError):  # it is there already when this was killed before its commit
        (home.dataset(dataset.id) / BATCH).rename(target)
    manifest = _manifest(target)
    if manifest is None or not manifest.sets or session.get(BatchRow, batch_id) is not None:
        return
    one, plan = manifest.sets[0], _plan(dataset, manifest.label_set)
    session.add(
        BatchRow(
            id=batch_id, dataset_id=dataset.id, creator_id=job.owner_id, plan=plan.model_dump(mode="json"), completed=now(),
            classes=manifest.classes, group_id=dataset.group_id,
        )
    )  # fmt: skip
    session.flush()
    session.add(
        FormattedSetRow(
            id=f"{batch_id}-{one.format}-{one.split}", batch_id=batch_id, format=one.format, split=one.split, ratio=1.0,
            first=0, end=one.samples, samples=one.samples, bytes=one.bytes, ready=True,
        )
    )  # fmt: skip
    session.flush()


def _manifest(folder: Path) -> BatchManifest | None:
    try:
        with open_beneath(folder, MANIFEST) as file:
            return msgspec.json.decode(file.read(_LARGEST), type=BatchManifest)
    except (OSError, ValueError, msgspec.MsgspecError):
        return None


def _plan(dataset: DatasetRow, label_set: str) -> NewBatch:
    split = dataset.source["split"]
    ratios = {name: 1.0 if name == split else 0.0 for name in ("train", "val", "test")}
    return NewBatch(formats=[Format(dataset.source["format"])], label_set=label_set, shuffle=False, **ratios)
