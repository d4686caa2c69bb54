"""The newest complete snapshot of a training: what a restarted script goes on from.

Folders belong to jobs: names are checked by their form, files are read without following links. Whether the bytes of a snapshot
are sound is looked at by the script itself before it goes on (``trainyard.training.snapshots.newest``).
"""

from __future__ import annotations

import os
import re
from typing import Any

from trainyard.metrics.beneath import folder_beneath, open_beneath
from trainyard.records.trainings import Checkpoint

from trainyard_service.context import Context
from trainyard_service.database.tables.trainings import TrainingRow
from trainyard_service.volume_files import read_json

_MANIFEST = re.compile(r"snapshot-model-\d+(-batch-\d+)?\.json")
_LARGEST = 4 << 20
_MOST = 1000


def newest(context: Context, row: TrainingRow) -> Checkpoint | None:
    """Of the newest instance that was cut short and has one, the snapshot with the highest step whose archive is as long as its
    manifest says: where a run came to its end the script begins anew, see ``trainyard.training.state``.
    """
    for instance in sorted(row.instances, key=lambda one: one.started, reverse=True):
        told = read_json(context.home.run(row.id), f"{instance.id}/instance.json", _LARGEST)
        if told and told.get("ended") == "completed":
            continue
        found = [one for name in _manifests(context, row.id, instance.id) if (one := _read(context, row.id, instance.id, name))]
        if found:
            return max(found, key=lambda one: one.step)
    return None


def _manifests(context: Context, training_id: str, instance: str) -> list[str]:
    try:
        with folder_beneath(context.home.run(training_id), f"{instance}/output") as folder:
            return [name for name in os.listdir(folder) if _MANIFEST.fullmatch(name)][:_MOST]  # noqa: PTH208
    except (OSError, ValueError):
        return []


def _read(context: Context, training_id: str, instance: str, name: str) -> Checkpoint | None:
    run = context.home.run(training_id)
    told: dict[str, Any] = read_json(run, f"{instance}/output/{name}", _LARGEST) or {}
    epoch, step, size = told.get("epoch"), told.get("step"), told.get("size")
    archive = name.removesuffix(".json") + ".tar.gz"
    if not (isinstance(epoch, int) and isinstance(step, int)) or told.get("file") != archive:
        return None
    try:
        with open_beneath(run, f"{instance}/output/{archive}") as file:
            complete = os.fstat(file.fileno()).st_size == size
    except (OSError, ValueError):
        return None
    return Checkpoint(instance=instance, epoch=epoch, step=step) if complete else None
