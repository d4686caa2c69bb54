"""The jobs that work on datasets: all run in the image of the tools, with their package and time limit, for whoever asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session
from trainyard.records.jobs import JobKind

from trainyard_service import images
from trainyard_service.context import Context
from trainyard_service.database.tables.datasets import DatasetRow
from trainyard_service.datasets.telling import tell_dataset
from trainyard_service.disk.room import Charge
from trainyard_service.jobs import life
from trainyard_service.jobs.settings import JobSettings


@dataclass(frozen=True)
class Work:
    """What is to be done, under which name, and who pays; ``spec`` is told to the job's ``Kind``."""

    kind: JobKind
    name: str
    charge: Charge
    spec: dict[str, Any]


def job_for(context: Context, settings: JobSettings, work: Work) -> life.NewJob:
    """The job that does it, not queued yet."""
    return life.NewJob(
        kind=work.kind,
        name=work.name,
        owner_id=work.charge.person,
        group_id=work.charge.group,
        image=images.reference(images.find(context.home, settings.tools_image)),
        package=settings.tools_package,
        spec=work.spec,
        time_limit=settings.tools_hours * 3600,
    )


def begin(session: Session, new: life.NewJob, row: DatasetRow) -> DatasetRow:
    """Queue the job that makes the dataset ``new.spec["dataset"]``, and enter the dataset.

    ``row`` has what only the dataset knows: description, source, and the bytes set aside for it.
    """
    row.id, row.name = new.spec["dataset"], new.name
    row.owner_id, row.group_id = new.owner_id, new.group_id
    row.job_id = life.submit(session, new).id
    session.add(row)
    session.flush()
    tell_dataset(session, row)
    return row
