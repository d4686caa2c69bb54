"""The replicas of a job as the service knows them: who they are, what they take, what the launcher tells of them.

A job without replicas has one, whose name is empty and whose key is the job's own: there is one way for both.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Protocol

from trainyard.errors import NotFound
from trainyard.jobs.launch import LaunchState, Resources
from trainyard.jobs.replicas import Member, Part, Together, key_of, members, together
from trainyard.jobs.states import Cause, JobState
from trainyard.quotas import Amount, PackageSize
from trainyard.words import N_

from trainyard_service.database.tables.jobs import AllocationRow, JobRow

Parts = Sequence[Mapping[str, object]] | None
"""``JobRow.replicas``."""


@dataclass(frozen=True)
class Start:
    """One attempt about to be started; of a distributed job ``replica`` of it, with its own part of what the job holds."""

    job: JobRow
    devices: tuple[str, ...]
    resources: Resources
    replica: str = ""

    @property
    def key(self) -> str:
        """The launcher's key."""
        return key_of(self.job.key, self.replica)


def members_of(job: JobRow) -> list[Member]:
    """Every replica of a distributed job; empty where it is one process."""
    return members([Part.from_json(one) for one in job.replicas or ()], job.package)


def names_of(job: JobRow) -> list[str]:
    """The replicas' names."""
    return [one.name for one in members_of(job)] or [""]


def keys_of(job: JobRow) -> dict[str, str]:
    """The launcher's key of every replica of the present attempt, by name."""
    return {name: key_of(job.key, name) for name in names_of(job)}


def lead_key(job: JobRow) -> str:
    """The key of the process that stands for the job: the first worker."""
    return key_of(job.key, names_of(job)[0])


def packages_of(package: str, parts: Parts) -> list[str]:
    """Every package a job asks for."""
    return [str(one["package"] or package) for one in parts or ()] or [package]


def size_of(package: str, parts: Parts, sizes: Mapping[str, PackageSize]) -> PackageSize | None:
    """What all replicas take together, as a package; None when one of their packages is not offered."""
    if not parts:
        return sizes.get(package)
    found = [(sizes.get(str(one["package"] or package)), int(str(one["count"]))) for one in parts]
    known = [(size, count) for size, count in found if size is not None]
    if len(known) < len(found):
        return None
    amounts = [size.amount(0).times(count) for size, count in known]
    whole = sum(amounts, Amount())
    types = [size.gpu_type for size, _ in known if size.gpu and size.gpu_type]
    return PackageSize(package, whole.cpu, whole.memory, whole.gpu, next(iter(types), None))


def size_within(job: JobRow, replica: str, sizes: Mapping[str, PackageSize]) -> PackageSize | None:
    """What the job may use, or one replica of it; None when a package is not offered any more."""
    if not replica:
        return size_of(job.package, job.replicas, sizes)
    return next((sizes.get(one.package) for one in members_of(job) if one.name == replica), None)


def other_sizes(parts: Parts, sizes: Sequence[PackageSize]) -> list[PackageSize]:
    """What a job would take with each of the packages, as far as the choice concerns all its replicas."""
    if not parts:
        return list(sizes)
    if any(one["package"] for one in parts):
        return []
    count = sum(int(str(one["count"])) for one in parts)
    return [replace(one, cpu=one.cpu * count, memory=one.memory * count, gpu=one.gpu * count) for one in sizes]


def must_be_one(job: JobRow, replica: str) -> str:
    """The name of a replica of the job.

    Raises:
        NotFound: it has none of that name.
    """
    names = names_of(job)
    if replica not in names:
        raise NotFound(
            "no-such-replica",
            N_("{name} has no replica {replica}."),
            hint=N_("Choose one of: {replicas}.") if job.replicas else N_("It is one process: leave the replica out."),
            field="replica",
            name=job.name,
            replica=replica,
            replicas=", ".join(names),
        )
    return replica


def starts(job: JobRow, held: AllocationRow, sizes: Mapping[str, PackageSize]) -> list[Start]:
    """Every replica about to be started, with its part of what the job holds."""
    if not job.replicas:
        return [Start(job, tuple(held.devices), Resources(cpu=held.cpu, memory=held.memory, gpu=held.gpu))]
    devices, made = iter(held.devices), []
    for one in members_of(job):
        size = sizes[one.package]
        resources = Resources(cpu=size.cpu, memory=size.memory, gpu=size.gpu)
        made.append(Start(job, tuple(islice(devices, size.gpu)), resources, one.name))
    return made


class Starting(Protocol):
    """What is known of a job that has been admitted and does not run yet."""

    @property
    def row(self) -> JobRow:
        """It, of no session."""
        ...


def waits_its_turn(one: Starting, starting: Sequence[Starting], ask: Callable[[str], LaunchState | None]) -> bool:
    """Whether another gang of its group is on its way: two at once could each get a part of what both need, and neither run.
    One that the cluster's own queue holds has no part of anything, and may stay there for days.
    """
    job = one.row
    if not job.replicas or job.wanted != "run" or _begun(job, ask):
        return False
    others = (other.row for other in starting if other is not one)
    return any(other.replicas and other.group_id == job.group_id and _begun(other, ask, held=False) for other in others)


def _begun(job: JobRow, ask: Callable[[str], LaunchState | None], *, held: bool = True) -> bool:
    """Whether one of its replicas is known; ``held``: those that wait for admission count too."""
    known = (state for key in keys_of(job).values() if (state := ask(key)) is not None)
    return any(held or not state.held for state in known)


def look(
    job: JobRow, truth: Mapping[str, LaunchState], ask: Callable[[str], LaunchState | None], *, closing: bool = False
) -> Together:
    """What the launcher tells of a job's replicas, taken together; ``closing``: none is to be started any more."""
    states = {name: truth.get(key) or ask(key) for name, key in keys_of(job).items()}
    if job.state == JobState.RUNNING:
        states = {name: state or _lost(key_of(job.key, name)) for name, state in states.items()}
    return together(job.key, states, closing=closing or job.wanted != "run")


def _lost(key: str) -> LaunchState:
    """What has run and is not known any more."""
    return LaunchState(key=key, phase="ended", cause=Cause.SUPERVISOR_LOST)
