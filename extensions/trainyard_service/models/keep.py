"""Keeping models: bytes are copied into the platform's own folder while their checksum is taken, the manifest comes last."""

from __future__ import annotations

import hashlib
import json
import math
import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO
from weakref import WeakValueDictionary

from sqlalchemy import Select, select
from sqlalchemy.orm import Session
from trainyard.errors import Conflict, Invalid
from trainyard.metrics.beneath import open_beneath
from trainyard.records.searches import RegisterBest
from trainyard.records.storage import UploadPurpose
from trainyard.records.trainings import ModelKind, NewModel, NewSnapshot
from trainyard.training.snapshots import is_whole
from trainyard.words import N_

from trainyard_service.accounts import notices
from trainyard_service.bodies import is_text
from trainyard_service.context import Context
from trainyard_service.database.tables.accounts import AccountRow, NoticeRow
from trainyard_service.database.tables.models import ModelRow
from trainyard_service.database.tables.trainings import InstanceRow
from trainyard_service.datasets.given import find_upload
from trainyard_service.disk.room import Charge, charged_group, must_fit
from trainyard_service.events import Audience, announce
from trainyard_service.identity import Caller
from trainyard_service.jobs.naming import new_id
from trainyard_service.trainings.create import member_of
from trainyard_service.volume_files import read_anything

MANIFEST = "manifest.json"
NOT_KEPT = N_("The snapshot {name} was not kept as a model; its file stays in the training's run folder. {reason}")
_BLOCK = 1 << 20


class _Lock:
    """A lock that is gone when nobody holds or awaits it."""

    def __init__(self) -> None:
        self.lock = threading.Lock()


_locks: WeakValueDictionary[str, _Lock] = WeakValueDictionary()
_locking = threading.Lock()


@dataclass(frozen=True)
class Kept:
    """A file as it was kept."""

    size: int
    sha256: str


def snapshot(context: Context, instance_id: str, new: NewSnapshot, metrics: dict[str, float]) -> str:
    """Keep a snapshot that lies in an instance's output folder; its model's id. Told twice it is kept once.

    What the disk quota has no room for stays where it is, and the owner gets a notice.

    Raises:
        Invalid: the file is missing, or not the one that was announced. Conflict: the disk quota has no room for it.
    """
    # one at a time: a script whose request timed out asks again while the first copy is under way
    with _copying(instance_id):
        with context.database.read() as session:
            known = session.scalar(_same(instance_id, new))
            if known is not None:
                return known.id
            instance = session.get_one(InstanceRow, instance_id)
            training = instance.training
            row = ModelRow(id=new_id(), kind=ModelKind.SNAPSHOT, name=name_of(training.name, new))
            row.owner_id, row.group_id = training.owner_id, training.group_id
            row.training, row.training_name, row.instance = training.id, training.name, instance_id
            row.image, row.epoch, row.step, row.metrics = training.job.image, new.epoch, new.step, metrics
        row.file = PurePosixPath(new.file).name
        _must_fit(context, row, new.size)
        kept = _copy_snapshot(context, row, new)
        row.size, row.sha256 = kept.size, kept.sha256
        with context.database.write() as session:
            older = _forget_older(session, row)
            session.add(row)
            session.flush()
            tell_model(session, row)
        if older is not None:
            remove_files(context, older)
        return row.id


def name_of(training: str, new: NewSnapshot) -> str:
    """``<training>:epoch_<epoch>``; one in the middle of an epoch also names its step, to be told from that of its end."""
    return f"{training}:epoch_{new.epoch}" + ("" if is_whole(new.file) else f"_step_{new.step}")


def _forget_older(session: Session, row: ModelRow) -> str | None:
    """A snapshot taken again at the same step replaces the older one, as it does in the run folder; the older one's id."""
    same = select(ModelRow).filter_by(instance=row.instance, epoch=row.epoch, step=row.step)
    older = session.scalar(same)
    if older is None:
        return None
    tell_model(session, older)
    session.delete(older)
    session.flush()
    return older.id


@contextmanager
def _copying(instance_id: str) -> Iterator[None]:
    """Held while a snapshot of this instance is copied; others' go on."""
    with _locking:
        mine = _locks.setdefault(instance_id, _Lock())
    with mine.lock:
        yield


def _must_fit(context: Context, row: ModelRow, size: int) -> None:
    """Raises:
    Conflict: the disk quota has no room; the owner was told, once until they have read it.
    """
    try:
        with context.database.read() as session:
            must_fit(session, context, Charge(row.owner_id, row.group_id), size, "size")
    except Conflict as error:
        with context.database.write() as session:
            unread = select(NoticeRow.id).where(
                NoticeRow.account_id == row.owner_id, NoticeRow.message == NOT_KEPT, NoticeRow.read.is_(False)
            )
            if session.scalar(unread.limit(1)) is None:
                reason = error.text(session.get_one(AccountRow, row.owner_id).language)
                notices.send(session, row.owner_id, NOT_KEPT, link="/services/pages/models", name=row.name, reason=reason)
        raise


def _same(instance_id: str, new: NewSnapshot) -> Select[ModelRow]:
    return select(ModelRow).where(
        ModelRow.instance == instance_id, ModelRow.epoch == new.epoch, ModelRow.step == new.step, ModelRow.sha256 == new.sha256
    )


def _copy_snapshot(context: Context, row: ModelRow, new: NewSnapshot) -> Kept:
    relative = f"{row.instance}/output/{new.file}"
    try:
        assert row.training is not None
        with open_beneath(context.home.run(row.training), relative) as source:
            kept = _store(source, context.home.model(row.id), row, new.size)
    except (OSError, ValueError) as error:
        shutil.rmtree(context.home.model(row.id), ignore_errors=True)
        raise Invalid(
            "snapshot-missing",
            N_("The snapshot {file} cannot be read: {reason}."),
            field="file",
            file=new.file,
            reason=getattr(error, "strerror", None) or str(error),
        ) from None
    if (kept.size, kept.sha256) != (new.size, new.sha256):
        shutil.rmtree(context.home.model(row.id), ignore_errors=True)
        raise Invalid(
            "snapshot-differs",
            N_("The snapshot {file} is not the one that was announced: {size} bytes were found, {announced} announced."),
            field="file",
            file=new.file,
            size=kept.size,
            announced=new.size,
        )
    return kept


def custom(context: Context, caller: Caller, new: NewModel) -> str:
    """A model of a complete upload, its id; the upload is gone afterwards. The copy is made outside of any transaction.

    Raises:
        NotFound, Conflict, Invalid: upload or group are not usable; nothing was made.
    """
    with context.database.read() as session:
        row, size = _custom_row(session, context, caller, new)
    try:
        with (context.home.upload(new.upload) / "data").open("rb") as source:
            kept = _store(source, context.home.model(row.id), row, size)
        row.size, row.sha256 = kept.size, kept.sha256
        with context.database.write() as session:
            # whoever pressed at the same time may have been faster
            session.delete(find_upload(session, caller, new.upload, (UploadPurpose.MODEL,), "upload"))
            session.add(row)
            session.flush()
            tell_model(session, row)
    except BaseException:
        remove_files(context, row.id)
        raise
    return row.id


def _custom_row(session: Session, context: Context, caller: Caller, new: NewModel) -> tuple[ModelRow, int]:
    """The row to be, and how large the upload is."""
    upload = find_upload(session, caller, new.upload, (UploadPurpose.MODEL,), "upload")
    group_id = member_of(caller, new.group) if new.group is not None else None
    pays = group_id if group_id is not None else charged_group(caller, None)
    if pays != upload.group_id:
        must_fit(session, context, Charge(caller.id, pays), upload.size, "group")
    row = ModelRow(id=new_id(), kind=ModelKind.CUSTOM, name=new.name, description=new.description)
    row.owner_id, row.group_id, row.file, row.metrics = caller.id, group_id, PurePosixPath(upload.name).name or "model", {}
    return row, upload.size


def again(context: Context, caller: Caller, model: ModelRow, new: RegisterBest) -> str:
    """Keep a model once more, under a name of its own and as the caller's; its id. Where it comes from stays written on it.

    Raises:
        Conflict: the model is not whole, or the disk quota has no room. NotFound: the caller is not in the group.
    """
    group_id = member_of(caller, new.group) if new.group is not None else None
    pays = group_id if group_id is not None else charged_group(caller, None)
    with context.database.read() as session:
        must_fit(session, context, Charge(caller.id, pays), model.size, "group")
    row = ModelRow(id=new_id(), kind=ModelKind.CUSTOM, name=new.name, description=new.description, file=model.file)
    row.owner_id, row.group_id, row.metrics, row.image = caller.id, group_id, model.metrics, model.image
    row.training, row.training_name = model.training, model.training_name
    try:
        with model_path(context, model).open("rb") as source:
            kept = _store(source, context.home.model(row.id), row, model.size)
        row.size, row.sha256 = kept.size, kept.sha256
        with context.database.write() as session:
            session.add(row)
            session.flush()
            tell_model(session, row)
    except BaseException:
        remove_files(context, row.id)
        raise
    return row.id


def _store(source: BinaryIO, folder: Path, row: ModelRow, limit: int) -> Kept:
    """Copy into a new folder, then write the manifest: without it there is no model.

    Of a file that grows, or was announced smaller than it is, not much more than ``limit`` bytes are copied.
    """
    folder.mkdir(parents=True)
    digest, size = hashlib.sha256(), 0
    with (folder / "model").open("xb") as target:
        while size <= limit and (block := source.read(_BLOCK)):
            digest.update(block)
            size += target.write(block)
        target.flush()
        os.fsync(target.fileno())
    kept = Kept(size, digest.hexdigest())
    told = {
        "id": row.id,
        "name": row.name,
        "kind": row.kind,
        "file": row.file,
        "size": kept.size,
        "sha256": kept.sha256,
        "lineage": {
            "training": row.training,
            "instance": row.instance,
            "epoch": row.epoch,
            "step": row.step,
            "image": row.image,
        },
    }
    part = folder / f".{MANIFEST}.part"
    part.write_text(json.dumps(told, ensure_ascii=False))
    part.replace(folder / MANIFEST)
    return kept


def announced_metrics(context: Context, training: str, instance: str, file: str) -> dict[str, float]:
    """What a snapshot's own manifest says it measured; nothing when there is none to believe."""
    name = PurePosixPath(file).name.removesuffix(".tar.gz")
    told = read_anything(context.home.run(training), f"{instance}/output/{name}.json", 1 << 20) or {}
    metrics = told.get("metrics")
    if not isinstance(metrics, dict):
        return {}
    return {key: float(value) for key, value in metrics.items() if is_text(key) and _is_measure(value)}


def _is_measure(value: object) -> bool:
    """A finite number; what a script writes may be anything, and no database keeps an infinity in JSON."""
    try:
        return isinstance(value, int | float) and math.isfinite(value)
    except OverflowError:
        return False


def model_path(context: Context, row: ModelRow) -> Path:
    """The kept file.

    Raises:
        Conflict: its manifest is missing; the model is not whole.
    """
    folder = context.home.model(row.id)
    if not (folder / MANIFEST).is_file():
        raise Conflict("model-incomplete", N_("The model {name} is not complete."), name=row.name)
    return folder / "model"


def remove_files(context: Context, model_id: str) -> None:
    """Delete a model's files, after its row is gone."""
    folder = context.home.model(model_id)
    (folder / MANIFEST).unlink(missing_ok=True)
    shutil.rmtree(folder, ignore_errors=True)


def tell_model(session: Session, row: ModelRow) -> None:
    """Announce that a model changed."""
    groups = () if row.group_id is None else (row.group_id,)
    announce(session, "model", row.id, Audience.of(row.owner_id, groups=groups))
