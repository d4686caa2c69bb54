"""The queue of a running platform: CPU of a job's life, cost of waiting, one admission among ten thousand, ten thousand runs.

All on the platform as ``make run`` starts it, but with 64 cores to give out, so that twenty jobs fit. The service's CPU time is
the kernel's count for its process. Rows for ten thousand jobs and runs are written into its database between two starts of the
service; the admission is timed inside a process of its own on that database, with the code the service runs.
"""

from __future__ import annotations

import sqlite3
import statistics
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from benchmarks.submit import prepare
from tests.browser.running import RunningPlatform

if TYPE_CHECKING:
    from benchmarks.run import Row

AT_ONCE, JOBS, SECONDS = 20, 60, 10
IDLE_SECONDS = 60
WAITING, RUNS = 1_000, 10_000
SLEEP = f"#!/bin/sh\nsleep {SECONDS}\n"


def rows() -> list[Row]:
    """Four rows; the limit is the peer."""
    platform = RunningPlatform()
    platform.set(SERVICE_CAPACITY_CPU="64", SERVICE_CAPACITY_MEMORY=str(2**38))
    try:
        platform.start()
        script = prepare(platform)
        platform.ask("PUT", "/groups/bench/quota", {"jobs": AT_ONCE})
        life = _cpu_of_a_job(platform, script)
        idle = _idle_share(platform)
        listed = _listed(platform)
        database = platform.home / "service" / "service.db"
        with platform.stopped("service"):
            decided = _admission(database)
    finally:
        platform.stop()
    return [
        _row("service CPU of a ten-second job over its whole life, 20 at a time, against 25 ms", life, 25, "ms"),
        _row("a core's share while 1,000 jobs wait and nothing changes, against 1 %", idle, 1, "%"),
        _row("admission of one job among 10,000 queued, against 10 ms", decided, 10, "ms"),
        _row("first page of 10,000 runs at the API, against 100 ms", listed, 100, "ms"),
    ]


def _row(name: str, ours: float, limit: float, unit: str) -> Row:
    return {"name": name, "ours": ours, "peer": limit, "unit": unit, "ratio": limit / ours, "reach": 1.0}


def _service(platform: RunningPlatform) -> psutil.Process:
    return psutil.Process(platform.processes()["service"].pid)


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system


def _submit(platform: RunningPlatform, name: str, script: Path) -> None:
    new = {"name": name, "group": "bench", "image": "mxnet", "package": "1Core2G"}
    platform.ask("POST", "/trainings", {**new, "entry": f"/workspace/mnt/group/bench/admin/{script.name}"})


def _cpu_of_a_job(platform: RunningPlatform, first: Path) -> float:
    """Milliseconds of the service's CPU for each job, submitting and ending included; what idling costs is included too."""
    script = first.with_name("sleep.sh")
    script.write_text(SLEEP)
    script.chmod(0o775)
    service = _service(platform)
    begin = _cpu(service)
    for number in range(JOBS):
        _submit(platform, f"life{number}", script)
    platform.wait_for("the end of all jobs", lambda: _finished(platform) >= JOBS, 400)
    return (_cpu(service) - begin) / JOBS * 1000


def _finished(platform: RunningPlatform) -> int:
    """How many have, by the database: asking the service again and again would be no part of a job's life."""
    database = platform.home / "service" / "service.db"
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=60)) as connection:
        return int(connection.execute("SELECT count(*) FROM jobs WHERE state = 'finished' AND kind = 'train'").fetchone()[0])


def _idle_share(platform: RunningPlatform) -> float:
    """Percent of a core over a minute in which a thousand jobs wait behind a quota and nothing happens."""
    platform.ask("PUT", "/groups/bench/quota", {"jobs": 0})
    _fill(platform.home / "service" / "service.db", WAITING, "queued", "idle")
    with platform.stopped("service"):
        pass
    platform.wait_for("the service", lambda: _answers(platform))
    time.sleep(30)  # the first pass reads everything, and 15 s after its start the service measures the volume
    service = _service(platform)
    begin, started = _cpu(service), time.monotonic()
    time.sleep(IDLE_SECONDS)
    return (_cpu(service) - begin) / (time.monotonic() - started) * 100


def _listed(platform: RunningPlatform) -> float:
    """Milliseconds until the first page of all runs has come, the median of nine."""
    _fill(platform.home / "service" / "service.db", RUNS, "finished", "old")

    def once() -> float:
        begin = time.perf_counter()
        assert platform.ask("GET", "/trainings", limit=50)["total"] >= RUNS
        return (time.perf_counter() - begin) * 1000

    once()
    return statistics.median(once() for _ in range(9))


def _answers(platform: RunningPlatform) -> bool:
    try:
        return bool(platform.ask("GET", "/me"))
    except Exception:
        return False


def _admission(database: Path) -> float:
    _fill(database, RUNS - WAITING, "queued", "queue")
    command = [sys.executable, "-m", "benchmarks._admission", str(database)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def _fill(database: Path, count: int, state: str, name: str) -> None:
    """So many trainings with their jobs, as copies of the newest; a hundred people of the same group own them."""
    with closing(sqlite3.connect(database, timeout=60)) as connection, connection:
        job = _columns(connection, "jobs")
        training = _columns(connection, "trainings")
        source = connection.execute("SELECT id, job_id FROM trainings ORDER BY created LIMIT 1").fetchone()
        packages = ("1Core2G", "2Core4G", "1Core6G", "2Core12G", "4Core24G", "8Core48G")
        for number in range(count):
            key = f"{hash((name, number)) & (2**64 - 1):016x}"
            changed = {"id": key, "state": state, "name": f"{name}{number}", "package": packages[number % 6], "attempt": 0}
            changed |= {"wanted": "run", "ended": None, "ending": None, "priority": 100 + number % 3}
            _copy(connection, "jobs", job, source[1], changed)
            _copy(connection, "trainings", training, source[0], {"id": key, "job_id": key, "name": f"{name}{number}"})


def _columns(connection: sqlite3.Connection, table: str) -> list[str]:
    return [str(row[1]) for row in connection.execute(f"PRAGMA table_info({table})")]


def _copy(connection: sqlite3.Connection, table: str, columns: list[str], source: str, changed: dict[str, object]) -> None:
    chosen = ", ".join(f":{name}" if name in changed else name for name in columns)
    into = ", ".join(columns)
    connection.execute(
        f"INSERT INTO {table} ({into}) SELECT {chosen} FROM {table} WHERE id = :source", {**changed, "source": source}
    )
