"""A workspace whose place is taken, through a real Hub: refused with numbers, or told what it waits for until it starts."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from trainyard.client import apply
from trainyard.records.accounts import Application

from tests.hub.running import HubPlatform, Person, until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(500)]
GROUP, PASSWORD = "vision", "a long enough sentence"
SHARE = f"/workspace/mnt/group/{GROUP}/admin"
# holds its core; asked to end it saves, for as long as nobody says that this is done
SAVES = f"""
trap 'until [ -e {SHARE}/saved ]; do sleep 0.2; done; exit 0' TERM
while sleep 0.2; do :; done
"""
SHORT = "The quota of group vision allows 1 CPU cores; 1 in use, 1 asked for."


class Yard:
    """A group with one core, the administrator's trainings in it, and Ben, who wants a workspace."""

    def __init__(self, platform: HubPlatform) -> None:
        self.platform, self.ben = platform, Person(platform, 2)
        group = platform.ask("POST", "/groups", {"name": GROUP, "quota": {"cpu": 1}})
        platform.ask("PUT", f"/groups/{GROUP}/members/1", {})
        apply(platform.address, Application(name="ben", password=PASSWORD, affiliation="Vision lab", reason="Pictures."))
        platform.ask("POST", "/accounts/2/approve", {"group": GROUP})
        self.ben.sign_in("ben", PASSWORD)
        self.saved = platform.home / f"volume/groups/{group['id']}/admin/saved"

    def train(self, name: str) -> str:
        """The id of a training that wants the core."""
        new = {"name": name, "group": GROUP, "image": "workspace", "package": "1Core2G", "parameters": {}}
        made = self.platform.ask("POST", "/trainings", {**new, "entry": f'sh -c "{SAVES}"'})
        return str(made["id"])

    def until(self, training: str, state: str) -> None:
        path = f"/trainings/{training}"
        self.platform.wait_for(f"{state} of {training}", lambda: self.platform.ask("GET", path)["job"]["state"] == state)


@pytest.fixture(scope="module")
def yard() -> Iterator[Yard]:
    platform = HubPlatform(TRAINYARD_SERVICE_CAPACITY_CPU="4", TRAINYARD_SERVICE_GRACE="110")
    try:
        platform.start()
        yield Yard(platform)
    finally:
        platform.stop()


@pytest.fixture(scope="module")
def training(yard: Yard) -> str:
    """The administrator's, which holds the group's only core."""
    running = yard.train("holds the core")
    yard.until(running, "running")
    return running


def test_where_nothing_is_on_its_way_a_start_is_refused_with_numbers(yard: Yard, training: str) -> None:
    assert SHORT in yard.ben.spawn(GROUP).text


def test_a_start_waits_for_what_is_being_given_back_and_goes_before_a_job_that_waited_longer(yard: Yard, training: str) -> None:
    other = yard.train("waits for the core")
    yard.until(other, "queued")
    yard.platform.ask("POST", f"/trainings/{training}/stop")
    told = []
    for event in yard.ben.progress(yard.ben.spawn(GROUP)):
        told.append(event)
        if SHORT in event.get("message", ""):
            assert "What is missing is being given back" in event["message"]
            yard.saved.touch()
    assert told[-1].get("ready"), told
    assert any(SHORT in event.get("message", "") for event in told), told
    assert until(yard.ben.lab_answers), yard.ben.seen
    yard.until(training, "stopped")
    yard.until(other, "queued")
