"""Who has how much on the volume, and measuring it now."""

from __future__ import annotations

from fastapi import APIRouter
from trainyard.records.disk import DiskUse

from trainyard_service.api.datasets import ReadingDep
from trainyard_service.audit import AuditedRoute
from trainyard_service.disk.measure import PART, Measurer
from trainyard_service.disk.overview import overview
from trainyard_service.permissions import must_administrate

router = APIRouter(tags=["machine"], route_class=AuditedRoute)


@router.get("/usage/disk")
def get_disk(reading: ReadingDep) -> DiskUse:
    """Bytes by group and person: everybody's for administrators, the own part and the sums of one's groups for others."""
    with reading.context.database.read() as session:
        limits = reading.engine.ledger.limits(session)
        return overview(session, reading.context.home, limits, reading.caller)


@router.post("/usage/disk/measure", status_code=202)
def measure_now(reading: ReadingDep) -> None:
    """Measure shares, homes and run folders now instead of in some minutes; what was found shows when it is done."""
    must_administrate(reading.caller)
    measurer: Measurer | None = reading.context.parts.get(PART)
    if measurer is not None:
        measurer.soon()
