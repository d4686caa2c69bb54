"""Rights that end while a real training and a real workspace run: a removed member has ten minutes, a blocked person none."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from trainyard.jobs.launch import LaunchSpec
from trainyard_service.database.base import now
from trainyard_service.database.tables.accounts import ExpulsionRow

from .conftest import Person, until

pytestmark = [pytest.mark.one_database, pytest.mark.slow]


class Working:
    """Somebody with a running training and a running workspace, both in sandboxes."""

    def __init__(self, person: Person, group: Any) -> None:
        self.person, self.service = person, person.service
        body = {"name": "long", "group": group.name, "image": "workspace", "package": "1Core2G", "entry": "sleep 600"}
        self.job = person.ok("POST", "/trainings", json=body)["job"]["id"]
        person.until(f"/jobs/{self.job}", lambda job: job["state"] == "running")
        private = self.service.context.home.service / "private" / f"job-{self.job}-1" / "token"
        self.job_http = self.service.client(private.read_text())
        self.start_workspace(group)

    def start_workspace(self, group: Any) -> None:
        """As the spawner does it: ask for the grant, launch what it says."""
        options = {"group": group.name, "image": "workspace:1", "package": "1Core2G"}
        path = f"/internal/workspaces/{self.person.who.hub_name}/launch"
        grant = self.service.internal().post(path, json={"options": options}).raise_for_status().json()
        known = {name: grant[name] for name in LaunchSpec.model_fields if grant.get(name) is not None}
        more = {"argv": ["sleep", "600"], "environment": {"PATH": "/usr/bin:/bin"}, "grace": 5}
        self.service.context.launcher.start(LaunchSpec.model_validate({**known, **more}))
        self.person.until("/workspace", lambda workspace: workspace["state"] == "running")

    def ended(self) -> bool:
        """Whether nothing of this person runs any more, by the launcher's own word."""
        states = self.service.context.launcher.states()
        return all(state.phase == "ended" for state in states if not state.key.startswith("tensorboard"))


def newest(person: Person) -> str:
    text: str = person.ok("GET", "/notices")["items"][0]["text"]
    return text


def minutes_until(moment: str) -> float:
    return (datetime.fromisoformat(moment) - now()) / timedelta(minutes=1)


def test_a_removed_member_has_ten_minutes_notice_and_rights_end_now(chain: Any, person: Any) -> None:
    group = chain.group("vision")
    admin, alice = person("admin", administrator=True), person("alice", group)
    working = Working(alice, group)
    admin.ok("DELETE", f"/groups/vision/members/{alice.who.id}")

    assert "10 minutes" in newest(alice)
    assert newest(admin) == "alice was removed from the group vision; in 10 minutes this ends: long, the workspace."
    assert alice.refused("GET", "/groups/vision")[0] == 404
    assert working.job_http.get("/groups/vision").status_code == 404
    job = alice.until(f"/jobs/{working.job}", lambda job: job["deadline"] and minutes_until(job["deadline"]) < 11)
    assert job["state"] == "running"
    assert 8 < minutes_until(job["deadline"]) < 10.1
    workspace = alice.ok("GET", "/workspace")
    assert workspace["state"] == "running"
    assert 8 < minutes_until(workspace["ends"]) < 10.1
    # a start in the group is refused from now on, and renewing gives no more time
    assert alice.refused("POST", "/trainings", json={
        "name": "more", "group": "vision", "image": "workspace", "package": "1Core2G", "entry": "sleep 1",
    })[1] == "no-such-group"  # fmt: skip
    assert minutes_until(alice.ok("POST", "/workspace/renew")["ends"]) < 10.1
    assert not working.ended()

    with chain.context.database.write() as session:
        session.get_one(ExpulsionRow, (group.id, alice.who.id)).ends_at = now()
    stopped = alice.until(f"/jobs/{working.job}", lambda job: job["state"] == "stopped")
    assert stopped["ending"]["text"] == "Stopped by the platform: its owner is not in the group any more."
    alice.until("/workspace", lambda workspace: workspace["state"] == "stopped")
    until(working.ended)
    assert working.job_http.get("/me").status_code == 401
    assert admin.until("/usage", lambda usage: not usage["rows"])["used"]["cpu"] == 0


def test_a_blocked_persons_training_and_workspace_stop_at_once(chain: Any, person: Any) -> None:
    group = chain.group("vision")
    admin, alice = person("admin", administrator=True), person("alice", group)
    working = Working(alice, group)
    workspace_http = chain.client(chain.workspace_token(alice.who))
    assert workspace_http.get("/me").status_code == 200
    admin.ok("POST", f"/accounts/{alice.who.id}/block")

    assert newest(admin) == "alice is blocked; this is being stopped: long, the workspace."
    # what the account may do ends with the commit, not when the processes have ended
    assert {http.get("/me").status_code for http in (alice.http, workspace_http, working.job_http)} <= {401, 403}
    assert chain.hub.stopped == [alice.who.hub_name]
    stopped = admin.until(f"/jobs/{working.job}", lambda job: job["state"] == "stopped")
    assert stopped["ending"]["text"] == "Stopped by the platform: the account is blocked."
    until(working.ended)
    assert working.job_http.get("/me").status_code == 401
    assert admin.until("/usage", lambda usage: not usage["rows"])["used"]["cpu"] == 0
    admin.ok("POST", f"/accounts/{alice.who.id}/unblock")
    again = Person.__new__(Person)
    again.service, again.who, again.http = chain, alice.who, chain.client(chain.hub.sign_in(alice.who.hub_name))
    texts = [notice["text"] for notice in again.ok("GET", "/notices")["items"]]
    assert any("blocked the account alice" in text for text in texts)


def test_a_deleted_persons_training_and_workspace_stop_at_once(chain: Any, person: Any) -> None:
    group = chain.group("vision")
    admin, alice = person("admin", administrator=True), person("alice", group)
    working = Working(alice, group)
    told = admin.ok("GET", f"/accounts/{alice.who.id}/deletion")
    assert told["running"] == ["long", "the workspace"]
    admin.ok("DELETE", f"/accounts/{alice.who.id}")
    assert {http.get("/me").status_code for http in (alice.http, working.job_http)} == {401}
    stopped = admin.until(f"/jobs/{working.job}", lambda job: job["state"] == "stopped")
    assert stopped["ending"]["text"] == "Stopped by the platform: the account was deleted."
    assert stopped["owner"]["name"] == f"alice~{alice.who.id}"
    until(working.ended)
    assert admin.until("/usage", lambda usage: not usage["rows"])["used"]["cpu"] == 0
    log = admin.http.get(f"/jobs/{working.job}/log").text
    assert "long: attempt 1" in log
