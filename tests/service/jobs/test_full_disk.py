"""The disk of the service's own database runs full: nothing is lost or started twice, and all goes on when there is room."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.exc import OperationalError
from trainyard.jobs.states import JobState
from trainyard_service.database.engine import Database
from trainyard_service.database.tables.jobs import AllocationRow, JobRow
from trainyard_service.jobs import life

pytestmark = pytest.mark.one_database
S = JobState
SLEEP = "import time; time.sleep(600)"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of a few megabytes."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("only root mounts")
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", folder], check=False).returncode:
        pytest.skip("this machine does not let us mount")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


@pytest.fixture
def yard(yard: Any, small_disk: Path) -> Iterator[Any]:
    """The same over a database that lies on the small disk."""
    place = small_disk / "service.sqlite"
    with sqlite3.connect(yard.context.database.engine.url.database) as before, sqlite3.connect(place) as now:
        before.backup(now)
    database = Database(f"sqlite:///{place}")
    database.after_commit.append(yard.context.events.after_commit)
    yard.context.database = database
    yield yard
    database.close()


def fill(disk: Path) -> Path:
    """Every byte that is left."""
    file = disk / "somebody-elses"
    with file.open("wb", buffering=0) as target, suppress(OSError):
        while True:
            target.write(b"x" * 4096)
    return file


def test_while_the_disk_is_full_nothing_begins_and_then_all_goes_on(yard: Any, small_disk: Path) -> None:
    engine, owner = yard.engine(), yard.person("alice")
    dead, living = (yard.submit(owner, program=SLEEP) for _ in range(2))
    yard.passes(engine, lambda: {yard.job(dead).state, yard.job(living).state} == {S.RUNNING})
    full, submitted = fill(small_disk), list[str]()
    with pytest.raises(OperationalError, match="full"):
        while True:  # the write-ahead log has some room left
            submitted.append(yard.submit(owner, program=f"{SLEEP}  # {'x' * 10_000}"))
    yard.launcher.lose_supervisor(f"job-{dead}-1")
    for _ in range(5):
        yard.engine().reconcile()  # one that is killed and started again finds the disk as full
    assert (yard.job(dead).state, yard.launcher.started) == (S.RUNNING, [f"job-{dead}-1", f"job-{living}-1"])
    full.unlink()
    yard.until(yard.engine(), dead, S.FAILED)
    assert yard.job(living).state == S.RUNNING
    engine = yard.engine()
    for job_id in (living, *submitted):
        with yard.context.database.write() as session:
            life.want_stop(session, session.get_one(JobRow, job_id), "alice")
    yard.passes(engine, lambda: all(yard.job(job_id).state == S.STOPPED for job_id in (living, *submitted)))
    with yard.context.database.read() as session:
        assert session.scalars(select(AllocationRow.key)).all() == []
    assert len(yard.launcher.started) == len(set(yard.launcher.started))
