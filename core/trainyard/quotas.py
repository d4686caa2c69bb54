"""Who may start now, with which devices, and for everybody else why not, in numbers. Pure: no clock, no database.

Guarantees, held for any input by the property tests:

- what is started never takes a person, a group or the machine above a limit that it was below;
- within one scope (a person's share, a group's, the machine) nobody is overtaken by one behind who asks for as much or more;
- a device is given to one holder at a time, whole, and every holder of an amount gets exactly that many devices.

Who waits sets aside what is free in the scope that is short for them. So small requests behind may use what is left, and a
large request in front is not starved by a stream of small ones.

Bytes are another matter: nothing gives them back by ending. While a share of the disk is used up nothing starts in it, and what
would write more bytes than are left is refused beforehand (``room``).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from trainyard.records.accounts import Quota
from trainyard.words import N_, translate

GIB = 2**30
COUNTED = ("jobs", "gpu", "cpu", "memory")
_SLACK = 1e-9


@dataclass(frozen=True)
class Amount:
    """What is asked for or held: cores, bytes, whole GPUs, and places for running jobs (a workspace takes none)."""

    cpu: float = 0
    memory: int = 0
    gpu: int = 0
    jobs: int = 0

    def __add__(self, other: Amount) -> Amount:
        return Amount(self.cpu + other.cpu, self.memory + other.memory, self.gpu + other.gpu, self.jobs + other.jobs)


@dataclass(frozen=True)
class Holding:
    """One row of the ledger. ``group`` None is the platform's share for people without a group."""

    person: int
    group: int | None
    amount: Amount
    devices: tuple[str, ...] = ()


@dataclass(frozen=True)
class Request:
    """One that wants to start. Higher ``priority`` goes first, then earlier ``submitted`` (seconds), then the smaller key."""

    key: str
    person: int
    group: int | None
    amount: Amount
    priority: int = 100
    submitted: float = 0


@dataclass(frozen=True)
class Limits:
    """All limits: the machine's capacity and devices, each group's quota, each person's within a group.

    ``groups[None]`` is the share of newcomers, all together. A group or person that is not named has no limit of its own.
    ``stored`` holds the bytes that lie on the volume now, by group and person (None: nobody in particular).
    """

    machine: Quota
    devices: tuple[str, ...] = ()
    groups: Mapping[int | None, Quota] = field(default_factory=dict)
    persons: Mapping[tuple[int | None, int], Quota] = field(default_factory=dict)
    stored: Mapping[tuple[int | None, int | None], int] = field(default_factory=dict)


class Scope(StrEnum):
    """Whose limit it is."""

    PERSON = "person"
    GROUP = "group"
    NEWCOMERS = "newcomers"
    MACHINE = "machine"


@dataclass(frozen=True)
class Shortage:
    """Why a request does not start: in ``scope``, ``used`` of ``limit`` are taken (or set aside for those in front).

    ``resource`` is a field of Quota; memory and disk are in bytes.
    """

    scope: Scope
    resource: str
    used: float
    limit: float
    asked: float

    def sentence(self, language: str = "en", group: str = "") -> str:
        """The reason with its numbers; ``group`` is the group's name."""
        values = {name: _shown(self.resource, getattr(self, name)) for name in ("used", "limit", "asked")}
        if self.resource == "disk":
            sentences = _DISK_ASKED if self.asked else _DISK_FULL
            return translate(sentences[self.scope], language, **values, group=group)
        return translate(_SENTENCES[self.scope], language, **values, group=group, resource=self.resource_name(language))

    def resource_name(self, language: str = "en") -> str:
        """What is short, in words."""
        return translate(_RESOURCES[self.resource], language)


@dataclass(frozen=True)
class Wait:
    """One that does not start now; ``place`` counts from 1 among all that wait."""

    place: int
    shortage: Shortage


@dataclass(frozen=True)
class Admission:
    """Who starts now with which devices, and why the others wait; both by the request's key, in the queue's order."""

    starts: dict[str, tuple[str, ...]]
    waits: dict[str, Wait]


_SENTENCES = {
    Scope.PERSON: N_("Your own share of {group} allows {limit} {resource}; {used} in use, {asked} asked for."),
    Scope.GROUP: N_("The quota of group {group} allows {limit} {resource}; {used} in use, {asked} asked for."),
    Scope.NEWCOMERS: N_("The share for people without a group has {limit} {resource}; {used} in use, {asked} asked for."),
    Scope.MACHINE: N_("The machine has {limit} {resource}; {used} in use, {asked} asked for."),
}
_DISK_ASKED = {
    Scope.PERSON: N_("Your own share of {group} allows {limit} on disk; {used} in use, {asked} asked for."),
    Scope.GROUP: N_("The quota of group {group} allows {limit} on disk; {used} in use, {asked} asked for."),
    Scope.NEWCOMERS: N_("The share for people without a group has {limit} on disk; {used} in use, {asked} asked for."),
}
_DISK_FULL = {
    Scope.PERSON: N_("Your own share of {group} on disk is used up: {used} of {limit}."),
    Scope.GROUP: N_("The disk quota of group {group} is used up: {used} of {limit}."),
    Scope.NEWCOMERS: N_("The disk share for people without a group is used up: {used} of {limit}."),
}
_RESOURCES = {
    "cpu": N_("CPU cores"),
    "memory": N_("GiB of memory"),
    "gpu": N_("GPUs"),
    "jobs": N_("running jobs"),
    "disk": N_("disk space"),
}
_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")


def readable(count: float) -> str:
    """Bytes as people read them: ``1.5 GiB``."""
    step = 0
    while abs(count) >= 1024 and step < len(_UNITS) - 1:
        count, step = count / 1024, step + 1
    return f"{count:.3g} {_UNITS[step]}" if count < 1000 else f"{count:.0f} {_UNITS[step]}"


def _shown(resource: str, value: float) -> str:
    if resource == "disk":
        return readable(value)
    return f"{value / GIB:.4g}" if resource == "memory" else f"{value:.4g}"


class _Account:
    """What is used in one scope, with what is set aside for those in front."""

    def __init__(self, scope: Scope, quota: Quota, stored: int = 0) -> None:
        self.scope = scope
        self.stored, self.disk = stored, quota.disk
        self.limits = {name: limit for name in COUNTED if (limit := getattr(quota, name)) is not None}
        self.used: dict[str, float] = dict.fromkeys(COUNTED, 0)
        self.set_aside: dict[str, float] = dict.fromkeys(COUNTED, 0)

    def take(self, amount: Amount) -> None:
        for name in COUNTED:
            self.used[name] += getattr(amount, name)

    def wait_for(self, amount: Amount) -> None:
        """Set aside what is free, up to ``amount``, so that nobody behind takes it."""
        for name, limit in self.limits.items():
            free = max(0, limit - self.used[name] - self.set_aside[name])
            self.set_aside[name] += min(free, getattr(amount, name))

    def shortage(self, amount: Amount) -> Shortage | None:
        if full := self.no_room(0):
            return full
        for name, limit in self.limits.items():
            asked, used = getattr(amount, name), self.used[name] + self.set_aside[name]
            if asked and used + asked > limit + _SLACK:
                return Shortage(self.scope, name, used, limit, asked)
        return None

    def no_room(self, asked: int) -> Shortage | None:
        """What is short for ``asked`` more bytes; when nothing in particular is asked for, one must be left."""
        if self.disk is None or self.stored + max(asked, 1) <= self.disk:
            return None
        return Shortage(self.scope, "disk", self.stored, self.disk, asked)


class _Books:
    """The accounts of one look at the ledger, made as they are needed."""

    def __init__(self, holdings: Iterable[Holding], limits: Limits) -> None:
        self._limits = limits
        self._accounts: dict[object, _Account] = {}
        self._stored: Counter[int | None] = Counter()
        for (group, _person), count in limits.stored.items():
            self._stored[group] += count
        self.free_devices = list(limits.devices)
        for holding in holdings:
            self.take(holding.person, holding.group, holding.amount)
            self.free_devices = [device for device in self.free_devices if device not in holding.devices]

    def accounts(self, person: int, group: int | None) -> list[_Account]:
        limits, of_group = self._limits, Scope.NEWCOMERS if group is None else Scope.GROUP
        own, whole = limits.stored.get((group, person), 0), self._stored.get(group, 0)
        return [
            self._account((group, person), Scope.PERSON, limits.persons.get((group, person), Quota()), own),
            self._account(group, of_group, limits.groups.get(group, Quota()), whole),
            self._account("machine", Scope.MACHINE, limits.machine.model_copy(update={"disk": None})),
        ]

    def take(self, person: int, group: int | None, amount: Amount) -> None:
        for account in self.accounts(person, group):
            account.take(amount)

    def shortage(self, request: Request) -> tuple[_Account, Shortage] | None:
        accounts = self.accounts(request.person, request.group)
        for account in accounts:
            if shortage := account.shortage(request.amount):
                return account, shortage
        held = len(self._limits.devices) - len(self.free_devices)
        if request.amount.gpu > len(self.free_devices):
            total = len(self._limits.devices)
            return accounts[-1], Shortage(Scope.MACHINE, "gpu", held, total, request.amount.gpu)
        return None

    def start(self, request: Request) -> tuple[str, ...]:
        self.take(request.person, request.group, request.amount)
        devices, self.free_devices = self.free_devices[: request.amount.gpu], self.free_devices[request.amount.gpu :]
        return tuple(devices)

    def _account(self, key: object, scope: Scope, quota: Quota, stored: int = 0) -> _Account:
        return self._accounts.setdefault(key, _Account(scope, quota, stored))


def admit(queue: Iterable[Request], holdings: Iterable[Holding], limits: Limits) -> Admission:
    """Go through the queue in its order and say who starts and why the others wait."""
    books = _Books(holdings, limits)
    admission = Admission({}, {})
    for request in sorted(queue, key=lambda item: (-item.priority, item.submitted, item.key)):
        short = books.shortage(request)
        if short is None:
            admission.starts[request.key] = books.start(request)
        else:
            account, shortage = short
            account.wait_for(request.amount)
            admission.waits[request.key] = Wait(len(admission.waits) + 1, shortage)
    return admission


def fits(request: Request, holdings: Iterable[Holding], limits: Limits) -> tuple[str, ...] | Shortage:
    """The devices for one request that does not queue (a workspace), or what it is short of now."""
    books = _Books(holdings, limits)
    short = books.shortage(request)
    return short[1] if short else books.start(request)


def never(request: Request, limits: Limits) -> Shortage | None:
    """What makes the request impossible even when nothing else runs, or None."""
    outcome = fits(request, (), limits)
    return outcome if isinstance(outcome, Shortage) else None


def room(person: int, group: int | None, asked: int, limits: Limits) -> Shortage | None:
    """What is short for writing ``asked`` more bytes that are charged to ``person`` in ``group``, or None."""
    for account in _Books((), limits).accounts(person, group):
        if shortage := account.no_room(asked):
            return shortage
    return None


@dataclass(frozen=True)
class PackageSize:
    """A resource package's name and what it gives; ``memory`` in bytes."""

    name: str
    cpu: float
    memory: int
    gpu: int = 0

    def amount(self, jobs: int = 1) -> Amount:
        """What it takes from the ledger."""
        return Amount(self.cpu, self.memory, self.gpu, jobs)


_PACKAGE = re.compile(r"(?:(?P<gpu>\d+)GPU)?(?P<cpu>\d+)Core(?P<memory>\d+)G")


def package(name: str) -> PackageSize:
    """What the name of a package says: ``2Core4G``, ``1GPU4Core60G``.

    Raises:
        ValueError: the name is not of this form.
    """
    match = _PACKAGE.fullmatch(name)
    if match is None or int(match["cpu"]) == 0 or int(match["memory"]) == 0:
        raise ValueError(f"{name!r} is not the name of a package such as 2Core4G or 1GPU4Core60G")
    return PackageSize(name, int(match["cpu"]), int(match["memory"]) * GIB, int(match["gpu"] or 0))


def packages(names: Sequence[str], machine: Quota) -> list[PackageSize]:
    """Those of the named packages that the empty machine can give, in the order given."""
    sizes = [package(name) for name in names]
    return [size for size in sizes if _Account(Scope.MACHINE, machine).shortage(size.amount()) is None]
