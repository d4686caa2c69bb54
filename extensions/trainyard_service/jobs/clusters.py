"""Virtual clusters: named shares of the machine, declared by administrators, used by members of their groups."""

from __future__ import annotations

from collections import Counter

from sqlalchemy import select
from sqlalchemy.orm import Session
from trainyard.errors import Conflict, Invalid, NotAllowed, NotFound
from trainyard.jobs.states import ENDED
from trainyard.records.accounts import Quota
from trainyard.records.resources import Cluster, NewCluster
from trainyard.words import N_

from trainyard_service.accounts import people
from trainyard_service.database.tables.accounts import GroupRow
from trainyard_service.database.tables.jobs import AllocationRow, JobRow
from trainyard_service.database.tables.resources import ClusterRow
from trainyard_service.identity import Caller
from trainyard_service.jobs.ledger import Capacity, Ledger, use_of


def find(session: Session, name: str) -> ClusterRow:
    """The cluster of that name.

    Raises:
        NotFound: there is none.
    """
    row = session.get(ClusterRow, name)
    if row is None:
        raise NotFound("no-such-cluster", N_("There is no virtual cluster {cluster}."), field="cluster", cluster=name)
    return row


def may_use(caller: Caller, row: ClusterRow) -> bool:
    """Whether the cluster is for everybody, or for one of the caller's groups."""
    return not row.groups or any(str(number) in row.groups for number in caller.groups)


def must_use(session: Session, name: str, group: int, hours: float) -> ClusterRow:
    """The cluster, if a training of ``group`` may run there so long.

    Raises:
        NotFound, NotAllowed, Invalid: no such cluster, not for this group, or it ends trainings earlier.
    """
    row = find(session, name)
    if row.groups and str(group) not in row.groups:
        raise NotAllowed(
            "not-in-cluster",
            N_("The virtual cluster {cluster} is not for this group."),
            hint=N_("Choose another, or ask an administrator."),
            field="cluster",
            cluster=name,
        )
    refuse_longer(hours, row.hours, name)
    return row


def refuse_longer(hours: float, limit: float, cluster: str = "") -> None:
    """Refuse a time limit above what is allowed.

    Raises:
        Invalid: with both numbers.
    """
    if hours <= limit:
        return
    sentence = (
        N_("The virtual cluster {cluster} ends trainings after {limit} h; {hours} h were asked for.")
        if cluster
        else N_("A training may run for {limit} h; {hours} h were asked for.")
    )
    numbers = {"limit": f"{limit:g}", "hours": f"{hours:g}"}
    raise Invalid("too-long", sentence, hint=N_("Ask for less."), field="hours", cluster=cluster, **numbers)


def put(session: Session, ledger: Ledger, name: str, new: NewCluster) -> ClusterRow:
    """Declare a cluster, or change one that nothing uses.

    Raises:
        Conflict: it is used, or the machine has not so much outside the other clusters and guarantees.
    """
    row = session.get(ClusterRow, name)
    if row is not None:
        _refuse_while_used(session, row)
    devices = _choose_devices(session, ledger.capacity, name, new)
    _refuse_too_much(session, ledger.capacity.machine, name, new)
    if row is None:
        row = ClusterRow(name=name)
        session.add(row)
    row.description, row.device_type, row.hours = new.description, new.device_type, new.hours
    row.cpu, row.memory, row.gpu, row.devices = new.cpu, new.memory, new.gpu, devices
    row.person = new.person.model_dump(exclude_none=True)
    row.groups = [str(people.find_group(session, group).id) for group in new.groups]
    session.flush()
    return row


def delete(session: Session, name: str) -> None:
    """Give its share back to the rest of the machine.

    Raises:
        NotFound: there is none. Conflict: something waits or runs in it.
    """
    row = find(session, name)
    _refuse_while_used(session, row)
    session.delete(row)


def view(session: Session, row: ClusterRow, person: int) -> Cluster:
    """The record, with what is used of it and by the caller."""
    held = select(AllocationRow).join(JobRow, JobRow.id == AllocationRow.job_id).where(JobRow.cluster == row.name)
    rows = list(session.scalars(held))
    groups = {str(one.id): one.name for one in session.scalars(select(GroupRow))}
    return Cluster(
        name=row.name,
        description=row.description,
        device_type=row.device_type,
        cpu=row.cpu,
        memory=row.memory,
        gpu=len(row.devices),
        person=Quota.model_validate(row.person),
        hours=row.hours,
        groups=[groups[one] for one in row.groups if one in groups],
        use=use_of(rows),
        mine=use_of([one for one in rows if one.owner_id == person]),
    )


def _choose_devices(session: Session, capacity: Capacity, name: str, new: NewCluster) -> list[str]:
    """GPUs for the cluster: of its type, in no other cluster, idle ones first."""
    taken = {one for row in session.scalars(select(ClusterRow).where(ClusterRow.name != name)) for one in row.devices}
    held = {one for row in session.scalars(select(AllocationRow)) for one in row.devices}
    wanted = new.device_type
    there = [one for one in capacity.devices if one not in taken and wanted in (None, capacity.types.get(one))]
    if len(there) < new.gpu:
        kinds = Counter(capacity.types.get(one, "") for one in capacity.devices if one not in taken)
        raise Conflict(
            "too-few-devices",
            N_("There are {free} GPUs of type {type} outside the other virtual clusters; {asked} asked for."),
            hint=N_("The machine has: {types}."),
            field="gpu",
            free=len(there),
            type=wanted or "*",
            asked=new.gpu,
            types=", ".join(f"{count} × {kind}" for kind, count in sorted(kinds.items())) or "–",
        )
    return sorted(there, key=lambda one: (one in held, one))[: new.gpu]


def _refuse_too_much(session: Session, machine: Quota, name: str, new: NewCluster) -> None:
    others = list(session.scalars(select(ClusterRow).where(ClusterRow.name != name)))
    groups = list(session.scalars(select(GroupRow)))
    for resource in ("cpu", "memory", "gpu"):
        limit, asked = getattr(machine, resource), getattr(new, resource)
        used = sum(getattr(row, resource) for row in others) + sum(getattr(row.guaranteed, resource) for row in groups)
        if limit is not None and used + asked > limit:
            raise too_much(resource, used, limit, asked)


def too_much(resource: str, used: float, limit: float, asked: float) -> Conflict:
    """Shares and guarantees together would be more than there is."""
    sentences = {
        "cpu": N_("The machine has {limit} CPU cores; {used} are in clusters or guaranteed already, {asked} asked for."),
        "memory": N_("The machine has {limit} GiB of memory; {used} are in clusters or guaranteed already, {asked} asked for."),
        "gpu": N_("The machine has {limit} GPUs; {used} are in clusters or guaranteed already, {asked} asked for."),
    }
    unit = 2**30 if resource == "memory" else 1
    numbers = {key: f"{value / unit:.4g}" for key, value in (("limit", limit), ("used", used), ("asked", asked))}
    hint = N_("Ask for less, or take it from another cluster or guarantee first.")
    return Conflict("more-than-there-is", sentences[resource], hint=hint, field=resource, **numbers)


def _refuse_while_used(session: Session, row: ClusterRow) -> None:
    query = select(JobRow.name).where(JobRow.cluster == row.name, JobRow.state.not_in(ENDED))
    users = session.scalars(query.limit(5)).all()
    if users:
        raise Conflict(
            "cluster-in-use",
            N_("The virtual cluster {cluster} is used by {users}."),
            hint=N_("Wait until they have ended, or stop them."),
            cluster=row.name,
            users=", ".join(users),
        )
