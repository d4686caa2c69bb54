"""What is asked for, what is held and what the limits are: the facts an admission is decided on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from trainyard.records.accounts import Quota

GIB = 2**30
COUNTED = ("jobs", "gpu", "cpu", "memory")
Vector = tuple[float, float, float, float]
"""One number for each of ``COUNTED``."""
Asked = tuple[tuple[int, float], ...]
"""The numbers that are not zero, with their places in ``COUNTED``."""


@dataclass(frozen=True)
class Amount:
    """What is asked for or held: cores, bytes, whole GPUs, and places for running jobs (a workspace takes none)."""

    cpu: float = 0
    memory: int = 0
    gpu: int = 0
    jobs: int = 0

    def __add__(self, other: Amount) -> Amount:
        return Amount(self.cpu + other.cpu, self.memory + other.memory, self.gpu + other.gpu, self.jobs + other.jobs)

    def times(self, replicas: int) -> Amount:
        """What so many replicas take together; they are one running job."""
        return Amount(self.cpu * replicas, self.memory * replicas, self.gpu * replicas, self.jobs)

    @property
    def vector(self) -> Vector:
        """The numbers in the order of ``COUNTED``."""
        return (self.jobs, self.gpu, self.cpu, self.memory)

    @property
    def asked(self) -> Asked:
        """The numbers that are not zero."""
        return tuple((place, number) for place, number in enumerate(self.vector) if number)


@dataclass(frozen=True)
class Holding:
    """One row of the ledger. ``group`` None is the platform's share for people without a group.

    ``ending``: it was asked to stop, what it holds comes back soon. ``ends`` is when its time limit stops it (seconds), None if
    nothing does; ``since`` when it was given.
    """

    person: int
    group: int | None
    amount: Amount
    devices: tuple[str, ...] = ()
    key: str = ""
    preemptible: bool = False
    cluster: str | None = None
    ending: bool = False
    since: float = 0
    ends: float | None = None


class Shape(NamedTuple):
    """What makes requests interchangeable but for their turn: whose they are, and what they ask for altogether."""

    person: int
    group: int | None
    amount: Amount
    preemptible: bool
    cluster: str | None
    device_type: str | None


class Turn(NamedTuple):
    """Where a request stands: those that may not be stopped first, then priority, then time, then the smaller key."""

    preemptible: bool
    descending: int
    submitted: float
    key: str


@dataclass(frozen=True)
class Request:
    """One that wants to start: ``replicas`` times ``amount``, all of them or none.

    Higher ``priority`` goes first, then earlier ``submitted`` (seconds). ``preemptible`` ones come behind all others and give
    back what they hold when others want it. ``cluster`` names a virtual cluster; ``device_type`` the GPUs asked for, None any.
    ``seconds`` is how long it may run, None without end.
    """

    key: str
    person: int
    group: int | None
    amount: Amount
    priority: int = 100
    submitted: float = 0
    preemptible: bool = False
    cluster: str | None = None
    device_type: str | None = None
    replicas: int = 1
    seconds: float | None = None

    @property
    def turn(self) -> Turn:
        """Its place in the order of the queue."""
        return Turn(self.preemptible, -self.priority, self.submitted, self.key)

    @property
    def shape(self) -> Shape:
        """What it has in common with others that start or wait like it."""
        amount = self.amount if self.replicas == 1 else self.amount.times(self.replicas)
        return Shape(self.person, self.group, amount, self.preemptible, self.cluster, self.device_type)

    def held(self, devices: tuple[str, ...] = (), since: float = 0, ends: float | None = None) -> Holding:
        """What it holds once it has started."""
        shape = self.shape
        return Holding(
            self.person, self.group, shape.amount, devices, self.key, self.preemptible, self.cluster, since=since, ends=ends
        )


@dataclass(frozen=True)
class Share:
    """A virtual cluster: a part of the machine for itself, with these GPUs; ``person`` is what each person may use of it."""

    quota: Quota
    devices: tuple[str, ...] = ()
    person: Quota = field(default_factory=Quota)


@dataclass(frozen=True)
class Limits:
    """All limits: the machine's capacity and devices, each group's quota, each person's within a group.

    ``groups[None]`` is the share of newcomers, all together. A group or person that is not named has no limit of its own.
    ``stored`` holds the bytes that lie on the volume now, by group and person (None: nobody in particular). ``guaranteed`` is
    what a group gets before anybody borrows; together they must not exceed what the machine has outside its ``clusters``.
    ``types`` tells the type of each device.
    """

    machine: Quota
    devices: tuple[str, ...] = ()
    groups: Mapping[int | None, Quota] = field(default_factory=dict)
    persons: Mapping[tuple[int | None, int], Quota] = field(default_factory=dict)
    stored: Mapping[tuple[int | None, int | None], int] = field(default_factory=dict)
    guaranteed: Mapping[int | None, Amount] = field(default_factory=dict)
    clusters: Mapping[str, Share] = field(default_factory=dict)
    types: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def rest(self) -> Quota:
        """What the machine has outside the virtual clusters."""
        left = {name: getattr(self.machine, name) for name in ("cpu", "memory", "gpu")}
        for share in self.clusters.values():
            for name, there in left.items():
                if there is not None:
                    left[name] = max(0, there - (getattr(share.quota, name) or 0))
        return Quota(**left)

    @cached_property
    def pools(self) -> dict[str, str | None]:
        """The virtual cluster of each device; None is the rest of the machine."""
        owners = {device: name for name, share in self.clusters.items() for device in share.devices}
        return {device: owners.get(device) for device in self.devices}
