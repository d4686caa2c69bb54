"""Looking at a dataset's pictures as a whole, and at single lines of its list."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from trainyard.datasets.folder import DatasetFolder
from trainyard.errors import NotFound
from trainyard.records.examinations import Examination, SourceLine
from trainyard.records.jobs import Job
from trainyard.words import N_

from trainyard_service import audit
from trainyard_service.api.datasets import ReadingDep
from trainyard_service.audit import AuditedRoute
from trainyard_service.datasets import access, create, examining
from trainyard_service.jobs.views import job_view
from trainyard_service.permissions import must_not_be_job

router = APIRouter(tags=["datasets"], route_class=AuditedRoute)
_LONGEST = 1_000_000


@router.post("/datasets/{dataset_id}/examine", status_code=201)
def examine_dataset(dataset_id: str, reading: ReadingDep) -> Job:
    """Look for missing, broken and equal pictures; the job under way, or a new one. Every reader may ask for it."""
    must_not_be_job(reading.caller)
    with reading.context.database.write() as session:
        row = access.find(session, reading.caller, dataset_id)
        audit.note(row.name)
        job = examining.begin(session, reading.context, reading.engine.settings, reading.caller, row)
        return job_view(job, reading.engine.kinds, reading.language)


@router.get("/datasets/{dataset_id}/examination")
def get_examination(dataset_id: str, reading: ReadingDep) -> Examination:
    """What the last look found, and how far a new one is."""
    with reading.context.database.read() as session:
        row = access.find(session, reading.caller, dataset_id)
        return examining.view(reading(session), row)


@router.get("/datasets/{dataset_id}/source")
def get_source_line(dataset_id: str, line: Annotated[int, Query(ge=1)], reading: ReadingDep) -> SourceLine:
    """One line of the list as it was written, also one that breaks a rule."""
    with reading.context.database.read() as session:
        row = access.find(session, reading.caller, dataset_id)
        create.must_be_ready(row)
    text = DatasetFolder(reading.context.home.dataset(row.id)).source_line(line, _LONGEST)
    if text is None:
        raise NotFound("no-such-line", N_("The list has no line {line}."), field="line", line=line)
    return SourceLine(line=line, text=text)
