"""The resource packages as one person in one group may use them; those above a quota say why not."""

from __future__ import annotations

from dataclasses import dataclass, replace

from sqlalchemy.orm import Session
from trainyard.errors import Unavailable
from trainyard.jobs.launch import Launcher, Node, Resources
from trainyard.quotas import GIB, Limits, PackageSize, Request, given_by, never
from trainyard.records.jobs import Package
from trainyard.words import N_, translate

from trainyard_service.identity import Caller
from trainyard_service.jobs.ledger import Capacity, Ledger

_NO_NODE = N_(
    "No single node has that much: {node} comes nearest with {cpu} CPU cores, {memory} GiB of memory and {gpu} GPUs. "
    "Nobody can start with it until there is a larger one."
)
_NOBODY_CAN = N_("Nobody can start with it until there is more.")


@dataclass(frozen=True)
class Asker:
    """Who asks in which group; ``workspace``: for a workspace, which may start small for tidying up a full disk.

    ``everything``: also the packages that are larger than the machine. ``cluster``: in this virtual cluster.
    """

    caller: Caller
    group: int | None
    language: str
    workspace: bool = False
    everything: bool = False
    cluster: str | None = None


def offered_packages(session: Session, ledger: Ledger, asker: Asker) -> list[Package]:
    """Every package the machine can give, or that is declared, in the order they are declared."""
    limits, caller, group_id, language = ledger.limits(session), asker.caller, asker.group, asker.language
    offered, declared = [], ledger.sizes(session).values()
    for size in declared if asker.everything else given_by(ledger.capacity.machine, declared):
        tidies = asker.workspace and size == ledger.smallest(session)
        amount = size.amount(jobs=0 if asker.workspace else 1)
        request = Request("offer", caller.id, group_id, amount, cluster=asker.cluster, device_type=size.gpu_type)
        shortage = never(request, replace(limits, stored={}) if tidies else limits)
        why_not = shortage.sentence(language, caller.groups.get(group_id, "") if group_id else "") if shortage else ""
        offered.append(_view(size, why_not))
    return offered


def declared_package(size: PackageSize, capacity: Capacity, nearest: Node | None, language: str) -> Package:
    """A package as its administrator is shown it: with a warning where even the empty machine could not give it, or no node of
    several could: ``nearest`` is the one that comes nearest then.
    """
    limits = Limits(capacity.machine, capacity.devices, types=capacity.types)
    shortage = never(Request("declared", 0, None, size.amount(), device_type=size.gpu_type), limits)
    if shortage is not None:
        return _view(size, f"{shortage.sentence(language)} {translate(_NOBODY_CAN, language)}")
    return _view(size, "" if nearest is None else _too_large_for(nearest, language))


def nearest_to(launcher: Launcher, size: PackageSize) -> Node | None:
    """The node that comes nearest to a package that no node could give; None where one could, or nobody can tell."""
    try:
        return launcher.nearest(Resources(cpu=size.cpu, memory=size.memory, gpu=size.gpu))
    except Unavailable:
        return None


def _too_large_for(node: Node, language: str) -> str:
    has = {"cpu": f"{node.cpu:.4g}", "memory": f"{node.memory / GIB:.4g}", "gpu": node.gpu}
    return translate(_NO_NODE, language, node=node.name, **has)


def _view(size: PackageSize, why_not: str) -> Package:
    return Package(
        name=size.name,
        cpu=size.cpu,
        memory=size.memory,
        gpu=size.gpu,
        gpu_type=size.gpu_type,
        available=not why_not,
        why_not=why_not,
    )
