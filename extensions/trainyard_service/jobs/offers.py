"""The resource packages as one person in one group may use them; those above a quota say why not."""

from __future__ import annotations

from sqlalchemy.orm import Session
from trainyard.quotas import Request, never, packages
from trainyard.records.jobs import Package

from trainyard_service.identity import Caller
from trainyard_service.jobs.ledger import Ledger


def offered_packages(session: Session, ledger: Ledger, caller: Caller, group_id: int | None, language: str) -> list[Package]:
    """Every package the machine can give, in the order they are declared."""
    limits = ledger.limits(session)
    offered = []
    for size in packages(ledger.settings.packages, ledger.capacity.machine):
        shortage = never(Request("offer", caller.id, group_id, size.amount()), limits)
        why_not = shortage.sentence(language, caller.groups.get(group_id, "") if group_id else "") if shortage else ""
        package = Package(
            name=size.name, cpu=size.cpu, memory=size.memory, gpu=size.gpu, available=not why_not, why_not=why_not
        )
        offered.append(package)
    return offered
