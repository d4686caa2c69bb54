"""Making datasets: from an upload, a key in the bound bucket or a file on a group share, and as a copy of another."""

from __future__ import annotations

import os
import shutil
from pathlib import Path, PurePosixPath
from typing import Any

from sqlalchemy.orm import Session
from trainyard.datasets.folder import LIST, DatasetFolder
from trainyard.errors import Conflict, Invalid, NotFound
from trainyard.metrics.beneath import open_beneath
from trainyard.records.datasets import BucketSource, DatasetState, NewDataset, ShareSource, UploadSource
from trainyard.records.jobs import JobKind
from trainyard.records.storage import UploadPurpose
from trainyard.words import N_

from trainyard_service import images
from trainyard_service.context import Context
from trainyard_service.database.base import now
from trainyard_service.database.tables.datasets import DatasetRow
from trainyard_service.database.tables.storage import StorageRow, UploadRow
from trainyard_service.datasets.prepare import ARCHIVE
from trainyard_service.datasets.telling import tell_dataset
from trainyard_service.disk.room import Charge, charged_group, must_fit
from trainyard_service.identity import Caller
from trainyard_service.jobs import life
from trainyard_service.jobs.naming import new_id
from trainyard_service.jobs.settings import JobSettings

Source = UploadSource | BucketSource | ShareSource


def create(session: Session, context: Context, settings: JobSettings, caller: Caller, new: NewDataset) -> DatasetRow:
    """A dataset that is being prepared.

    Raises:
        NotFound, Conflict, Invalid: the source is not there, not complete, or not the caller's; nothing was made.
    """
    dataset_id = new_id()
    source = _source(session, context, caller, new.source)
    group_id = charged_group(caller, new.group) if new.group or "group_id" not in source else source["group_id"]
    asked = _asked(session, context, source, new.source)
    # what was uploaded is counted already, for the group it was uploaded for
    moves = isinstance(new.source, UploadSource) and _uploaded_for(session, caller, new.source) == group_id
    must_fit(session, context, Charge(caller.id, group_id), 0 if moves else asked, "source")
    job = life.submit(
        session,
        life.NewJob(
            kind=JobKind.PREPARE,
            name=new.name,
            owner_id=caller.id,
            group_id=group_id,
            image=images.reference(images.find(context.home, settings.tools_image)),
            package=settings.tools_package,
            spec={"dataset": dataset_id, **source},
            time_limit=settings.tools_hours * 3600,
        ),
    )
    row = DatasetRow(
        id=dataset_id, name=new.name, description=new.description, owner_id=caller.id, source=source, job_id=job.id,
        group_id=group_id, disk=asked,
    )  # fmt: skip
    session.add(row)
    session.flush()
    if isinstance(new.source, UploadSource):
        _take_uploads(session, context, new.source, context.home.dataset(dataset_id))
    tell_dataset(session, row)
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
        source={**original.source, "copy_of": original.id},
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
        if source.is_dir():
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


def _asked(session: Session, context: Context, told: dict[str, Any], source: Source) -> int:
    """Bytes the new dataset takes, as far as they are known: its uploads, or its list on the share."""
    if isinstance(source, UploadSource):
        return sum(one.size for one in _uploads(session, source))
    if isinstance(source, ShareSource):
        with open_beneath(context.home.group_share(told["group_id"]), told["path"]) as file:
            return os.fstat(file.fileno()).st_size
    return 0


def _uploads(session: Session, source: UploadSource) -> list[UploadRow]:
    found = [session.get(UploadRow, one) for one in (source.upload, source.pictures) if one is not None]
    return [one for one in found if one is not None]


def _uploaded_for(session: Session, caller: Caller, source: UploadSource) -> int | None:
    """The group that the uploads are counted for."""
    first = next(iter(caller.groups), None)
    chosen = _uploads(session, source)[0].group_id
    return chosen if chosen in caller.groups else first


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


def _source(
    session: Session, context: Context, caller: Caller, source: UploadSource | BucketSource | ShareSource
) -> dict[str, Any]:
    if isinstance(source, UploadSource):
        lists = find_upload(session, caller, source.upload, UploadPurpose.LIST, "source.upload")
        if source.pictures is not None:
            find_upload(session, caller, source.pictures, UploadPurpose.PICTURES, "source.pictures")
        return {"kind": "upload", "name": lists.name}
    if isinstance(source, BucketSource):
        storage = session.get(StorageRow, caller.id)
        if storage is None:
            raise Conflict(
                "no-storage",
                N_("No storage space is bound yet."),
                hint=N_("Bind one on the storage page first."),
                field="source.key",
            )
        return {"kind": "bucket", "bucket": storage.bucket, "key": source.key.lstrip("/")}
    return _share(context, caller, source)


def _share(context: Context, caller: Caller, source: ShareSource) -> dict[str, Any]:
    group_id = next((number for number, name in caller.groups.items() if name == source.group), None)
    if group_id is None:
        raise NotFound(
            "no-such-group", N_("There is no group {name} that you are a member of."), field="source.group", name=source.group
        )
    prefix = f"/workspace/mnt/group/{source.group}/"
    relative = source.path.removeprefix(prefix).lstrip("/")
    try:
        open_beneath(context.home.group_share(group_id), relative).close()
    except (OSError, ValueError):
        raise Invalid(
            "list-missing",
            N_("There is no file {path} on the share of {group}."),
            hint=N_("Give the path below {prefix}; links that lead elsewhere are not followed."),
            field="source.path",
            path=relative,
            group=source.group,
            prefix=prefix,
        ) from None
    found = {"group": source.group, "group_id": group_id, "path": str(PurePosixPath(relative))}
    return {"kind": "share", **found, "by": caller.id}


def find_upload(session: Session, caller: Caller, upload_id: str, purpose: UploadPurpose, field: str) -> UploadRow:
    """A complete upload of the caller's.

    Raises:
        NotFound: there is none. Conflict: it is not complete. Invalid: it was sent for something else.
    """
    row = session.get(UploadRow, upload_id)
    if row is None or row.account_id != caller.id:
        raise NotFound("no-such-upload", N_("There is no upload {id} of yours."), field=field, id=upload_id)
    if not row.complete:
        raise Conflict(
            "upload-incomplete",
            N_("The upload {name} is not complete: {offset} of {size} bytes."),
            hint=N_("Go on with the upload first."),
            field=field,
            name=row.name,
            offset=row.offset,
            size=row.size,
        )
    if row.purpose != purpose:
        raise Invalid(
            "upload-purpose", N_("The upload {name} was sent as {purpose}."), field=field, name=row.name, purpose=row.purpose
        )
    return row


def _take_uploads(session: Session, context: Context, source: UploadSource, folder: Path) -> None:
    """The uploads' bytes become the dataset's; the uploads themselves are gone."""
    folder.mkdir(parents=True)
    for upload_id, name in ((source.upload, LIST), (source.pictures, ARCHIVE)):
        if upload_id is not None:
            # a link, not a rename: were this killed before its commit, the upload would still be whole
            _link(str(context.home.upload(upload_id) / "data"), str(folder / name))
            session.delete(session.get_one(UploadRow, upload_id))
