"""Why a job waits and how it ended, in sentences and numbers a person can act on."""

from __future__ import annotations

from typing import Any

from trainyard.jobs.states import ENDED, Cause, JobState
from trainyard.records.jobs import Ending, Job, Waiting
from trainyard.words import N_, translate

NEXT_STEPS = {
    Cause.EXITED: N_("Read the last lines of the output, mend the script, and start the training again."),
    Cause.SIGNALLED: N_("Something sent the process a signal; the last lines of the output may tell what."),
    Cause.OUT_OF_MEMORY: N_("Choose a larger package or a smaller batch size, and start the training again."),
    Cause.DISK_FULL: N_("Free space on the group's share or ask an administrator for more, and start the training again."),
    Cause.TIME_LIMIT: N_("Start it again to go on from the newest snapshot, or choose more hours for a new training."),
    Cause.STOPPED: N_("Files on the group's share stay. Start it again whenever you like."),
    Cause.SUPERVISOR_LOST: N_("The machine or the process that watched over it went away. Start the training again."),
    Cause.LAUNCH_FAILED: N_("Nothing ran. Mend what the reason names, and start the training again."),
}


def ending_view(job: Job, language: str) -> dict[str, Any] | None:
    """The death certificate: cause, sentence, next step, numbers and last lines; None while the job lives."""
    if job.ending is None or job.state not in ENDED:
        return None
    ending = job.ending
    good = job.state is JobState.FINISHED
    return {
        "cause": ending.cause.value,
        "text": ending.text,
        "next": "" if good else translate(NEXT_STEPS[ending.cause], language),
        "exit_code": ending.exit_code,
        "signal": ending.signal,
        "stopped_by": ending.stopped_by,
        "peak_memory": ending.peak_memory,
        "memory_limit": ending.memory_limit,
        "memory_part": _memory_part(ending),
        "last_lines": [] if good else ending.last_lines,
        "good": good,
    }


def waiting_view(waiting: Waiting | None) -> dict[str, Any] | None:
    """Place in the queue and what is short: used and asked as parts of the limit, for a bar."""
    if waiting is None:
        return None
    plain = waiting.model_dump(mode="json")
    plain["used_part"] = min(1.0, waiting.used / waiting.limit) if waiting.limit else 1.0
    plain["asked_part"] = min(1.0, waiting.asked / waiting.limit) if waiting.limit else 0.0
    return plain


def _memory_part(ending: Ending) -> float | None:
    if not ending.peak_memory or not ending.memory_limit:
        return None
    return round(ending.peak_memory / ending.memory_limit, 3)
