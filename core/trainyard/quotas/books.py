"""The accounts of one look at the ledger, made as they are needed: whom a request must fit, and whom it may send away."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from trainyard.quotas.account import Account, add
from trainyard.quotas.asked import Asked, Holding, Limits, Shape, Share, Vector
from trainyard.quotas.queue import Lane
from trainyard.quotas.shortage import Scope
from trainyard.records.accounts import Quota

_NOTHING = Quota()
_GONE = Share(Quota(cpu=0, memory=0, gpu=0, jobs=0))
_NONE = [0.0, 0.0, 0.0, 0.0]
_ONE_DEVICE: Vector = (0, 1, 0, 0)
_EVERYWHERE = "*"
_Where = tuple[str | None, str | None]
"""Whose devices (a cluster, None for the rest, everywhere), and of which type (None: any)."""


class Books:
    """What is used in every scope, with what leaves, is promised and is set aside."""

    def __init__(self, holdings: Iterable[Holding], limits: Limits) -> None:
        self.limits = limits
        self._accounts: dict[object, Account] = {}
        self._of_kind: dict[object, list[Account]] = {}
        self._stored: Counter[int | None] = Counter()
        for (group, _person), count in limits.stored.items():
            self._stored[group] += count
        self._count: Counter[_Where] = Counter()
        for device in limits.devices:
            for where in self._places_of(device):
                self._count[where] += 1
        self.free_devices = dict.fromkeys(limits.devices)
        self._loose: list[Holding] = []
        for holding in holdings:
            self._hold(holding)
        self._loose.sort(key=lambda one: (one.since, one.key), reverse=True)

    def accounts(self, shape: Shape) -> list[Account]:
        """The accounts a request must fit: person, group, virtual cluster, machine, devices, in the order they are told."""
        kind = (shape.person, shape.group, shape.preemptible, shape.cluster, shape.device_type, shape.amount.gpu > 0)
        found = self._of_kind.get(kind)
        if found is None:
            found = self._of_kind[kind] = [*self.scopes(shape), *self._device_accounts(shape)]
        return found

    def blocking(self, lane: Lane) -> Account | None:
        """The first account that has not enough for the lane's next to start now."""
        asked, waits = lane.asked, lane.shape.preemptible
        for account in self.accounts(lane.shape):
            if not account.lets(asked, waits=waits):
                return account
        return None

    def own_share_is_short(self, lane: Lane) -> bool:
        """Whether its person's or group's own limits keep it from starting, whatever the machine has."""
        return not all(one.lets(lane.asked, waits=False) for one in self.accounts(lane.shape)[:2])

    def start(self, shape: Shape) -> tuple[str, ...]:
        """Take what it asks for; its devices."""
        devices = pick(self.limits, shape, self.free_devices)
        for account, vector in self._parts(shape, devices):
            account.change("used", vector)
        for device in devices:
            del self.free_devices[device]
        return devices

    def promise(self, shape: Shape, victims: Sequence[Holding]) -> None:
        """Keep what it asks for until ``victims`` and whoever else leaves are gone."""
        for victim in victims:
            self._loose.remove(victim)
            for account, vector in self._parts_of(victim):
                account.change("leaving", vector)
                account.change("loose", vector, -1)
        promised = self.accounts(shape)
        if shape.amount.gpu and (shape.cluster is not None or not shape.preemptible):
            # the preemptible may use any device: they are told as well
            promised = [*promised, *(self._devices((_EVERYWHERE, kind)) for kind in _types(shape))]
        for account in promised:
            account.change("promised", shape.amount.vector)

    def victims(self, lane: Lane) -> list[Holding] | None:
        """The preemptible holdings that have to go so that it can start: few, the newest first; None if that is not enough.

        An empty list: what leaves already is enough.
        """
        accounts, asked = self.accounts(lane.shape), lane.asked
        if not all(one.could(asked) for one in accounts):
            return None
        if not self._lacking(accounts, asked, []):
            return []
        for one in self._loose:
            if not self._lacking(accounts, asked, [one]):
                return [one]
        chosen = list(self._loose)
        for one in self._loose[::-1]:
            fewer = [other for other in chosen if other is not one]
            if not self._lacking(accounts, asked, fewer):
                chosen = fewer  # the oldest first: they go on
        return chosen

    def scopes(self, shape: Shape) -> list[Account]:
        """The accounts without those of single devices."""
        limits, person, group = self.limits, shape.person, shape.group
        own, of_group = limits.stored.get((group, person), 0), Scope.NEWCOMERS if group is None else Scope.GROUP
        accounts = [
            self._account((group, person), Scope.PERSON, limits.persons.get((group, person), _NOTHING), own),
            self._account(group, of_group, limits.groups.get(group, _NOTHING), self._stored.get(group, 0)),
        ]
        if shape.cluster is not None:
            accounts += self._cluster_accounts(shape.cluster, person)
        elif limits.clusters and not shape.preemptible:
            accounts.append(self.rest)
        return [*accounts, self.machine]

    @property
    def machine(self) -> Account:
        """The whole machine."""
        account = self._accounts.get("machine")
        if account is None:
            quota = self.limits.machine.model_copy(update={"disk": None})
            account = self._account("machine", Scope.MACHINE, quota)
        return account

    @property
    def rest(self) -> Account:
        """What the machine has outside the virtual clusters, for those who may not be preempted."""
        if not self.limits.clusters:
            return self.machine
        return self._account("rest", Scope.REST, self.limits.rest)

    def rest_devices(self) -> Account:
        """The devices outside the virtual clusters."""
        return self._devices((None, None))

    def _cluster_accounts(self, name: str, person: int) -> list[Account]:
        share = self.limits.clusters.get(name) or _GONE
        whole = self._account(("cluster", name), Scope.CLUSTER, share.quota)
        own = self._account(("cluster", name, person), Scope.CLUSTER_PERSON, share.person)
        whole.cluster = own.cluster = name
        return [own, whole]

    def _device_accounts(self, shape: Shape) -> list[Account]:
        if not shape.amount.gpu:
            return []
        whose = _EVERYWHERE if shape.preemptible and shape.cluster is None else shape.cluster
        return [self._devices((whose, kind)) for kind in _types(shape)]

    def _devices(self, where: _Where) -> Account:
        whose, kind = where
        account = self._accounts.get(("devices", where))
        if account is None:
            alone = Scope.REST if self.limits.clusters else Scope.MACHINE
            scope = {None: alone, _EVERYWHERE: Scope.MACHINE}.get(whose, Scope.CLUSTER)
            account = self._account(("devices", where), scope, Quota(gpu=self._count[where]))
            account.device_type = kind or ""
            account.cluster = whose if scope is Scope.CLUSTER and whose else ""
        return account

    def _places_of(self, device: str) -> list[_Where]:
        kind, whose = self.limits.types.get(device), self.limits.pools.get(device)
        places: list[_Where] = [(whose, None), (_EVERYWHERE, None)]
        return places + ([(whose, kind), (_EVERYWHERE, kind)] if kind else [])

    def _hold(self, holding: Holding) -> None:
        loose = holding.preemptible and not holding.ending
        for device in holding.devices:
            self.free_devices.pop(device, None)
        if loose:
            self._loose.append(holding)
        for account, vector in self._parts_of(holding):
            account.change("used", vector)
            if holding.ending:
                account.change("leaving", vector)
            elif loose:
                account.change("loose", vector)

    def _parts_of(self, holding: Holding) -> list[tuple[Account, Vector]]:
        shape = Shape(holding.person, holding.group, holding.amount, holding.preemptible, holding.cluster, None)
        return self._parts(shape, holding.devices)

    def _parts(self, shape: Shape, devices: Sequence[str]) -> list[tuple[Account, Vector]]:
        """Where something that is held counts, and how much."""
        of_scopes = [(account, shape.amount.vector) for account in self.scopes(shape)]
        of_devices = [(self._devices(where), _ONE_DEVICE) for device in devices for where in self._places_of(device)]
        return of_scopes + of_devices

    def _lacking(self, accounts: list[Account], asked: Asked, gone: Sequence[Holding]) -> bool:
        """Whether something would still be short with ``gone`` out of the way."""
        freed: dict[Account, list[float]] = {}
        for account, vector in (part for one in gone for part in self._parts_of(one)):
            add(freed.setdefault(account, [0.0, 0.0, 0.0, 0.0]), vector)
        return any(account.lacks(asked, freed.get(account, _NONE)) for account in accounts)

    def _account(self, key: object, scope: Scope, quota: Quota, stored: int = 0) -> Account:
        account = self._accounts.get(key)
        if account is None:
            account = self._accounts[key] = Account(scope, quota, stored)
        return account


def _types(shape: Shape) -> tuple[str | None, ...]:
    return (None,) if shape.device_type is None else (shape.device_type, None)


def pick(limits: Limits, shape: Shape, free: Iterable[str]) -> tuple[str, ...]:
    """Devices for a request that fits: of its own part of the machine, all of one type if that can be."""
    count = shape.amount.gpu
    if not count:
        return ()
    anywhere = shape.preemptible and shape.cluster is None
    usable = [one for one in free if anywhere or limits.pools.get(one) == shape.cluster]
    if shape.device_type is not None:
        usable = [one for one in usable if limits.types.get(one) == shape.device_type]
    by_type: dict[str | None, list[str]] = {}
    for device in usable:
        by_type.setdefault(limits.types.get(device), []).append(device)
    # the type with the fewest left that is enough, so that larger requests find theirs whole
    alike = min((one for one in by_type.values() if len(one) >= count), key=len, default=usable)
    return tuple(alike[:count])
