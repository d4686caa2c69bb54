"""The first page: what to do next, the workspace, what runs, and what is used."""

from __future__ import annotations

from typing import Any

from trainyard.errors import UserError
from trainyard.jobs.states import Cause, JobState
from trainyard.records.accounts import Me
from trainyard.records.base import Page as Listing
from trainyard.records.jobs import Job, Usage, WorkspaceView

from trainyard_widgets.page import Page, View, action
from trainyard_widgets.views.endings import certificate

SHOWN_JOBS = 8


class OverviewPage(Page):
    """Home: next step, workspace, running jobs, usage of the viewer's groups."""

    bundle = "overview"
    topics = frozenset({"job", "training", "batch", "dataset", "workspace", "account", "usage"})

    def load(self) -> View:
        """Everything the home page draws; a part that cannot be had is left out, the rest is shown."""
        me = self.client.get("/me", Me)
        workspace = self._part("/workspace", WorkspaceView)
        jobs = self._part("/jobs", Listing[Job], limit=SHOWN_JOBS)
        usage = self._part("/usage", Usage)
        return overview_view(me, workspace, jobs, usage)

    @action
    def start_workspace(self, package: str = "") -> None:
        """Start the workspace as it was last time, or in another package."""
        last = self.client.get("/workspace", WorkspaceView).model_dump(include={"group", "image", "package", "datasets"})
        self.client.post("/workspace/start", object, {**last, "package": package or last["package"]})

    @action
    def stop_workspace(self) -> None:
        """Stop the workspace; files stay."""
        self.client.post("/workspace/stop", object)

    @action
    def renew_workspace(self) -> None:
        """Give the workspace its full time again."""
        self.client.post("/workspace/renew", object)

    @action
    def stop_job(self, job: str) -> None:
        """Ask a job to end."""
        self.client.post(f"/jobs/{job}/stop", object)

    @action
    def start_training(self, training: str, package: str) -> None:
        """Start a training again in the package that its end offers."""
        self.client.post(f"/trainings/{training}/start", object, {"package": package})

    def _part(self, path: str, answer: Any, **query: Any) -> Any:
        try:
            return self.client.get(path, answer, **query)
        except UserError:
            return None


def overview_view(me: Me, workspace: WorkspaceView | None, jobs: Listing[Job] | None, usage: Usage | None) -> View:
    """The home page's data: plain values, times as ISO strings, sizes in bytes."""
    return {
        "name": me.name,
        "administrator": me.administrator,
        "next_step": me.next_step,
        "waiting": me.applications_waiting if me.administrator else 0,
        "storage": me.storage,
        "groups": [group_view(group, me.id) for group in me.groups],
        "workspace": workspace_view(workspace) if workspace else None,
        "jobs": [job_view(job) for job in jobs.items] if jobs else [],
        "jobs_total": jobs.total if jobs else 0,
        "machine": {"capacity": usage.capacity.model_dump(), "used": usage.used.model_dump()} if usage else None,
    }


def workspace_view(workspace: WorkspaceView) -> View:
    """The workspace, with the whole certificate of its last end; what was meant to end, ended well."""
    ending = workspace.ending
    meant = ending is not None and (ending.cause is Cause.STOPPED or (ending.cause is Cause.EXITED and ending.exit_code == 0))
    return {**workspace.model_dump(mode="json"), "ending": certificate(ending, good=meant) if ending else None}


def group_view(group: Any, account: int) -> View:
    """One group: its name, its quota and use, and the viewer's own part of both."""
    own = next((member for member in group.members if member.person.id == account), None)
    return {
        "name": group.name,
        "quota": group.quota.model_dump(),
        "use": group.use.model_dump(),
        "measured": group.measured.isoformat() if group.measured else None,
        "own_quota": own.quota.model_dump() if own else None,
        "own_use": own.use.model_dump() if own else None,
    }


def job_view(job: Job) -> View:
    """One job as a row of a list."""
    return {
        "id": job.id,
        "kind": job.kind,
        "name": job.name,
        "group": job.group,
        "state": job.state,
        "created": job.created.isoformat(),
        "started": job.started.isoformat() if job.started else None,
        "ended": job.ended.isoformat() if job.ended else None,
        "progress": job.progress.model_dump() if job.progress else None,
        "waiting": job.waiting.text if job.waiting else "",
        "ending": job.ending.text if job.ending else "",
        "training": job.training,
        "dataset": job.dataset,
        "next": job.ending.suggestion if job.ending and job.state is not JobState.FINISHED else "",
        "offer": job.ending.offer.package if job.ending and job.ending.offer and job.training else None,
    }
