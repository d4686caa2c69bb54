"""One admission as a pass of the engine makes it: a row has changed, read it, decide.

``python -m benchmarks._admission DATABASE``
"""

from __future__ import annotations

import statistics
import sys
import time

from sqlalchemy import select
from trainyard.quotas import GIB
from trainyard_service.database.engine import Database
from trainyard_service.database.tables.jobs import JobRow
from trainyard_service.jobs.ledger import Capacity, Ledger
from trainyard_service.jobs.line import Line
from trainyard_service.jobs.settings import JobSettings

TURNS = 20


def main() -> None:
    """Print the median in milliseconds."""
    database = Database(f"sqlite:///{sys.argv[1]}")
    settings = JobSettings(capacity_cpu=64, capacity_memory=256 * GIB)
    line = Line(Ledger(settings, Capacity.of(settings, ())))
    with database.read() as session:
        line.read(session)
        line.decide(session)
        some = list(session.scalars(select(JobRow.id).where(JobRow.state == "queued").limit(TURNS)))
    taken = []
    for job_id in some:
        line.forget(job_id)
        begin = time.perf_counter()
        with database.write() as session:
            line.read(session, {job_id})
            assert line.decide(session, fresh=False).wait(job_id) is not None
        taken.append((time.perf_counter() - begin) * 1000)
    print(statistics.median(taken))
    print(len(line), "queued;", "each:", ", ".join(f"{one:.1f}" for one in taken), file=sys.stderr)


if __name__ == "__main__":
    main()
