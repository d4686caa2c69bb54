"""Datasets whose making ended early go on where their job was; whose files it may read is looked at anew when it starts."""

from __future__ import annotations

from sqlalchemy.orm import Session
from trainyard.datasets.job import PROGRESS
from trainyard.errors import Conflict
from trainyard.home import Home
from trainyard.jobs.states import ENDED, JobState
from trainyard.records.datasets import DatasetState
from trainyard.words import N_

from trainyard_service.database.tables.datasets import DatasetRow
from trainyard_service.database.tables.jobs import JobRow
from trainyard_service.datasets.telling import tell_dataset
from trainyard_service.jobs import life


def resume(session: Session, home: Home, dataset: DatasetRow) -> None:
    """Queue the job of a dataset again that was stopped, refused, or ended by an accident.

    Raises:
        Conflict: ``dataset-not-stopped``; it is ready, or being made.
    """
    job: JobRow | None = dataset.job
    if dataset.state != DatasetState.FAILED or job is None or JobState(job.state) not in ENDED:
        raise Conflict(
            "dataset-not-stopped",
            N_("The dataset {name} is not stopped; its state is {state}."),
            hint=N_("Only a dataset whose making was stopped or failed goes on."),
            name=dataset.name,
            state=dataset.state,
        )
    # what the last attempt told is no news of the next one
    (home.dataset(dataset.id) / PROGRESS).unlink(missing_ok=True)
    life.want_start(session, job)
    dataset.state, dataset.error, dataset.completed = DatasetState.CREATING, "", None
    tell_dataset(session, dataset)
