"""Pages hear of what jobs write: event and progress files are watched, not polled, and told about at most once a second."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

from sqlalchemy import select
from watchfiles import Change, awatch

from trainyard_service.context import Context
from trainyard_service.database.tables.datasets import BatchRow, DatasetRow
from trainyard_service.database.tables.trainings import InstanceRow
from trainyard_service.datasets.telling import readers as dataset_readers
from trainyard_service.jobs.naming import is_id
from trainyard_service.trainings import alarms
from trainyard_service.trainings.curves import curves_of
from trainyard_service.trainings.telling import readers as training_readers

log = logging.getLogger(__name__)
_STEP, _DEBOUNCE = 500, 1000


async def watch_volume(context: Context) -> None:
    """Watch until cancelled."""
    folders = [context.home.volume / name for name in ("runs", "formatted", "datasets")]
    for folder in folders:
        folder.mkdir(parents=True, exist_ok=True)
    news = awatch(*folders, watch_filter=_interesting, step=_STEP, debounce=_DEBOUNCE, ignore_permission_denied=True)
    async for changes in news:
        subjects = {subject for _, path in changes if (subject := subject_of(context.home.volume, Path(path)))}
        await asyncio.to_thread(_follow, context, [Path(path) for _, path in changes])
        await asyncio.to_thread(_tell, context, subjects)


def _interesting(_change: Change, path: str) -> bool:
    name = path.rsplit("/", 1)[-1]
    return "tfevents" in name or name == "progress.json"


def subject_of(volume: Path, path: Path) -> tuple[str, str] | None:
    """What a file below the volume belongs to: an instance, a batch or a dataset, and its id."""
    parts = path.relative_to(volume).parts
    match parts:
        case ("runs", training, instance, "logs", *_) if is_id(training):
            return "instance", instance
        case ("formatted", batch, _) | ("formatted", batch, ".shards", _, _) if is_id(batch):
            return "batch", batch
        case ("datasets", dataset, _) if is_id(dataset):
            return "dataset", dataset
    return None


def _follow(context: Context, paths: list[Path]) -> None:
    """Read what running instances have written, so that no page has to wait for it, and nobody for bad news."""
    logs = {path.relative_to(context.home.volume).parts for path in paths}
    instances = {(parts[1], parts[2]) for parts in logs if len(parts) > 4 and parts[0] == "runs" and parts[3] == "logs"}
    with context.database.read() as session:
        known = {one for one in instances if session.get(InstanceRow, one[1])}
    for training, instance in known:
        try:
            alarms.tell_lost(context, instance, curves_of(context).follow(training, instance))
        except Exception:
            log.exception("what a run has written could not be read", extra={"instance": instance})


def _tell(context: Context, subjects: set[tuple[str, str]]) -> None:
    with context.database.read() as session:
        for topic, subject in subjects:
            if topic == "instance" and (one := session.get(InstanceRow, subject)):
                audience = training_readers(one.training)
            elif topic == "batch" and (batch := session.scalar(select(BatchRow).where(BatchRow.id == subject))):
                audience = dataset_readers(batch.dataset)
            elif topic == "dataset" and (dataset := session.get(DatasetRow, subject)):
                audience = dataset_readers(dataset)
            else:
                continue
            context.events.publish(topic, subject, audience)
