"""The preprocessing graph: its operations, checks and previews while it is drawn, runs, and templates."""

from __future__ import annotations

from functools import partial

from anyio import to_thread
from fastapi import APIRouter
from starlette.concurrency import run_in_threadpool
from trainyard.datasets.folder import DatasetFolder
from trainyard.graph.document import read_graph
from trainyard.graph.rules import output_of
from trainyard.graph.run import nothing_left
from trainyard.quotas import package
from trainyard.records.datasets import Dataset
from trainyard.records.graphs import (
    GraphCheck,
    GraphLineage,
    GraphPreview,
    GraphQuestion,
    GraphTemplate,
    GraphTemplateChange,
    NewGraphRun,
    NewGraphTemplate,
    Operation,
    PreviewQuestion,
)

from trainyard_service import audit
from trainyard_service.api.datasets import Reading, ReadingDep
from trainyard_service.audit import AuditedRoute, unaudited
from trainyard_service.database.tables.graphs import GraphTemplateRow
from trainyard_service.datasets import access
from trainyard_service.datasets.create import must_be_ready
from trainyard_service.datasets.stores import sources_of
from trainyard_service.datasets.views import dataset_view
from trainyard_service.graphs import run, templates
from trainyard_service.graphs.desk import desk_of
from trainyard_service.graphs.drawing import Canvas, operations
from trainyard_service.permissions import must_not_be_job

router = APIRouter(tags=["graphs"], route_class=AuditedRoute)


@router.get("/graph/operations")
def list_operations(reading: ReadingDep) -> list[Operation]:
    """Every operation of random processing with its parameters, in the reader's language."""
    return operations(reading.language)


@router.post("/datasets/{dataset_id}/graph/check")
@unaudited
async def check_graph(dataset_id: str, question: GraphQuestion, reading: ReadingDep) -> GraphCheck:
    """What is wrong with a graph, what every node would output by class, and what a run would make and take."""
    canvas = await run_in_threadpool(_canvas, reading, dataset_id)
    return await to_thread.run_sync(partial(canvas.check, question), limiter=canvas.desk.lane)


@router.post("/datasets/{dataset_id}/graph/preview")
@unaudited
async def preview_graph(dataset_id: str, question: PreviewQuestion, reading: ReadingDep) -> GraphPreview:
    """The same eight samples of the dataset before and after a node."""
    canvas = await run_in_threadpool(_canvas, reading, dataset_id)
    return await to_thread.run_sync(partial(canvas.preview, question), limiter=canvas.desk.lane)


@router.post("/datasets/{dataset_id}/graph/run", status_code=201)
async def run_graph(dataset_id: str, new: NewGraphRun, reading: ReadingDep) -> Dataset:
    """Make a new dataset by a graph; a job does the work."""
    must_not_be_job(reading.caller)
    audit.note(new.name)
    canvas = await run_in_threadpool(_canvas, reading, dataset_id)
    graph = await to_thread.run_sync(run.document_of, canvas.dataset, new.graph)
    new = new.model_copy(update={"graph": graph})
    expected = await to_thread.run_sync(_expected, canvas, new, limiter=canvas.desk.lane)
    return await run_in_threadpool(_run, reading, dataset_id, new, expected)


@router.get("/datasets/{dataset_id}/graph")
def get_graph(dataset_id: str, reading: ReadingDep) -> GraphLineage:
    """The graph that made a dataset, of what it was made, and what was left out."""
    with reading.context.database.read() as session:
        row = access.find(session, reading.caller, dataset_id)
    return run.lineage_of(reading.context, row)


@router.get("/graph/templates")
def list_templates(reading: ReadingDep, search: str = "") -> list[GraphTemplate]:
    """The templates the caller may use, by name."""
    with reading.context.database.read() as session:
        return [templates.view(reading.caller, row) for row in templates.listed(session, reading.caller, search)]


@router.post("/graph/templates", status_code=201)
def make_template(new: NewGraphTemplate, reading: ReadingDep) -> GraphTemplate:
    """Keep a graph."""
    must_not_be_job(reading.caller)
    audit.note(new.name)
    with reading.context.database.write() as session:
        return templates.view(reading.caller, templates.create(session, reading.caller, new))


@router.get("/graph/templates/{template_id}")
def get_template(template_id: str, reading: ReadingDep) -> GraphTemplate:
    """One template."""
    with reading.context.database.read() as session:
        return templates.view(reading.caller, templates.find(session, reading.caller, template_id))


@router.patch("/graph/templates/{template_id}")
def change_template(template_id: str, change: GraphTemplateChange, reading: ReadingDep) -> GraphTemplate:
    """Change a template's name, description, readers or graph."""
    with reading.context.database.write() as session:
        row = templates.find(session, reading.caller, template_id, change=True)
        audit.note(row.name, **change.model_dump(mode="json", exclude_none=True, exclude={"graph"}))
        templates.change(session, reading.caller, row, change)
        return templates.view(reading.caller, row)


@router.delete("/graph/templates/{template_id}", status_code=204)
def delete_template(template_id: str, reading: ReadingDep) -> None:
    """Delete a template; what was made by it stays."""
    with reading.context.database.write() as session:
        row: GraphTemplateRow = templates.find(session, reading.caller, template_id, change=True)
        audit.note(row.name)
        templates.delete(session, row)


def _canvas(reading: Reading, dataset_id: str) -> Canvas:
    with reading.context.database.read() as session:
        row = access.find(session, reading.caller, dataset_id)
        must_be_ready(row)
        source = sources_of(session, reading.context, row)
    cores = max(1, int(package(reading.engine.settings.tools_package).cpu))
    folder = DatasetFolder(reading.context.home.dataset(dataset_id))
    return Canvas(desk_of(reading.context), folder, source, reading.language, cores)


def _expected(canvas: Canvas, new: NewGraphRun) -> int:
    """Bytes of new pictures, as far as a few of them tell.

    Raises:
        Invalid: nothing would leave the graph.
    """
    graph, faults = read_graph(new.graph)
    if graph is None:
        raise faults[0].error()
    if not canvas.desk.plan(canvas.dataset, graph, new.seed).count(output_of(graph).id).pictures:
        raise nothing_left()
    told = canvas.estimate(graph, new.seed, new.quality)
    return told.bytes if told else 0


def _run(reading: Reading, dataset_id: str, new: NewGraphRun, expected: int) -> Dataset:
    with reading.context.database.write() as session:
        dataset = access.find(session, reading.caller, dataset_id)
        wish = run.Wish(reading.caller, dataset, expected)
        row = run.create(session, reading.context, reading.engine.settings, wish, new)
        return dataset_view(reading(session), row)
