"""What a run folder tells that never came by REST: the platform was away, or the job ended before it could say more.

Folders belong to jobs, so what they say is checked like any request: ids by their form, files without following links.
"""

from __future__ import annotations

import logging
import os
import re
from datetime import UTC, datetime
from typing import Any

from sqlalchemy.orm import Session
from trainyard.errors import UserError
from trainyard.metrics.beneath import folder_beneath
from trainyard.records.trainings import InstanceState, NewSnapshot

from trainyard_service.context import Context
from trainyard_service.database.base import now
from trainyard_service.database.tables.trainings import InstanceRow, TrainingRow
from trainyard_service.models import keep
from trainyard_service.trainings.telling import tell_instance
from trainyard_service.volume_files import read_json

log = logging.getLogger(__name__)
_INSTANCE = re.compile(r"[0-9a-f]{24}")
_MANIFEST = re.compile(r"snapshot-model-\d+(-batch-\d+)?\.json")
_MOST = 1000
_LARGEST = 4 << 20


def instances(session: Session, context: Context, row: TrainingRow) -> None:
    """Instances the folder knows and the database does not, and ends that were not told."""
    known = {one.id: one for one in row.instances}
    for name in _names(context, row.id, "", _INSTANCE):
        told = read_json(context.home.run(row.id), f"{name}/instance.json", _LARGEST)
        if told is None:
            continue
        instance = known.get(name)
        if instance is None and session.get(InstanceRow, name) is None:
            instance = InstanceRow(id=name, training_id=row.id, attempt=row.job.attempt, started=_time(told.get("started")))
            parameters = told.get("parameters")
            instance.parameters = parameters if isinstance(parameters, dict) else {}
            row.instances.append(instance)
            session.flush()
        if instance is not None and told.get("state") in ("done", "failed") and instance.state == InstanceState.RUNNING:
            instance.state, instance.error = InstanceState(told["state"]), str(told.get("error", ""))[:4000]
            instance.stopped = _time(told.get("stopped"))
            tell_instance(session, instance)


def snapshots(context: Context, training_id: str) -> None:
    """Keep every complete snapshot of a training's instances that is not kept yet."""
    if not _names(context, training_id, "", _INSTANCE):
        return
    with context.database.read() as session:
        row = session.get(TrainingRow, training_id)
        ids = [one.id for one in row.instances] if row else []
    for instance in ids:
        for name in _names(context, training_id, f"{instance}/output", _MANIFEST):
            told = read_json(context.home.run(training_id), f"{instance}/output/{name}", _LARGEST) or {}
            _keep(context, training_id, instance, told)


def _keep(context: Context, training_id: str, instance: str, told: dict[str, Any]) -> None:
    fields = {name: told.get(name) for name in NewSnapshot.model_fields}
    try:
        new = NewSnapshot.model_validate(fields)
        keep.snapshot(context, instance, new, keep.announced_metrics(context, training_id, instance, new.file))
    except (UserError, ValueError) as error:
        log.warning("snapshot not kept", extra={"instance": instance, "reason": str(error)[:500]})


def _names(context: Context, training_id: str, relative: str, form: re.Pattern[str]) -> list[str]:
    """Names in a folder of the run that have the form, at most so many."""
    try:
        with folder_beneath(context.home.run(training_id), relative) as folder:
            return sorted(name for name in os.listdir(folder) if form.fullmatch(name))[:_MOST]  # noqa: PTH208
    except (OSError, ValueError):
        return []


def _time(seconds: Any) -> datetime:
    try:
        return datetime.fromtimestamp(float(seconds), UTC)
    except (TypeError, ValueError, OverflowError, OSError):
        return now()
