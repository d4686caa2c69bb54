"""Models as the caller sees them."""

from __future__ import annotations

from trainyard.records.trainings import Model, ModelKind

from trainyard_service.database.tables.models import ModelRow
from trainyard_service.datasets.views import Reader, in_bucket
from trainyard_service.jobs.views import person
from trainyard_service.permissions import can_change
from trainyard_service.storage import copies


def model_view(reader: Reader, row: ModelRow) -> Model:
    """One model."""
    return Model(
        id=row.id,
        name=row.name,
        kind=ModelKind(row.kind),
        description=row.description,
        owner=person(row.owner),
        group=row.group.name if row.group else None,
        created=row.created,
        size=row.size,
        sha256=row.sha256,
        training=row.training,
        training_name=row.training_name,
        instance=row.instance,
        image=row.image,
        epoch=row.epoch,
        step=row.step,
        metrics=row.metrics,
        may_change=can_change(reader.caller, row.owner_id),
        in_bucket=in_bucket(reader, copies.MODEL, row.id, row.owner_id),
    )
