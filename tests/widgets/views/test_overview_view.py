"""The first page's workspace, from records alone."""

from __future__ import annotations

from typing import Any

import pytest
from trainyard.jobs.states import Cause, JobState
from trainyard.records.jobs import Ending, JobKind, WorkspaceView
from trainyard_widgets.overview import job_view, workspace_view

from .records import a_job


def ended(cause: Cause, **told: Any) -> dict[str, Any]:
    """What the page has of the end of a workspace that ended so."""
    ending = Ending(cause=cause, text="…", suggestion="Do this.", last_lines=["Killed"], **told)
    never: Any = {"started": None, "ends": None, "address": ""}
    view = WorkspaceView(state="stopped", group="vision", image="workspace:1", package="1Core2G", ending=ending, **never)
    shown: dict[str, Any] = workspace_view(view)["ending"]
    return shown


def test_a_workspace_that_ran_out_of_memory_shows_its_whole_certificate() -> None:
    offer = {"kind": "twice-the-memory", "package": "2Core4G"}
    shown = ended(Cause.OUT_OF_MEMORY, peak_memory=990, memory_limit=1000, offer=offer)
    assert (shown["good"], shown["next"], shown["last_lines"]) == (False, "Do this.", ["Killed"])
    assert (shown["memory_part"], shown["offer"]) == (0.99, offer)


@pytest.mark.parametrize(
    ("cause", "code", "good"),
    [(Cause.STOPPED, None, True), (Cause.EXITED, 0, True), (Cause.EXITED, 1, False), (Cause.IDLE, 0, False)],
)
def test_what_was_meant_to_end_has_ended_well(cause: Cause, code: int | None, good: bool) -> None:
    assert ended(cause, exit_code=code)["good"] is good


def test_a_job_leads_to_what_it_works_on() -> None:
    formats = a_job(JobState.RUNNING, kind=JobKind.FORMAT, dataset="d" * 16)
    trains = a_job(JobState.RUNNING, training="t" * 16)
    assert [(row["dataset"], row["training"]) for row in map(job_view, (formats, trains))] == [
        ("d" * 16, None),
        (None, "t" * 16),
    ]
