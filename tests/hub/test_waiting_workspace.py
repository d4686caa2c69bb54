"""A workspace whose place is taken, through a real Hub: refused with numbers, or told what it waits for until it starts."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from trainyard.client import apply
from trainyard.records.accounts import Application

from tests.hub.running import HubPlatform, Person, until

pytestmark = pytest.mark.slow
PASSWORD = "a long enough sentence"
# holds its core; asked to end it saves, for as long as nobody says that this is done
SAVES = """
trap 'until [ -e %s/saved ]; do sleep 0.2; done; exit 0' TERM
while sleep 0.2; do :; done
"""


class Yard:
    """A group of its own with one core, the administrator's trainings in it, and Ben, who wants a workspace."""

    def __init__(self, platform: HubPlatform) -> None:
        self.platform = platform
        number = len(platform.ask("GET", "/groups")) + 1
        self.group, name = f"vision{number}", f"ben{number}"
        group = platform.ask("POST", "/groups", {"name": self.group, "quota": {"cpu": 1}})
        platform.ask("PUT", f"/groups/{self.group}/members/1", {})
        apply(platform.address, Application(name=name, password=PASSWORD, affiliation="Vision lab", reason="Pictures."))
        (applied,) = [one for one in platform.ask("GET", "/accounts", state="applied")["items"] if one["name"] == name]
        platform.ask("POST", f"/accounts/{applied['id']}/approve", {"group": self.group})
        self.ben = Person(platform, applied["id"])
        self.ben.sign_in(name, PASSWORD)
        self.saved = platform.home / f"volume/groups/{group['id']}/admin/saved"
        self.short = f"The quota of group {self.group} allows 1 CPU cores; 1 in use, 1 asked for."
        self._trainings: list[str] = []

    def train(self, name: str) -> str:
        """The id of a training that wants the core."""
        new = {"name": name, "group": self.group, "image": "workspace", "package": "1Core2G", "parameters": {}}
        entry = f'sh -c "{SAVES % f"/workspace/mnt/group/{self.group}/admin"}"'
        made = self.platform.ask("POST", "/trainings", {**new, "entry": entry})
        self._trainings.append(str(made["id"]))
        return self._trainings[-1]

    def until(self, training: str, state: str) -> None:
        path = f"/trainings/{training}"
        self.platform.wait_for(f"{state} of {training}", lambda: self.platform.ask("GET", path)["job"]["state"] == state)

    def clear(self) -> None:
        """Its trainings end, so that the machine has room for the next one's."""
        for training in self._trainings:
            if not self.platform.ask("GET", f"/trainings/{training}")["job"]["ended"]:
                self.platform.ask("POST", f"/trainings/{training}/stop")
        self.saved.touch()


@pytest.fixture(scope="module")
def platform() -> Iterator[HubPlatform]:
    platform = HubPlatform(TRAINYARD_SERVICE_CAPACITY_CPU="4", TRAINYARD_SERVICE_GRACE="110")
    try:
        platform.start()
        yield platform
    finally:
        platform.stop()


@pytest.fixture
def yard(platform: HubPlatform) -> Iterator[Yard]:
    """Each test's own, and each try's."""
    yard = Yard(platform)
    yield yard
    yard.clear()


@pytest.fixture
def training(yard: Yard) -> str:
    """The administrator's, which holds the group's only core."""
    running = yard.train("holds the core")
    yard.until(running, "running")
    return running


def test_where_nothing_is_on_its_way_a_start_is_refused_with_numbers(yard: Yard, training: str) -> None:
    assert yard.short in yard.ben.told_of_refusal(yard.ben.spawn(yard.group))


def test_a_start_waits_for_what_is_being_given_back_and_goes_before_a_job_that_waited_longer(yard: Yard, training: str) -> None:
    other = yard.train("waits for the core")
    yard.until(other, "queued")
    yard.platform.ask("POST", f"/trainings/{training}/stop")
    told = []
    for event in yard.ben.progress(yard.ben.spawn(yard.group)):
        told.append(event)
        if yard.short in event.get("message", ""):
            assert "What is missing is being given back" in event["message"]
            yard.saved.touch()
    assert told[-1].get("ready"), told
    assert any(yard.short in event.get("message", "") for event in told), told
    assert until(yard.ben.lab_answers), yard.ben.seen
    yard.until(training, "stopped")
    yard.until(other, "queued")
