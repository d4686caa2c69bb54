"""Why a job waits and how it ended, in sentences and numbers a person can act on."""

from __future__ import annotations

from typing import Any

from trainyard.jobs.states import ENDED, Cause, JobState
from trainyard.records.jobs import Attempt, Ending, Job, Waiting

_SAME = (
    "cause", "text", "exit_code", "signal", "stopped_by", "replica",
    "peak_memory", "memory_limit", "peak_cpu", "cpu_limit", "peak_gpu_memory", "gpu_memory_limit",
)  # fmt: skip


def ending_view(job: Job) -> dict[str, Any] | None:
    """The death certificate: cause, sentence, next step, numbers and last lines; None while the job lives."""
    if job.ending is None or job.state not in ENDED:
        return None
    return certificate(job.ending, good=job.state is JobState.FINISHED)


def certificate(ending: Ending, *, good: bool) -> dict[str, Any]:
    """One end; of a good one neither what to do nor its last lines are told."""
    return {
        **ending.model_dump(mode="json", include=set(_SAME)),
        "next": "" if good else ending.suggestion,
        "memory_part": _part(ending.peak_memory, ending.memory_limit),
        "offer": ending.offer.model_dump() if ending.offer else None,
        "last_lines": [] if good else ending.last_lines,
        "good": good,
    }


def attempt_view(attempt: Attempt) -> dict[str, Any]:
    """One start of a job, when it began and ended, and its certificate; it was good when the program ended by itself with 0."""
    ending = attempt.ending
    return {
        "number": attempt.number,
        "created": attempt.created.isoformat(),
        "ended": attempt.ended.isoformat() if attempt.ended else None,
        "ending": certificate(ending, good=ending.exit_code == 0 and ending.cause is Cause.EXITED) if ending else None,
    }


def waiting_view(waiting: Waiting | None) -> dict[str, Any] | None:
    """Place in the queue and what is short: used and asked as parts of the limit, for a bar."""
    if waiting is None:
        return None
    plain = waiting.model_dump(mode="json")
    plain["used_part"] = min(1.0, waiting.used / waiting.limit) if waiting.limit else 1.0
    plain["asked_part"] = min(1.0, waiting.asked / waiting.limit) if waiting.limit else 0.0
    return plain


def _part(peak: float | None, limit: float | None) -> float | None:
    return round(peak / limit, 3) if peak and limit else None
