"""Sets of hyper-parameters: kept, shared, changed, and taken along as a file."""

from __future__ import annotations

from urllib.parse import quote

from fastapi import APIRouter, Response
from trainyard.records.parameter_sets import NewParameterSet, ParameterSet, ParameterSetChange

from trainyard_service import audit
from trainyard_service.api.datasets import ReadingDep
from trainyard_service.audit import AuditedRoute
from trainyard_service.parameter_sets import sets
from trainyard_service.permissions import must_not_be_job

router = APIRouter(tags=["parameter sets"], route_class=AuditedRoute)


@router.get("/parameter-sets")
def list_parameter_sets(reading: ReadingDep, search: str = "") -> list[ParameterSet]:
    """The sets the caller may use, by name."""
    with reading.context.database.read() as session:
        return [sets.view(reading.caller, row) for row in sets.listed(session, reading.caller, search)]


@router.post("/parameter-sets", status_code=201)
def make_parameter_set(new: NewParameterSet, reading: ReadingDep) -> ParameterSet:
    """Keep parameters; an exported file is such a body."""
    must_not_be_job(reading.caller)
    audit.note(new.name)
    with reading.context.database.write() as session:
        return sets.view(reading.caller, sets.create(session, reading.caller, new))


@router.get("/parameter-sets/{parameter_set_id}")
def get_parameter_set(parameter_set_id: str, reading: ReadingDep) -> ParameterSet:
    """One set."""
    with reading.context.database.read() as session:
        return sets.view(reading.caller, sets.find(session, reading.caller, parameter_set_id))


@router.get("/parameter-sets/{parameter_set_id}/file", response_class=Response)
def export_parameter_set(parameter_set_id: str, reading: ReadingDep) -> Response:
    """One set as a file, to be imported elsewhere."""
    with reading.context.database.read() as session:
        row = sets.find(session, reading.caller, parameter_set_id)
    headers = {
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(f'{row.name}.json', safe='')}",
        "X-Content-Type-Options": "nosniff",
    }
    body = sets.exported(row).model_dump_json(indent=2, include={"name", "description", "parameters"})
    return Response(body, media_type="application/json", headers=headers)


@router.patch("/parameter-sets/{parameter_set_id}")
def change_parameter_set(parameter_set_id: str, change: ParameterSetChange, reading: ReadingDep) -> ParameterSet:
    """Change a set's name, description, readers or parameters."""
    with reading.context.database.write() as session:
        row = sets.find(session, reading.caller, parameter_set_id, change=True)
        audit.note(row.name, **change.model_dump(mode="json", exclude_none=True, exclude={"parameters"}))
        sets.change(session, reading.caller, row, change)
        return sets.view(reading.caller, row)


@router.delete("/parameter-sets/{parameter_set_id}", status_code=204)
def delete_parameter_set(parameter_set_id: str, reading: ReadingDep) -> None:
    """Delete a set; trainings made with it keep their parameters."""
    with reading.context.database.write() as session:
        row = sets.find(session, reading.caller, parameter_set_id, change=True)
        audit.note(row.name)
        sets.delete(session, row)
