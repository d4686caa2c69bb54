"""What a training asks of the queue: package, virtual cluster, time, priority; refused here if it could never start."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session
from trainyard.errors import Invalid
from trainyard.jobs.replicas import parts_of
from trainyard.quotas import PackageSize, Request
from trainyard.records.distributed import Distributed
from trainyard.records.trainings import NewTraining
from trainyard.words import N_

from trainyard_service.jobs import clusters
from trainyard_service.jobs.gang import packages_of
from trainyard_service.jobs.ledger import Ledger

_PEOPLE, _ADMINISTRATORS = (100, 200), (1, 1000)


@dataclass(frozen=True)
class Claimant:
    """Whose training it is and who is charged, whether an administrator asks, and the priority it has already."""

    person: int
    group: int
    administrator: bool
    priority: int | None = None


def checked(session: Session, ledger: Ledger, claimant: Claimant, new: NewTraining) -> PackageSize:
    """What all its replicas take together, if all that is asked for may be.

    Raises:
        UserError: no such package or cluster, more hours or priority than allowed, or more than there ever is.
    """
    parts = parts_stored(new.distributed)
    size = ledger.whole(session, new.package, parts)
    _refuse_two_types(ledger.sizes(session), packages_of(new.package, parts))
    if new.cluster is None:
        clusters.refuse_longer(new.hours, ledger.settings.training_hours)
    else:
        clusters.must_use(session, new.cluster, claimant.group, new.hours)
    if new.priority != claimant.priority:
        _refuse_priority(claimant.administrator, new.priority)
    amount = size.amount()
    request = Request("new", claimant.person, claimant.group, amount, cluster=new.cluster, device_type=size.gpu_type)
    ledger.refuse_impossible(session, request, new.group)
    return size


def parts_stored(distributed: Distributed | None) -> list[dict[str, Any]] | None:
    """The replicas as ``JobRow.replicas`` holds them."""
    return None if distributed is None else [part.to_json() for part in parts_of(distributed)]


def _refuse_two_types(sizes: Mapping[str, PackageSize], names: Sequence[str]) -> None:
    """The queue gives all replicas of a job GPUs of one type."""
    types = {kind: name for name in names if sizes[name].gpu and (kind := sizes[name].gpu_type)}
    if len(types) > 1:
        raise Invalid(
            "two-gpu-types",
            N_("The packages of the replicas ask for GPUs of different types: {packages}."),
            hint=N_("Choose packages with the same type of GPU, or without GPUs."),
            field="distributed",
            packages=", ".join(f"{name} ({kind})" for kind, name in types.items()),
        )


def _refuse_priority(administrator: bool, priority: int) -> None:
    low, high = _ADMINISTRATORS if administrator else _PEOPLE
    if not low <= priority <= high:
        raise Invalid(
            "priority-out-of-range",
            N_("The priority {priority} is not between {low} and {high}."),
            hint=N_("100 is usual; higher goes first."),
            field="priority",
            priority=priority,
            low=low,
            high=high,
        )
