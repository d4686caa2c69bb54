"""What administrators declare to be given out: packages, virtual clusters, guarantees; and why something waits for it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path
from sqlalchemy import select
from sqlalchemy.orm import Session
from trainyard.errors import Conflict
from trainyard.jobs.states import JobState
from trainyard.quotas import Request, never
from trainyard.records.accounts import Group, Guarantee
from trainyard.records.jobs import Package, Waiting
from trainyard.records.resources import Cluster, NewCluster, NewPackage, PackageChoice, ResourceName
from trainyard.records.trainings import Training
from trainyard.words import N_

from trainyard_service import audit
from trainyard_service.accounts import membership, people
from trainyard_service.api.datasets import ReadingDep
from trainyard_service.api.groups import usage
from trainyard_service.api.jobs import find
from trainyard_service.api.trainings import CurvesDep
from trainyard_service.audit import AuditedRoute
from trainyard_service.database.tables.accounts import GroupRow
from trainyard_service.database.tables.resources import ClusterRow
from trainyard_service.events import EVERYBODY, announce
from trainyard_service.jobs import clusters, declared, life
from trainyard_service.jobs.ledger import Ledger, shortage_error
from trainyard_service.jobs.offers import declared_package, nearest_to
from trainyard_service.jobs.waiting import explained
from trainyard_service.permissions import must_administrate, must_not_be_job
from trainyard_service.trainings import access
from trainyard_service.trainings.telling import tell_training
from trainyard_service.trainings.views import training_view

router = APIRouter(tags=["machine"], route_class=AuditedRoute)
_MORE_THAN_THE_QUOTA = {
    "cpu": N_("The quota of {group} allows {quota} CPU cores; {wanted} were to be guaranteed."),
    "memory": N_("The quota of {group} allows {quota} GiB of memory; {wanted} were to be guaranteed."),
    "gpu": N_("The quota of {group} allows {quota} GPUs; {wanted} were to be guaranteed."),
}
Name = Annotated[ResourceName, Path()]


@router.put("/packages/{name}")
def put_package(name: Name, body: NewPackage, reading: ReadingDep) -> Package:
    """Declare a resource package, or change one that nothing uses; ``why_not`` warns where no machine has so much."""
    must_administrate(reading.caller)
    settings, capacity = reading.engine.settings, reading.engine.ledger.capacity
    with reading.context.database.write() as session:
        audit.note(name, **body.model_dump(exclude_none=True))
        size = declared.put_package(session, settings, name, body)
        announce(session, "usage", "packages", EVERYBODY)
    return declared_package(size, capacity, nearest_to(reading.context.launcher, size), reading.language)


@router.delete("/packages/{name}", status_code=204)
def delete_package(name: Name, reading: ReadingDep) -> None:
    """Offer a package no more; refused while something waits for it or runs with it."""
    must_administrate(reading.caller)
    with reading.context.database.write() as session:
        audit.note(name)
        declared.delete_package(session, reading.engine.settings, name)
        announce(session, "usage", "packages", EVERYBODY)


@router.get("/clusters")
def list_clusters(reading: ReadingDep) -> list[Cluster]:
    """The virtual clusters the caller may use; all of them for an administrator."""
    caller = reading.caller
    with reading.context.database.read() as session:
        rows = session.scalars(select(ClusterRow).order_by(ClusterRow.name))
        shown = [row for row in rows if caller.administrator or clusters.may_use(caller, row)]
        return [clusters.view(session, row, caller.id) for row in shown]


@router.put("/clusters/{name}")
def put_cluster(name: Name, body: NewCluster, reading: ReadingDep) -> Cluster:
    """Declare a virtual cluster, or change one that nothing uses."""
    must_administrate(reading.caller)
    with reading.context.database.write() as session:
        audit.note(name, **body.model_dump(exclude_none=True))
        row = clusters.put(session, reading.engine.ledger, name, body)
        announce(session, "usage", "clusters", EVERYBODY)
        return clusters.view(session, row, reading.caller.id)


@router.delete("/clusters/{name}", status_code=204)
def delete_cluster(name: Name, reading: ReadingDep) -> None:
    """Give its share back to the rest of the machine; refused while something waits or runs in it."""
    must_administrate(reading.caller)
    with reading.context.database.write() as session:
        audit.note(name)
        clusters.delete(session, name)
        announce(session, "usage", "clusters", EVERYBODY)


@router.put("/groups/{name}/guarantee")
def set_guarantee(name: str, body: Guarantee, reading: ReadingDep) -> Group:
    """Change what the group gets before anybody borrows; within its quota, and within what the machine has."""
    must_administrate(reading.caller)
    with reading.context.database.write() as session:
        row = people.find_group(session, name)
        audit.note(name, before=row.guaranteed.model_dump(), after=body.model_dump())
        _refuse_too_much(session, reading.engine.ledger, row, body)
        row.guaranteed = body
        membership.changed(session, row)
        return membership.view(row, usage(session))


def _refuse_too_much(session: Session, ledger: Ledger, group: GroupRow, asked: Guarantee) -> None:
    rest = ledger.limits(session, {}).rest
    others = [row.guaranteed for row in session.scalars(select(GroupRow).where(GroupRow.id != group.id))]
    for resource, wanted in asked:
        quota, there = getattr(group.quota, resource), getattr(rest, resource)
        unit = 2**30 if resource == "memory" else 1
        if quota is not None and wanted > quota:
            raise Conflict(
                "more-than-the-quota",
                _MORE_THAN_THE_QUOTA[resource],
                hint=N_("Raise the quota first: what is guaranteed is a part of it."),
                field=resource,
                group=group.name,
                quota=f"{quota / unit:.4g}",
                wanted=f"{wanted / unit:.4g}",
            )
        used = sum(getattr(one, resource) for one in others)
        if wanted and there is not None and used + wanted > there:
            raise clusters.too_much(resource, used, there, wanted)


@router.get("/jobs/{job_id}/waiting")
def get_waiting(job_id: str, reading: ReadingDep) -> Waiting | None:
    """Why a queued job waits: its place, what is short and who holds it, what would start now, how long at most; else null."""
    with reading.context.database.read() as session:
        return explained(session, find(session, reading.caller, job_id), reading.language)


@router.post("/trainings/{training_id}/package")
def choose_package(training_id: str, body: PackageChoice, reading: ReadingDep, curves: CurvesDep) -> Training:
    """Take another package for a training that waits; it keeps its place in the queue."""
    must_not_be_job(reading.caller)
    with reading.context.database.write() as session:
        row = access.find(session, reading.caller, training_id, change=True)
        audit.note(row.name, package=body.package)
        job, ledger = row.job, reading.engine.ledger
        if job.state != JobState.QUEUED:
            raise Conflict(
                "not-waiting",
                N_("{name} does not wait in the queue; its state is {state}."),
                hint=N_("Only what waits can take another package."),
                name=row.name,
                state=job.state,
            )
        size = ledger.size(session, body.package)
        request = Request(
            "new", row.owner_id, row.group_id, size.amount(), cluster=job.cluster, device_type=size.gpu_type
        )  # fmt: skip
        if short := never(request, ledger.limits(session)):
            raise shortage_error("never-enough", short, row.group.name)
        job.package = body.package
        announce(session, "job", job.id, life.audience(job))
        tell_training(session, row)
        session.flush()
        return training_view(reading(session), curves, row)
