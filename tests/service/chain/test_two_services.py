"""Two services on one database: one acts, the other hears of everything at once and takes over when the first is killed."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from trainyard_service.neighbours import neighbours_part

from .conftest import Engine, Person, until

pytestmark = pytest.mark.slow
# a tick that never comes: whatever happens in time was heard of
NEVER = {"TRAINYARD_SERVICE_TICK": "86400"}


@pytest.fixture
def chain(start_service: Callable[..., Any], chain_home: Any) -> Any:
    """A service that answers requests and leaves acting to others."""
    shutil.rmtree(chain_home.volume, ignore_errors=True)
    service = start_service(parts=(neighbours_part,), home=chain_home.root)
    chain_home.address.write_text(service.address)
    return service


@pytest.fixture
def engines(chain: Any) -> Iterator[list[Engine]]:
    """The first acts."""
    first = Engine(chain, **NEVER)
    first.says("acting")
    running = [first, Engine(chain, **NEVER)]
    yield running
    for engine in running:
        engine.kill()


def training(alice: Person, group: Any, name: str) -> str:
    body = {"name": name, "group": group.name, "image": "workspace", "package": "1Core2G", "entry": "sleep 600"}
    return str(alice.ok("POST", "/trainings", json=body)["job"]["id"])


def starts(home: Any, *jobs: str) -> list[str]:
    """Every one leaves what it used; its launch may be forgotten."""
    return sorted(path.name for job in jobs for path in home.kept("x").parent.glob(f"job-{job}-*"))


async def ended(alice: Person, job: str) -> None:
    """Stop a job and hear of its end."""
    async with alice.service.context.events.subscribe() as events:
        await asyncio.to_thread(alice.ok, "POST", f"/jobs/{job}/stop")
        async for event in events:
            if event.id == job and (await asyncio.to_thread(alice.ok, "GET", f"/jobs/{job}"))["state"] == "stopped":
                return


async def test_submit_stop_and_end_are_heard_across_processes(chain: Any, engines: list[Engine]) -> None:
    group = chain.group("vision")
    alice = Person(chain, "alice", group)
    job = await asyncio.to_thread(training, alice, group, "one")
    await asyncio.to_thread(alice.until, f"/jobs/{job}", lambda one: one["state"] == "running")
    await ended(alice, job)
    assert starts(chain.context.home, job) == [f"job-{job}-1"]


def test_the_other_takes_over_and_starts_nothing_twice(chain: Any, engines: list[Engine]) -> None:
    group = chain.group("vision")
    alice = Person(chain, "alice", group)
    before = training(alice, group, "before")
    alice.until(f"/jobs/{before}", lambda one: one["state"] == "running")
    engines[0].kill()
    after = training(alice, group, "after")
    engines[1].says("acting")
    alice.until(f"/jobs/{after}", lambda one: one["state"] == "running")
    engines[0].start()
    asyncio.run(ended(alice, before))
    asyncio.run(ended(alice, after))
    assert starts(chain.context.home, before, after) == sorted([f"job-{before}-1", f"job-{after}-1"])
    until(lambda: alice.ok("GET", "/usage")["used"]["jobs"] == 0)
