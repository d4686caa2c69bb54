"""Notices about runs that go wrong without ending: silence, and losses that are no number any more."""

from __future__ import annotations

import os
from datetime import timedelta
from typing import Any

import pytest
from trainyard.metrics import EventWriter
from trainyard.records.jobs import JobKind
from trainyard_service.database.base import now
from trainyard_service.database.tables.jobs import JobRow
from trainyard_service.database.tables.trainings import InstanceRow, TrainingRow
from trainyard_service.jobs import life
from trainyard_service.jobs.part import install
from trainyard_service.trainings import alarms, places
from trainyard_service.trainings.curves import curves_of

pytestmark = pytest.mark.one_database
INSTANCE = "a" * 24


class Run:
    """Anna's training, which has run for an hour, with one instance."""

    def __init__(self, service: Any, **spec: Any) -> None:
        self.service = service
        install(service.context)
        group = service.group("vision")
        self.anna = service.account("anna", group)
        with service.context.database.write() as session:
            new = life.NewJob(JobKind.TRAIN, "net", self.anna.id, group.id, "mxnet:1", "1Core2G", spec=spec)
            job = life.submit(session, new)
            self.id, job.spec = job.id, {**spec, "training": job.id}
            told = {"owner_id": self.anna.id, "group_id": group.id, "name": "net", "entry": "sh", "hours": 1}
            row = TrainingRow(id=job.id, job=job, **told)
            row.instances.append(InstanceRow(id=INSTANCE, training_id=job.id, attempt=1))
            session.add(row)
            session.flush()
            life.begin_attempt(session, job)
            self.log = service.context.home.group_share(group.id) / places.log_below_share(row)
        self.runs()
        self.log.parent.mkdir(parents=True)

    def runs(self) -> None:
        """The attempt that has begun runs, and has for an hour."""
        with self.service.context.database.write() as session:
            job = session.get_one(JobRow, self.id)
            job.state, job.started = "running", now() - timedelta(hours=1)

    def says(self, minutes_ago: float) -> None:
        self.log.write_text("epoch 1\n")
        then = now().timestamp() - minutes_ago * 60
        os.utime(self.log, (then, then))

    def notices(self, language: str = "en") -> list[tuple[str, str]]:
        found = self.service.client(self.anna, **{"Accept-Language": language}).get("/notices").json()["items"]
        return [(one["text"], one["link"]) for one in found]

    def learns(self, *losses: float) -> None:
        with EventWriter(self.service.context.home.run(self.id) / INSTANCE / "logs") as writer:
            for step, loss in enumerate(losses):
                writer.add_scalar("loss/train", loss, step)


def test_a_run_that_says_nothing_is_told_once_for_each_start_with_the_way_to_its_page(start_service: Any) -> None:
    run = Run(start_service(parts=()))
    run.says(minutes_ago=2)
    alarms.look(run.service.context)
    assert run.notices() == []
    assert run.service.client(run.anna).get(f"/trainings/{run.id}").json()["quiet_after"] == 900
    run.says(minutes_ago=16)
    for _ in range(2):
        alarms.look(run.service.context)
    ((words, link),) = run.notices()
    assert "has written no line and no point for 15 min" in words
    assert link == f"/services/pages/monitor?id={run.id}"
    assert "可能已卡住" in run.notices("zh")[0][0]
    with run.service.context.database.write() as session:
        job = session.get_one(JobRow, run.id)
        job.state = "queued"
        life.begin_attempt(session, job)
    run.runs()
    alarms.look(run.service.context)
    assert len(run.notices()) == 2


def test_a_loss_that_is_no_number_is_told_once_whatever_starts_anew(start_service: Any) -> None:
    run = Run(start_service(parts=()))
    run.says(minutes_ago=0)
    run.learns(0.5, 0.25)
    alarms.look(run.service.context)
    assert run.notices() == []
    run.learns(0.5, 0.25, float("nan"))
    alarms.look(run.service.context)
    assert "The loss of the training net is no number any more: loss/train" in run.notices()[0][0]
    again = start_service(parts=(), hub=run.service.hub, home=run.service.context.settings.home)
    alarms.look(again.context)
    assert len(run.notices()) == 1


@pytest.mark.parametrize(
    "spec", [{"search": {"id": "s" * 16, "name": "s", "trial": 1}}, {"dry_run": True}], ids=["trial", "try"]
)
def test_lost_numbers_of_trials_and_tries_are_told_to_nobody(start_service: Any, spec: dict[str, Any]) -> None:
    run = Run(start_service(parts=()), **spec)
    run.says(minutes_ago=0)
    run.learns(float("inf"))
    alarms.look(run.service.context)
    assert run.notices() == []


def test_a_store_that_was_damaged_hides_no_lost_number(start_service: Any) -> None:
    run = Run(start_service(parts=()))
    run.says(minutes_ago=0)
    run.learns(0.5, 0.25)
    alarms.look(run.service.context)
    curves_of(run.service.context).close()
    again = start_service(parts=(), hub=run.service.hub, home=run.service.context.settings.home)
    (store,) = (again.context.home.service / "series").glob("*.series")
    store.write_bytes(b"no database" * 1000)
    run.learns(0.5, 0.25, float("nan"))
    alarms.look(again.context)
    assert len(run.notices()) == 1


def test_what_is_wrong_with_one_run_keeps_nobody_from_looking_at_the_others(
    start_service: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Run(start_service(parts=()))
    run.says(minutes_ago=16)
    monkeypatch.setattr(alarms, "_is_silent", lambda _context, row: 1 / 0 if row.id == run.id else True)
    alarms.look(run.service.context)
    assert run.notices() == []


def test_it_can_be_switched_off(start_service: Any) -> None:
    run = Run(start_service(parts=(), quiet_minutes=0))
    alarms.look(run.service.context)
    assert run.notices() == []
    assert run.service.client(run.anna).get(f"/trainings/{run.id}").json()["quiet_after"] is None
