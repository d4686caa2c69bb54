"""Datasets, batches and formatted sets as the caller sees them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from trainyard.datasets.sample import Sample
from trainyard.home import Home
from trainyard.records.datasets import (
    Batch,
    Dataset,
    DatasetDetail,
    DatasetState,
    Format,
    FormattedSet,
    LabelSetSummary,
    NewBatch,
    SampleView,
    Share,
    Visibility,
)
from trainyard.records.jobs import JobKind
from trainyard.records.storage import BucketCopy

from trainyard_service.database.tables.datasets import BatchRow, DatasetRow, FormattedSetRow
from trainyard_service.datasets import shards
from trainyard_service.datasets.failures import fetched
from trainyard_service.datasets.lineage import made_from, made_into
from trainyard_service.datasets.prepare import read_statistics, reason_text
from trainyard_service.datasets.usage import users_of_dataset, users_of_sets
from trainyard_service.identity import Caller
from trainyard_service.jobs.endings import ending_view
from trainyard_service.jobs.kinds import Kind
from trainyard_service.jobs.views import person
from trainyard_service.permissions import can_change
from trainyard_service.storage import copies


@dataclass(frozen=True)
class Reader:
    """For whom and in which language something is shown."""

    session: Session
    caller: Caller
    language: str
    home: Home
    kinds: Mapping[JobKind, Kind]
    api_path: str


def dataset_view(reader: Reader, row: DatasetRow) -> Dataset:
    """One row of the list."""
    return Dataset(**_fields(reader, row))


def dataset_detail(reader: Reader, row: DatasetRow) -> DatasetDetail:
    """The page of one dataset."""
    statistics = read_statistics(reader.home.dataset(row.id))
    batches = reader.session.scalars(select(BatchRow).where(BatchRow.dataset_id == row.id).order_by(BatchRow.created.desc()))
    return DatasetDetail(
        **_fields(reader, row),
        statistics=statistics.to_record(reader.language) if statistics else None,
        batches=[batch_view(reader, batch) for batch in batches],
        fetched=fetched(reader.home, row),
        made_from=made_from(reader.session, reader.caller, row),
        made_into=made_into(reader.session, reader.caller, row),
    )


def _fields(reader: Reader, row: DatasetRow) -> dict[str, Any]:
    sets = select(func.count()).select_from(FormattedSetRow).join(BatchRow).where(BatchRow.dataset_id == row.id)
    creating = row.state == DatasetState.CREATING and row.job is not None
    return {
        "id": row.id,
        "name": row.name,
        "description": row.description,
        "state": DatasetState(row.state),
        "visibility": visibility(reader.caller, row),
        "owner": person(row.owner),
        "source": source_text(row),
        "created": row.created,
        "completed": row.completed,
        "error": _why_failed(reader, row),
        "progress": reader.kinds[JobKind(row.job.kind)].progress(row.job) if creating and row.job else None,
        "lines": row.lines,
        "images": row.images,
        "objects": row.objects,
        "label_sets": [LabelSetSummary.model_validate(one) for one in row.label_sets],
        "shares": [Share(group=s.group.name if s.group else None, by=person(s.by), at=s.at) for s in row.shares],
        "group": row.group.name if row.group else None,
        "disk": row.disk,
        "formatted_sets": reader.session.scalar(sets) or 0,
        "may_change": can_change(reader.caller, row.owner_id or 0),
        "used_by": users_of_dataset(reader.session, reader.home, row, reader.language),
        "in_bucket": in_bucket(reader, copies.DATASET, row.id, row.owner_id),
    }


def _why_failed(reader: Reader, row: DatasetRow) -> str:
    """What the job told, else how it ended; a job whose record is gone leaves no reason."""
    if row.state != DatasetState.FAILED:
        return ""
    ending = ending_view(row.job.ending, reader.language) if row.job else None
    return reason_text(row.error, reader.language) or (ending.text if ending else "")


def in_bucket(reader: Reader, kind: str, subject_id: str, owner_id: int | None) -> BucketCopy | None:
    """The copy in the bucket of whom it belongs to, who alone is told of it."""
    return copies.view(reader.session, kind, subject_id, reader.language) if owner_id == reader.caller.id else None


def visibility(caller: Caller, row: DatasetRow) -> Visibility:
    """The tab a dataset stands in for the caller."""
    if row.owner_id == caller.id:
        return Visibility.MINE
    public = any(share.group_id is None for share in row.shares)
    return Visibility.PUBLIC if public else Visibility.GROUP


def source_text(row: DatasetRow) -> str:
    """Where it came from, as a person would write it; behind an archive, in which layout it was read."""
    source = row.source
    match source.get("kind"):
        case "prefix" if source["on"] == "bucket":
            return _place_text({**source, "kind": "bucket"})
        case "prefix":
            return f"{_place_text({**source['share'], 'kind': 'share'}).rstrip('/')}/"
        case "archive":
            return f"{_place_text(source['files']['archive'])} ({source['layout']})"
        case "formatted":
            return f"{_place_text(source['files']['data'])} ({source['format']})"
        case _:
            return _place_text(source)


def _place_text(place: dict[str, Any]) -> str:
    match place.get("kind"):
        case "bucket":
            return f"s3://{place['bucket']}/{place['key']}"
        case "share":
            return f"/workspace/mnt/group/{place['group']}/{place['path']}"
        case _:
            return str(place.get("name", ""))


def batch_view(reader: Reader, row: BatchRow) -> Batch:
    """One batch with its sets."""
    plan, job = row.plan, row.job
    ending = ending_view(job.ending, reader.language) if job and row.completed is None else None
    failed = reason_text(row.error, reader.language)
    parts = shards.views(row, reader.kinds)
    return Batch(
        id=row.id,
        dataset=row.dataset_id,
        dataset_name=row.dataset.name,
        label_set=plan["label_set"],
        shuffle=plan["shuffle"],
        seed=plan["seed"],
        resize=plan["resize"],
        quality=plan["quality"],
        created=row.created,
        creator=person(row.creator),
        job=row.job_id,
        state=shards.state_of(row),
        progress=shards.progress_of(row, reader.kinds, parts),
        sets=[set_view(reader, one) for one in row.sets],
        group=row.group.name if row.group else None,
        plan=NewBatch.model_validate(plan),
        shards=parts,
        classes=row.classes,
        skipped=row.skipped,
        videos=row.videos,
        error=failed or (ending.text if ending else ""),
        in_bucket=in_bucket(reader, copies.BATCH, row.id, row.creator_id),
    )


def set_view(reader: Reader, row: FormattedSetRow) -> FormattedSet:
    """One formatted set."""
    return FormattedSet(
        id=row.id,
        batch=row.batch_id,
        dataset=row.batch.dataset_id,
        dataset_name=row.batch.dataset.name,
        format=Format(row.format),
        split=row.split,
        ratio=row.ratio,
        range=(row.first, row.end),
        samples=row.samples,
        bytes=row.bytes,
        ready=row.ready,
        created=row.batch.created,
        resize=row.batch.plan["resize"],
        used_by=users_of_sets(reader.session, [row.id], reader.language),
    )


def sample_view(reader: Reader, dataset_id: str, sample: Sample) -> SampleView:
    """One sample with the address of its picture."""
    return SampleView(
        line=sample.line,
        url=sample.url,
        type=sample.type,
        picture=f"{reader.api_path}/datasets/{dataset_id}/picture?line={sample.line}",
        labels=msgspec.to_builtins(sample.labels),
    )
