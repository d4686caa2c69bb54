"""The platform's state as gauges: what waits and runs, what is given out of what there is, who waits for a decision, the disk.

Asked of the database each time somebody looks, so that no count can drift from the rows.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator

from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from trainyard.jobs.states import ENDED, JobState
from trainyard.records.accounts import AccountState

from trainyard_service.context import Context
from trainyard_service.database.tables.accounts import AccountRow
from trainyard_service.database.tables.jobs import AllocationRow, JobRow
from trainyard_service.jobs.ledger import Capacity, use_of


class PlatformState(Collector):
    """Metrics of one running service, whose ledger knows ``capacity``."""

    def __init__(self, context: Context, capacity: Capacity) -> None:
        self._context = context
        self._capacity = capacity

    def collect(self) -> Iterator[Metric]:
        """Look into the database and at the volume."""
        with self._context.database.read() as session:
            yield _jobs(session)
            yield _applications(session)
            used = use_of(list(session.scalars(select(AllocationRow))))
        machine = self._capacity.machine
        workspaces = GaugeMetricFamily("trainyard_workspaces", "Workspaces that hold resources.")
        workspaces.add_metric((), used.workspaces)
        yield workspaces
        yield _resources(
            "trainyard_given_out", "Held by workspaces and jobs; memory in bytes.", used.cpu, used.memory, used.gpu
        )
        there = (machine.cpu or 0, machine.memory or 0, machine.gpu or 0)
        yield _resources("trainyard_capacity", "What may be given out; memory in bytes.", *there)
        disk = GaugeMetricFamily("trainyard_volume_bytes", "The platform's volume.", labels=("part",))
        whole = shutil.disk_usage(self._context.home.volume)
        disk.add_metric(("total",), whole.total)
        disk.add_metric(("free",), whole.free)
        yield disk


def _jobs(session: Session) -> Metric:
    """Jobs that have not ended, also states that no job is in: a line that vanishes is no alarm."""
    counted = select(JobRow.state, func.count()).where(JobRow.state.not_in(ENDED)).group_by(JobRow.state)
    found = {row[0]: row[1] for row in session.execute(counted)}
    jobs = GaugeMetricFamily("trainyard_jobs", "Jobs that have not ended, by state.", labels=("state",))
    for state in JobState:
        if state not in ENDED:
            jobs.add_metric((state.value,), found.get(state, 0))
    return jobs


def _applications(session: Session) -> Metric:
    waiting = select(func.count()).select_from(AccountRow).where(AccountRow.state == AccountState.APPLIED)
    applications = GaugeMetricFamily("trainyard_applications", "People who wait for an administrator's decision.")
    applications.add_metric((), session.scalar(waiting) or 0)
    return applications


def _resources(name: str, text: str, cpu: float, memory: float, gpu: float) -> Metric:
    gauge = GaugeMetricFamily(name, text, labels=("resource",))
    for resource, amount in (("cpu", cpu), ("memory", memory), ("gpu", gpu)):
        gauge.add_metric((resource,), amount)
    return gauge
