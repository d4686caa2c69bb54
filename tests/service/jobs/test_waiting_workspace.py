"""A workspace takes the place of preemptible jobs as a job does: told so, kept free for it, given to nobody else."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from trainyard.jobs.states import Cause, JobState
from trainyard.quotas import Shortage
from trainyard.records.accounts import Quota
from trainyard.records.resources import NewPackage
from trainyard_service.database.base import now
from trainyard_service.database.tables.jobs import AllocationRow, WaitingWorkspaceRow, WorkspaceRow
from trainyard_service.jobs import declared
from trainyard_service.workspaces import waiting
from trainyard_service.workspaces.view import workspace_view

S = JobState
SLEEP = "import time; time.sleep(600)"
WHOLE = "whole"


@pytest.fixture(autouse=True)
def nobody_is_forgotten_because_the_machine_is_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "FORGOTTEN", timedelta(hours=1))


class Desk:
    """A person who starts a workspace that takes the whole machine, as the Hub's spawner asks for it."""

    def __init__(self, yard: Any, engine: Any, name: str) -> None:
        group = yard.group(f"group-{name}", Quota())
        with yard.context.database.write() as session:
            declared.put_package(session, yard.settings, WHOLE, NewPackage(cpu=4, memory=2**30))
        self.yard, self.ledger, self.group = yard, engine.ledger, group.id
        self.person = yard.person(name, group)
        self.asked = 0

    def ask(self) -> str:
        """Ask once: ``granted``, ``waits``, or what is short."""
        self.asked += 1
        with self.yard.context.database.write() as session:
            asking = WaitingWorkspaceRow(account_id=self.person, group_id=self.group, package=WHOLE)
            wait = waiting.decide(session, self.ledger, asking)
            if wait is not None:
                return "waits" if wait.promised else wait.shortage.resource
            key = f"workspace-{self.person}-{self.asked}"
            moment = now()
            row = WorkspaceRow(key=key, account_id=self.person, number=self.asked, image="w", package=WHOLE, ends_at=moment)
            session.add(row)
            session.flush()
            held = AllocationRow(key=key, owner_id=self.person, group_id=self.group, workspace=key, gpu=0, jobs=0)
            held.cpu, held.memory = 4, 2**30
            assert not isinstance(self.ledger.take(session, held), Shortage)
            return "granted"

    def view(self) -> Any:
        with self.yard.context.database.read() as session:
            return workspace_view(session, self.yard.context, self.person, "en", self.yard.settings.grace)

    def submit(self, **more: Any) -> str:
        return self.yard.submit(self.person, self.group, SLEEP, package=WHOLE, **more)


def somebody_waits(yard: Any) -> tuple[Any, Desk, Desk, str]:
    """An engine, Ann whose workspace waits, Ben, and his preemptible job that holds the whole machine."""
    engine = yard.engine()
    desk, other = Desk(yard, engine, "ann"), Desk(yard, engine, "ben")
    loose = other.submit(preemptible=True)
    yard.until(engine, loose, S.RUNNING)
    assert desk.ask() == "waits"
    return engine, desk, other, loose


def test_a_preemptible_job_gives_its_place_to_a_workspace_and_waits_for_it_again(yard: Any) -> None:
    engine, desk, _, loose = somebody_waits(yard)
    view = desk.view()
    assert view.state == "starting"
    assert view.waiting == (
        "The machine has 4 CPU cores; 4 in use, 4 asked for. What is missing is being given back by jobs that end or make "
        "way, which have up to 5 s to save; the workspace then starts by itself."
    )
    yard.passes(engine, lambda: desk.ask() == "granted")
    again = yard.job(loose)
    assert (again.state, again.attempts[0].ending["cause"]) == (S.QUEUED, Cause.EVICTED)
    assert desk.view().waiting == ""


def test_what_comes_free_for_a_workspace_goes_to_no_job(yard: Any) -> None:
    engine, desk, other, loose = somebody_waits(yard)
    firm = other.submit()
    yard.until(engine, loose, S.QUEUED)
    for _ in range(3):
        engine.reconcile()
    assert yard.job(firm).state == S.QUEUED
    assert desk.ask() == "granted"


def test_a_workspace_that_is_not_asked_for_any_more_keeps_no_place(yard: Any) -> None:
    engine, desk, other, loose = somebody_waits(yard)
    firm = other.submit()
    yard.until(engine, loose, S.QUEUED)
    with yard.context.database.write() as session:
        session.get_one(WaitingWorkspaceRow, desk.person).seen = now() - 2 * waiting.FORGOTTEN
    yard.until(engine, firm, S.RUNNING)
    assert desk.view().state == "stopped"


def test_what_no_preemptible_job_holds_is_refused_with_numbers(yard: Any) -> None:
    engine = yard.engine()
    desk, other = Desk(yard, engine, "ann"), Desk(yard, engine, "ben")
    firm = other.submit()
    yard.until(engine, firm, S.RUNNING)
    assert desk.ask() == "cpu"
    with yard.context.database.read() as session:
        assert session.get(WaitingWorkspaceRow, desk.person) is None


def test_of_two_workspaces_the_first_that_asked_gets_the_place(yard: Any) -> None:
    engine = yard.engine()
    first, second, other = (Desk(yard, engine, name) for name in ("ann", "ben", "cleo"))
    loose = other.submit(preemptible=True)
    yard.until(engine, loose, S.RUNNING)
    assert first.ask() == "waits"
    with yard.context.database.write() as session:
        session.get_one(WaitingWorkspaceRow, first.person).since -= timedelta(seconds=1)
    assert second.ask() == "cpu"
    yard.passes(engine, lambda: first.ask() == "granted")
