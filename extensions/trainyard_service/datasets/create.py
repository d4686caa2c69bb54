"""Making datasets: of whatever a person has (see ``given``), and as a copy of another."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from sqlalchemy.orm import Session
from trainyard.datasets.folder import DatasetFolder
from trainyard.errors import Conflict
from trainyard.records.datasets import DatasetState, NewDataset
from trainyard.records.jobs import JobKind
from trainyard.words import N_

from trainyard_service.context import Context
from trainyard_service.database.base import now
from trainyard_service.database.tables.datasets import DatasetRow
from trainyard_service.datasets import given
from trainyard_service.datasets.stores import brought
from trainyard_service.datasets.telling import tell_dataset
from trainyard_service.datasets.tool_jobs import Work, begin, job_for
from trainyard_service.disk.room import Charge, bytes_left, charged_group, must_fit
from trainyard_service.identity import Caller
from trainyard_service.jobs.naming import new_id
from trainyard_service.jobs.settings import JobSettings


def create(session: Session, context: Context, settings: JobSettings, caller: Caller, new: NewDataset) -> DatasetRow:
    """A dataset that is being prepared.

    Raises:
        NotFound, Conflict, Invalid: the source is not there, not complete, or not the caller's; nothing was made.
    """
    dataset_id = new_id()
    found = given.find(given.Asking(session, context, caller), new.source)
    group_id = found.group_id if found.group_id is not None and not new.group else charged_group(caller, new.group)
    charge = Charge(caller.id, group_id)
    # what was uploaded is counted already, for the group it was uploaded for
    new_bytes = 0 if found.paid_by(caller, group_id) else found.bytes
    must_fit(session, context, charge, new_bytes, "source")
    spec = {"dataset": dataset_id, "room": bytes_left(session, context, charge), "into": new_id(), **found.source}
    job = job_for(context, settings, Work(JobKind.PREPARE, new.name, charge, spec))
    row = begin(session, job, DatasetRow(description=new.description, source=found.source, disk=found.bytes))
    _take_uploads(session, context, found, context.home.dataset(dataset_id))
    return row


def copy(session: Session, context: Context, caller: Caller, original: DatasetRow, name: str) -> DatasetRow:
    """The row of an independent dataset with the same content, not in the session yet: first ``copy_files``.

    Raises:
        Conflict: the original is not ready, or there is no room for it in the disk quota (a copy counts like an original).
    """
    must_be_ready(original)
    group_id = charged_group(caller, None)
    must_fit(session, context, Charge(caller.id, group_id), original.disk, "name")
    return DatasetRow(
        id=new_id(),
        group_id=group_id,
        disk=original.disk,
        name=name,
        description=original.description,
        state=DatasetState.READY,
        owner_id=caller.id,
        source={**original.source, **brought(original), "copy_of": original.id, "parents": [original.id]},
        completed=now(),
        lines=original.lines,
        images=original.images,
        objects=original.objects,
        bytes=original.bytes,
        label_sets=original.label_sets,
    )


def copy_files(context: Context, original_id: str, copy_id: str) -> None:
    """Link every file of a dataset into its copy, outside of any transaction: bytes are shared on disk and never change.

    Raises:
        Conflict: the original is being deleted.
    """
    source, target = context.home.dataset(original_id), context.home.dataset(copy_id)
    part = target.with_name(f".{copy_id}.part")
    try:
        shutil.copytree(source, part, copy_function=_link, symlinks=True)
        part.rename(target)
    except (OSError, shutil.Error) as error:
        shutil.rmtree(part, ignore_errors=True)
        if DatasetFolder(source).complete:  # a deletion takes the manifest away first
            raise
        raise Conflict("dataset-gone", N_("The dataset was deleted meanwhile; nothing was copied.")) from error


def keep_copy(session: Session, context: Context, row: DatasetRow) -> None:
    """The copy's files are there: so is the dataset, unless others have filled the quota meanwhile.

    Raises:
        Conflict: ``disk-quota``.
    """
    assert row.owner_id is not None
    must_fit(session, context, Charge(row.owner_id, row.group_id), row.disk, "name")
    session.add(row)
    session.flush()
    tell_dataset(session, row)


def must_be_ready(dataset: DatasetRow) -> None:
    """Raises:
    Conflict: it is being made, or its making failed.
    """
    if dataset.state != DatasetState.READY:
        raise Conflict(
            "dataset-not-ready",
            N_("The dataset {name} is not ready; its state is {state}."),
            hint=N_("Wait until it is ready, or make it again."),
            name=dataset.name,
            state=dataset.state,
        )


def remove_files(context: Context, dataset_id: str) -> None:
    """Delete a dataset's files, after its row is gone."""
    DatasetFolder(context.home.dataset(dataset_id)).remove()


def _link(source: str, target: str) -> str:
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError:
        shutil.copy2(source, target, follow_symlinks=False)
    return target


def _take_uploads(session: Session, context: Context, found: given.Given, folder: Path) -> None:
    """The uploads' bytes become the dataset's; the uploads themselves are gone."""
    if found.uploads:
        folder.mkdir(parents=True)
    for name, upload in found.uploads.items():
        # a link, not a rename: were this killed before its commit, the upload would still be whole
        _link(str(context.home.upload(upload.id) / "data"), str(folder / name))
        session.delete(upload)
