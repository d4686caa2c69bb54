"""Runs of graphs: a new dataset whose job reads another one's list and pictures and writes its own, in a sandbox as its owner.

The source's own pictures are linked into the new dataset, so that it is whole by itself; what lies on a share, in a bucket or
on the web stays where it is, and is opened as the source's lineage allows (see ``datasets.stores``).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from sqlalchemy.orm import Session
from trainyard.datasets.folder import PICTURES, DatasetFolder
from trainyard.errors import NotFound
from trainyard.graph.check import read_for
from trainyard.graph.job import JobSpec, encode_spec
from trainyard.graph.run import FOLDER, GraphRun
from trainyard.jobs.launch import Mount
from trainyard.records.graphs import GraphLineage, GraphTotals, NewGraphRun
from trainyard.records.jobs import JobKind
from trainyard.words import N_

from trainyard_service.context import Context
from trainyard_service.database.tables.datasets import DatasetRow
from trainyard_service.database.tables.jobs import JobRow
from trainyard_service.datasets.create import must_be_ready
from trainyard_service.datasets.lineage import derived
from trainyard_service.datasets.prepare import SPEC_INSIDE, PrepareKind, link_pictures
from trainyard_service.datasets.sources import INSIDE, SHARES, places_of
from trainyard_service.datasets.tool_jobs import Work, begin, job_for
from trainyard_service.disk.room import Charge, charged_group, must_fit
from trainyard_service.identity import Caller
from trainyard_service.jobs.kinds import Inside, Start, identity_of, url_inside
from trainyard_service.jobs.naming import new_id
from trainyard_service.jobs.settings import JobSettings
from trainyard_service.volume_files import give, make_folder, read_json

OUT_INSIDE = Path("/workspace/out")
_MANIFEST = "manifest.json"


@dataclass(frozen=True)
class Wish:
    """Who wants a graph run on which dataset. ``expected`` are the bytes of new pictures, as far as they are known."""

    caller: Caller
    dataset: DatasetRow
    expected: int


def document_of(dataset: DatasetFolder, graph: Any) -> dict[str, Any]:
    """The document of a graph that can be run on a dataset.

    Raises:
        Invalid: the first rule that it breaks; ``field`` is its node and field.
    """
    read, faults = read_for(graph, dataset.statistics())
    if read is None or faults:
        raise faults[0].error()
    return read.document()


def create(session: Session, context: Context, settings: JobSettings, wish: Wish, new: NewGraphRun) -> DatasetRow:
    """A dataset that is being made by a graph; ``new.graph`` is a document that can be run.

    Raises:
        Conflict: the source is not ready, or the disk quota has no room. NotFound: the caller is not in the group.
    """
    caller, dataset = wish.caller, wish.dataset
    must_be_ready(dataset)
    charge = Charge(caller.id, charged_group(caller, new.group))
    asked = dataset.disk + wish.expected
    must_fit(session, context, charge, asked, "graph")
    spec = {"dataset": new_id(), "reads": dataset.id, **new.model_dump(include={"graph", "seed", "quality", "bad_limit"})}
    source = {**derived(dataset), "kind": "graph", "of": dataset.id, "name": dataset.name}
    job = job_for(context, settings, Work(JobKind.PREPROCESS, new.name, charge, spec))
    return begin(session, job, DatasetRow(description=new.description, source=source, disk=asked))


@dataclass(frozen=True)
class PreprocessKind(PrepareKind):
    """Runs graphs; goes on at its checkpoint after its supervisor was lost, and ends like any preparation."""

    def inside(self, session: Session, start: Start) -> Inside:
        """See ``Kind``."""
        job, home, identity = start.job, self.context.home, identity_of(start.job)
        parent = session.get(DatasetRow, job.spec["reads"])
        if parent is None:
            raise NotFound("no-such-dataset", N_("The dataset that the graph was to be run on is not there any more."))
        places, folder = places_of(session, home, parent), home.dataset(job.spec["dataset"])
        make_folder(folder, identity.uid, identity.gid)
        link_pictures(home.dataset(parent.id) / PICTURES, folder / PICTURES)
        for inner in (folder / PICTURES, folder / PICTURES / FOLDER):
            if not inner.exists():
                inner.mkdir(mode=0o755)
            give(inner, identity.uid, identity.gid)
        spec = JobSpec(_run_of(job, parent), OUT_INSIDE, dict(places.inside))
        return Inside(
            argv=("python", "-m", "trainyard.graph.job", str(SPEC_INSIDE)),
            working_directory=OUT_INSIDE,
            mounts=(*places.mounts, Mount(source=folder, target=OUT_INSIDE, read_only=False)),
            files=((SPEC_INSIDE, encode_spec(spec).decode()),),
            environment=(("TRAINYARD_URL", url_inside(self.context)),),
            internet=False,
            groups=places.groups,
        )

    def after(self, job: JobRow) -> None:
        """See ``Kind``: what it made until its dataset was deleted is nobody's."""
        folder = self.context.home.dataset(job.spec["dataset"])
        with self.context.database.read() as session:
            deleted = session.get(DatasetRow, job.spec["dataset"]) is None
        if deleted:  # while the job still wrote into it
            DatasetFolder(folder).remove()
        super().after(job)


def _run_of(job: JobRow, parent: DatasetRow) -> GraphRun:
    spec, source = job.spec, parent.source
    on_share = source.get("kind") == "share"
    beside = PurePosixPath(source["path"]).parent if on_share else None
    return GraphRun(
        source=INSIDE,
        graph=spec["graph"],
        seed=spec["seed"],
        quality=spec["quality"],
        bad_limit=spec["bad_limit"],
        base=str(SHARES / source["group"] / beside) if beside is not None else "",
        lineage={"dataset": parent.id, "name": parent.name},
    )


def lineage_of(context: Context, dataset: DatasetRow) -> GraphLineage:
    """What a dataset was made by.

    Raises:
        NotFound: no graph made it, or its making has not ended.
    """
    told = (read_json(context.home.dataset(dataset.id), _MANIFEST) or {}).get("lineage", {})
    try:
        return GraphLineage(
            dataset=str(told["dataset"]),
            name=str(told["name"]),
            list_sha256=told["list_sha256"],
            graph=told["graph"],
            seed=told["seed"],
            quality=told["quality"],
            made=GraphTotals.model_validate(told["made"]),
        )
    except (KeyError, ValueError, TypeError):
        raise NotFound("no-graph", N_("No graph made the dataset {name}."), name=dataset.name) from None
