"""Resource packages: a name for what one start takes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from trainyard.quotas.account import Account
from trainyard.quotas.asked import GIB, Amount
from trainyard.quotas.shortage import Scope
from trainyard.records.accounts import Quota


@dataclass(frozen=True)
class PackageSize:
    """A resource package's name and what it gives; ``memory`` in bytes. ``gpu_type`` None: any GPU does."""

    name: str
    cpu: float
    memory: int
    gpu: int = 0
    gpu_type: str | None = None

    def amount(self, jobs: int = 1) -> Amount:
        """What it takes from the ledger."""
        return Amount(self.cpu, self.memory, self.gpu, jobs)

    @property
    def rank(self) -> tuple[float, float, float]:
        """Larger packages have a larger rank: GPUs count most, then memory, then cores."""
        return (self.gpu, self.memory, self.cpu)


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


def given_by(machine: Quota, sizes: Iterable[PackageSize]) -> list[PackageSize]:
    """Those packages that the empty machine can give, in the order given."""
    whole = Account(Scope.MACHINE, machine)
    return [size for size in sizes if whole.lets(size.amount().asked, waits=False)]


def packages(names: Sequence[str], machine: Quota) -> list[PackageSize]:
    """Those of the named packages that the empty machine can give, in the order given."""
    return given_by(machine, map(package, names))
