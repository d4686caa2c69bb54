"""Folders that belong to no row are put away; what a row knows, and what is young, is never touched."""

from __future__ import annotations

import os
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from trainyard.jobs.states import JobState
from trainyard.records.datasets import DatasetState
from trainyard.records.jobs import JobKind
from trainyard_service.database.base import now
from trainyard_service.database.tables.datasets import BatchRow, DatasetRow
from trainyard_service.database.tables.jobs import AllocationRow, BookingRow
from trainyard_service.database.tables.models import ModelRow
from trainyard_service.disk import removed
from trainyard_service.disk.orphans import sweep
from trainyard_service.jobs import kept, life
from trainyard_spawner.kubernetes import volumes

OLD = time.time() - 3 * 86_400
KNOWN, ORPHAN = "0123456789abcdef", "fedcba9876543210"


def _folder(path: Path, *, old: bool = True) -> Path:
    path.mkdir(parents=True)
    (path / "data").write_bytes(b"x" * 100)
    if old:
        for one in (path / "data", path):
            os.utime(one, (OLD, OLD))
    return path


@pytest.fixture
def service(start_service: Any) -> Any:
    """A service without background work: it would sweep at the same time."""
    return start_service(parts=())


@pytest.fixture
def rows(service: Any) -> Any:
    """A person with a dataset, a batch, a model and a job, of whose files nothing is known to be wrong."""
    anna = service.account("anna", service.group("vision"))
    with service.context.database.write() as session:
        session.add(DatasetRow(id=KNOWN, name="shades", owner_id=anna.id, state=DatasetState.CREATING))
        session.flush()
        new = life.NewJob(JobKind.FORMAT, "shades", anna.id, None, "workspace:1", "1Core2G", {"batch": KNOWN})
        job = life.submit(session, new)
        session.add(BatchRow(id=KNOWN, dataset_id=KNOWN, creator_id=anna.id, plan={}, job_id=job.id))
        session.add(ModelRow(id=KNOWN, name="m", kind="custom", owner_id=anna.id, file="m", size=1, sha256="", metrics={}))
        return anna, job.key


def test_what_no_row_knows_is_put_away_and_told(service, rows):
    home, (anna, key) = service.context.home, rows
    kept = [_folder(place(KNOWN)) for place in (home.dataset, home.batch, home.model)]
    kept += [_folder(home.user_home(anna.id)), _folder(home.service / "private" / key), _folder(home.group_share(1))]
    kept += [_folder(home.images / "workspace" / name) for name in ("1", ".old-1-5")]
    kept += [_folder(home.dataset("1111111111111111"), old=False)]
    gone = [_folder(place(ORPHAN)) for place in (home.dataset, home.batch, home.model, home.run, home.upload)]
    gone += [_folder(home.volume / "datasets" / f".{KNOWN}.part"), _folder(home.user_home(99)), _folder(home.group_share(99))]
    gone += [_folder(home.service / "private" / "job-aaaaaaaaaaaaaaaa-1"), _folder(home.images / "workspace" / ".build-2")]
    found = sweep(service.context, hours=24)
    assert len(found) == len(gone)
    assert [path for path in gone if path.exists()] == []
    assert [path for path in kept if not path.exists()] == []
    assert len(list(removed.waiting_room(home).iterdir())) == len(gone)
    assert sweep(service.context, hours=24) == []
    audit = service.client(service.account("admin", administrator=True)).get("/audit", params={"action": "volume"}).json()
    assert audit["items"][0]["who"] == "platform"
    assert f"dataset/{ORPHAN}" in audit["items"][0]["detail"]["orphans"]


@pytest.mark.one_database
def test_something_that_still_changes_inside_is_not_an_orphan(service):
    folder = _folder(service.context.home.batch(ORPHAN))
    (folder / "data").write_bytes(b"more")
    os.utime(folder, (OLD, OLD))
    assert sweep(service.context, hours=24) == []
    assert folder.is_dir()


@pytest.mark.one_database
def test_a_planted_link_is_moved_and_never_followed(service, tmp_path):
    outside = _folder(tmp_path / "outside")
    link = service.context.home.dataset(ORPHAN)
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(outside)
    os.utime(link, (OLD, OLD), follow_symlinks=False)
    assert sweep(service.context, hours=24) == [f"dataset/{ORPHAN}"]
    assert removed.empty(service.context.home, days=0)
    assert (outside / "data").read_bytes() == b"x" * 100


@pytest.mark.one_database
def test_the_waiting_room_is_emptied_after_its_days(service):
    home = service.context.home
    removed.put_away(home, _folder(home.dataset(ORPHAN)), "dataset-x")
    assert removed.empty(home, days=30) == []
    assert len(removed.empty(home, days=0)) == 1
    assert list(removed.waiting_room(home).iterdir()) == []
    assert removed.waiting_room(home).stat().st_mode & 0o777 == 0o700


def test_what_a_job_used_is_kept_with_its_training_and_else_for_a_week(service, rows):
    home, (anna, _) = service.context.home, rows
    with service.context.database.write() as session:
        jobs = [
            life.submit(session, life.NewJob(kind, "j", anna.id, None, "workspace:1", "1Core2G"))
            for kind in (JobKind.TRAIN, JobKind.FORMAT, JobKind.FORMAT, JobKind.FORMAT)
        ]
        for job, days in zip(jobs[:3], (90, 8, 6), strict=True):
            job.state, job.ended = JobState.FINISHED, now() - timedelta(days=days)
    training, old, young, waits = (_folder(home.kept(f"job-{job.id}-1")) for job in jobs)
    gone = _folder(home.kept(f"job-{ORPHAN}-2-worker1"))
    foreign = _folder(home.kept("workspace-3"))
    with service.context.database.read() as session:
        assert sorted(kept.clear(home, session)) == sorted([old.name, gone.name])
    assert [path.exists() for path in (training, young, waits, foreign)] == [True] * 4


def _linked(home, key):
    """As on a cluster, where the launch's folder stands for what stays of it until the launch is forgotten."""
    (home.launches / key).mkdir(parents=True)
    volumes.show_kept(home, key)
    return home.kept(key)


def _forgotten(home, key):
    volumes.keep(home, key)
    volumes.remove_folder(home.launches, key)


def test_what_a_deleted_job_used_is_gone_at_once_also_while_a_cluster_knows_its_launch(service):
    home, key = service.context.home, f"job-{ORPHAN}-1"
    link = _linked(home, key)
    (home.launches / key / kept.USAGE).write_text("[1, 2, 3, 4, 5, 6, 7, 8, 9]\n")
    kept.remove(home, ORPHAN)
    assert kept.usage(home, ORPHAN, 10).cpu == []
    assert (home.launches / key / kept.USAGE).exists()
    _forgotten(home, key)
    assert not link.exists()


def test_links_to_launches_that_are_gone_are_swept(service):
    home, keys = service.context.home, (f"job-{ORPHAN}-1", "workspace-7-1")
    links = [_linked(home, key) for key in keys]
    for key in keys:
        volumes.remove_folder(home.launches, key)
    with service.context.database.read() as session:
        assert sorted(kept.clear(home, session)) == sorted(keys)
    assert [link.is_symlink() for link in links] == [False, False]


def test_what_a_workspace_used_stays_until_it_is_read(service, rows):
    home, (anna, _) = service.context.home, rows
    held, unread, read = (f"workspace-{anna.id}-{number}" for number in (3, 2, 1))
    known = {"owner_id": anna.id, "group_id": None, "cpu": 1.0, "gpu": 0, "devices": [], "since": now()}
    with service.context.database.write() as session:
        session.add(AllocationRow(key=held, memory=1, jobs=0, **known))
        session.add_all(BookingRow(key=key, until=now(), meter=meter, **known) for key, meter in ((unread, None), (read, {})))
    for key in (held, unread, read):
        _folder(home.kept(key))
    with service.context.database.read() as session:
        assert kept.clear(home, session) == [read]
