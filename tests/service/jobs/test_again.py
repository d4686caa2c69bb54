"""What follows an end, as a table: the cause, whether its kind goes on by itself, and its policy."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from trainyard.jobs.causes import error_class
from trainyard.jobs.states import Cause
from trainyard_service.database.base import now
from trainyard_service.database.tables.jobs import JobRow
from trainyard_service.jobs.again import LOST, next_try
from trainyard_service.jobs.line import is_held_back

TAKEN_AWAY = [Cause.SUPERVISOR_LOST, Cause.NODE_LOST, Cause.NODE_EVICTED, Cause.UNSCHEDULABLE]
OTHERS = [Cause.OUT_OF_MEMORY, Cause.DISK_FULL, Cause.IMAGE_FAILED, Cause.MOUNT_FAILED, Cause.LAUNCH_FAILED]
POLICY = {"max_retries": 2, "backoff": 0, "on": ["transient"]}


def after(cause: Cause, *, resumes: bool = False, lost_limit: int = 2, **more: Any) -> dict[str, Any] | None:
    known = {"wanted": "run", "lost": 0, "retries": 0, "restart": None, "spec": {"entry": "x"}}
    ending = {"cause": cause, "error_class": error_class(cause, None, ())}
    return next_try(JobRow(**known | more), ending, resumes=resumes, lost_limit=lost_limit)


def test_the_causes_that_say_nothing_about_a_job_are_these() -> None:
    assert set(TAKEN_AWAY) == LOST


@pytest.mark.parametrize("cause", TAKEN_AWAY)
def test_what_goes_on_where_it_was_is_queued_again_so_often_and_no_more(cause: Cause) -> None:
    assert after(cause, resumes=True) == {"lost": 1}
    assert after(cause, resumes=True, lost=1) == {"lost": 2}
    assert after(cause, resumes=True, lost=2) is None


@pytest.mark.parametrize("cause", TAKEN_AWAY)
def test_a_training_is_queued_again_by_its_policy_and_from_its_checkpoint(cause: Cause) -> None:
    again = after(cause, restart=POLICY)
    assert again is not None
    assert (again["retries"], again["spec"]) == (1, {"entry": "x", "resume": True})
    assert after(cause, restart=POLICY, retries=2) is None
    assert after(cause) is None


@pytest.mark.parametrize("cause", TAKEN_AWAY)
@pytest.mark.parametrize("resumes", [False, True])
def test_what_a_person_stopped_meanwhile_stays_ended(cause: Cause, resumes: bool) -> None:
    assert after(cause, resumes=resumes, restart=POLICY, wanted="stop") is None


def test_replicas_that_could_not_all_be_placed_are_tried_again_after_a_pause_that_doubles() -> None:
    replicas = [{"role": "worker", "count": 2, "package": None}]
    for lost, seconds in enumerate((30, 60)):
        before = now()
        again = after(Cause.UNSCHEDULABLE, replicas=replicas, lost=lost)
        assert again is not None
        assert again["lost"] == lost + 1
        assert before <= again["not_before"] - timedelta(seconds=seconds) <= now()
    assert after(Cause.UNSCHEDULABLE, replicas=replicas, lost=2) is None
    last = after(Cause.UNSCHEDULABLE, replicas=replicas, lost=9, lost_limit=10)
    assert last is not None
    assert is_held_back(last["not_before"]), "a longer pause would be taken for that of a clock that was set back"
    assert after(Cause.UNSCHEDULABLE, replicas=replicas, wanted="stop") is None


@pytest.mark.parametrize("cause", OTHERS)
@pytest.mark.parametrize("resumes", [False, True])
def test_what_would_fail_again_is_not_tried_again(cause: Cause, resumes: bool) -> None:
    assert after(cause, resumes=resumes, restart=POLICY) is None
