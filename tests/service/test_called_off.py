"""A start that nobody goes on with holds nothing: given up in the middle of the question, or left by a Hub that was killed."""

from __future__ import annotations

import asyncio
import threading
from datetime import timedelta
from importlib import import_module
from typing import Any

import pytest
from sqlalchemy import select
from trainyard.errors import Conflict
from trainyard.records.accounts import Quota
from trainyard_service.api import workspaces
from trainyard_service.database.base import now
from trainyard_service.database.tables.jobs import AllocationRow, WaitingWorkspaceRow, WorkspaceRow
from trainyard_service.jobs.enforcement import enforce
from trainyard_service.jobs.part import install

pytestmark = pytest.mark.one_database
OPTIONS = {"group": "vision", "package": "1Core2G"}


class Yard:
    """A service with one tiny image, Ann, and what her spawner calls."""

    def __init__(self, service: Any) -> None:
        self.service = service
        install(service.context)
        folder = service.context.home.images / "workspace" / "1"
        (folder / "env/bin").mkdir(parents=True)
        (folder / "env/bin/python").symlink_to("/usr/bin/python3")
        (folder / "image.json").write_text('{"kind": "workspace", "title": "tiny"}')
        self.ann = service.account("ann", service.group("vision", Quota()))
        base = service.address + service.context.settings.base_path
        token = service.context.settings.internal_token.read_text()
        self.calls = import_module("trainyard_spawner.service_calls").ServiceCalls(base, token)

    def launch(self) -> Any:
        return self.calls.launch(self.ann.hub_name, OPTIONS)

    def held(self) -> list[str]:
        with self.service.context.database.read() as session:
            return list(session.scalars(select(AllocationRow.key)))


class HeldBack:
    """In the place of the buckets' mounts: the grant is written, its answer waits until it is let go."""

    def __init__(self) -> None:
        self.written, self.go = threading.Event(), threading.Event()

    def __call__(self, _context: Any) -> HeldBack:
        return self

    def for_launch(self, _account: int) -> tuple[()]:
        self.written.set()
        self.go.wait(120)
        return ()


@pytest.fixture
def yard(start_service: Any) -> Yard:
    return Yard(start_service(parts=()))


def test_who_gives_up_between_grant_and_answer_holds_nothing(yard: Yard, monkeypatch: pytest.MonkeyPatch) -> None:
    back = HeldBack()
    monkeypatch.setattr(workspaces, "mounts_of", back)

    async def give_up() -> None:
        start = asyncio.ensure_future(yard.launch())
        await asyncio.to_thread(back.written.wait, 120)
        assert yard.held() == [f"workspace-{yard.ann.id}-1"]
        start.cancel()
        await asyncio.sleep(0)
        back.go.set()
        with pytest.raises(asyncio.CancelledError):
            await start

    asyncio.run(give_up())
    assert yard.held() == []
    assert asyncio.run(yard.launch())["key"] == f"workspace-{yard.ann.id}-2"


def test_who_gives_up_while_it_waits_stands_in_nobodys_way(yard: Yard, monkeypatch: pytest.MonkeyPatch) -> None:
    told = asyncio.Event()

    def grant(session: Any, _context: Any, _ledger: Any, caller: Any, _options: Any) -> Any:
        row = WaitingWorkspaceRow(account_id=caller.id, group_id=1, package="1Core2G", shortage={})
        session.merge(row)
        return workspaces.WorkspaceWaits(waiting="for a place")

    monkeypatch.setattr(workspaces, "grant", grant)

    async def give_up() -> None:
        start = asyncio.ensure_future(yard.calls.launch(yard.ann.hub_name, OPTIONS, lambda _words: told.set()))
        await told.wait()
        start.cancel()
        with pytest.raises(asyncio.CancelledError):
            await start

    asyncio.run(give_up())
    with yard.service.context.database.read() as session:
        assert session.get(WaitingWorkspaceRow, yard.ann.id) is None


def test_what_a_killed_hub_was_granted_does_not_stand_in_the_way_of_the_next_start(yard: Yard) -> None:
    first = asyncio.run(yard.launch())["key"]
    with yard.service.context.database.write() as session:
        session.get_one(WorkspaceRow, first).started = now() - timedelta(minutes=2)
    second = asyncio.run(yard.launch())["key"]
    assert yard.held() == [second] != [first]


def test_a_start_that_goes_on_is_not_called_off(yard: Yard, monkeypatch: pytest.MonkeyPatch) -> None:
    key = asyncio.run(yard.launch())["key"]
    monkeypatch.setattr(yard.service.context.launcher, "state", lambda _key: object())
    yard.service.internal().post(f"/internal/workspaces/{yard.ann.hub_name}/called-off").raise_for_status()
    assert yard.held() == [key]


def test_a_start_whose_folders_the_machine_refuses_holds_nothing(yard: Yard, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_launch: Any) -> None:
        raise Conflict("folder-link", "The folder is a link.")

    monkeypatch.setattr(yard.service.context.launcher, "expect", refuse)
    with pytest.raises(Exception, match="The folder is a link"):
        asyncio.run(yard.launch())
    assert yard.held() == []


def test_what_was_prepared_for_a_start_that_never_came_is_not_kept(yard: Yard, monkeypatch: pytest.MonkeyPatch) -> None:
    forgotten: list[str] = []
    monkeypatch.setattr(yard.service.context.launcher, "forget", forgotten.append)
    key = asyncio.run(yard.launch())["key"]
    context = yard.service.context
    with context.database.write() as session:
        session.get_one(WorkspaceRow, key).started = now() - timedelta(minutes=4)
    with context.database.write() as session:
        enforce(session, {}, context, install(context).ledger)
    assert (yard.held(), forgotten) == ([], [key])
