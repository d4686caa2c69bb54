"""What the Hub's spawner and the person are told while a workspace waits for a preemptible job to go, by the calls."""

from __future__ import annotations

from typing import Any

import pytest
from trainyard.quotas import GIB
from trainyard.records.accounts import Quota
from trainyard.records.jobs import JobKind
from trainyard_service.database.tables.audit import AuditRow
from trainyard_service.database.tables.jobs import AllocationRow, JobRow, WaitingWorkspaceRow
from trainyard_service.jobs import life
from trainyard_service.jobs.part import install


@pytest.mark.one_database
def test_a_start_is_told_for_what_it_waits_and_granted_when_that_has_gone(start_service: Any) -> None:
    service = start_service(parts=())
    engine = install(service.context)
    folder = service.context.home.images / "workspace" / "1"
    (folder / "env/bin").mkdir(parents=True)
    (folder / "env/bin/python").symlink_to("/usr/bin/python3")
    (folder / "image.json").write_text('{"kind": "workspace", "title": "tiny"}')
    group = service.group("vision", Quota())
    ann, ben = service.account("ann", group), service.account("ben", group)
    machine = engine.ledger.capacity.machine
    with service.context.database.write() as session:
        job = life.submit(session, life.NewJob(JobKind.TRAIN, "loose", ben.id, group.id, "x:1", "1Core2G", preemptible=True))
        life.begin_attempt(session, job)
        held = AllocationRow(key=job.key, owner_id=ben.id, group_id=group.id, job_id=job.id, gpu=0, jobs=1)
        held.cpu, held.memory = machine.cpu or 0, GIB
        session.add(held)
        job_id = job.id
    path, asked = f"/internal/workspaces/{ann.hub_name}/launch", {"options": {"group": "vision", "package": "1Core2G"}}
    hub, own = service.internal(), service.client(ann)
    for _ in range(2):
        told = hub.post(path, json=asked)
        assert told.status_code == 200, told.text
        assert told.json()["again"] > 0
        assert "What is missing is being given back by jobs that end or make way" in told.json()["waiting"]
    seen = own.get("/workspace").json()
    assert (seen["state"], seen["waiting"]) == ("starting", told.json()["waiting"])
    with service.context.database.write() as session:
        assert session.get_one(JobRow, job_id).wanted == "requeue"
        assert [row.result for row in session.query(AuditRow).filter_by(action="workspaces.launch")] == ["ok"]
        session.query(AllocationRow).delete()
    assert hub.post(path, json={"options": {"group": "vision", "package": "none"}}).status_code == 404
    with service.context.database.read() as session:
        assert session.get(WaitingWorkspaceRow, ann.id) is None, "what is refused stands in front of the queue no more"
    grant = hub.post(path, json=asked).json()
    assert grant["key"] == f"workspace-{ann.id}-1"
    with service.context.database.read() as session:
        assert session.get(WaitingWorkspaceRow, ann.id) is None
