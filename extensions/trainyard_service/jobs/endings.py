"""From what the launcher says about an end to the job's next state and a death certificate in words."""

from __future__ import annotations

from typing import Any

from trainyard.errors import UserError
from trainyard.jobs.launch import LaunchState
from trainyard.jobs.states import Cause, JobState
from trainyard.records.jobs import Ending
from trainyard.words import N_, translate

from trainyard_service.database.tables.jobs import JobRow

_GIB = 2**30
_HOUR = 3600
_TEXTS = {
    Cause.EXITED: N_("The program ended with exit code {exit_code}."),
    Cause.SIGNALLED: N_("The program was ended by signal {signal}."),
    Cause.OUT_OF_MEMORY: N_("The program needed more than its {memory_limit} GB of memory (peak {peak_memory} GB). "
                            "Choose a larger package or a smaller batch size."),
    Cause.DISK_FULL: N_("The disk is full. Delete what is not needed, then start again."),
    Cause.TIME_LIMIT: N_("The time limit of {time_limit} h was reached; the platform stopped the program."),
    Cause.STOPPED: N_("Stopped by {stopped_by}."),
    Cause.SUPERVISOR_LOST: N_("The supervisor of this program was lost and the program with it. Start it again."),
    Cause.LAUNCH_FAILED: N_("It could not be started: {message}"),
}  # fmt: skip
_NAMES = ("exit_code", "signal", "peak_memory", "memory_limit", "time_limit", "stopped_by", "message")
_DONE = N_("Finished.")
BLOCKED, LEFT, DELETED = "platform:blocked", "platform:left-group", "platform:deleted"
_BY_PLATFORM = {
    BLOCKED: N_("Stopped by the platform: the account is blocked."),
    LEFT: N_("Stopped by the platform: its owner is not in the group any more."),
    DELETED: N_("Stopped by the platform: the account was deleted."),
}


def certificate(state: LaunchState, job: JobRow, last_lines: list[str]) -> dict[str, Any]:
    """What is kept about the end of an attempt."""
    cause = state.cause or Cause.SUPERVISOR_LOST
    stopped_by = job.stopped_by if cause is Cause.STOPPED else None
    return {
        "cause": cause,
        "exit_code": state.exit_code,
        "signal": state.signal,
        "peak_memory": state.peak_memory,
        "memory_limit": state.memory_limit,
        "time_limit": job.time_limit,
        "stopped_by": stopped_by,
        "last_lines": last_lines,
        "message": state.message,
    }


def workspace_ending(state: LaunchState) -> dict[str, Any] | None:
    """What is kept about the end of a workspace; nothing when its user ended it."""
    if state.phase != "ended" or state.cause in (None, Cause.STOPPED):
        return None
    told = state.model_dump(include={"cause", "exit_code", "signal", "peak_memory", "memory_limit", "message"}, mode="json")
    return {**told, "last_lines": []}


def time_is_over(seconds: float) -> dict[str, Any]:
    """What is kept when the platform ends something after its time."""
    return {"cause": Cause.TIME_LIMIT, "time_limit": seconds, "last_lines": []}


def launch_failure(error: Exception) -> dict[str, Any]:
    """What is kept when a start was refused; the words of a user error stay translatable."""
    if isinstance(error, UserError):
        return {"cause": Cause.LAUNCH_FAILED, "message": str(error), "key": error.message, "values": _plain(error.values)}
    return {"cause": Cause.LAUNCH_FAILED, "message": type(error).__name__}


def next_state(ending: dict[str, Any], wanted: str) -> JobState:
    """Where an ended attempt takes the job."""
    cause = Cause(ending["cause"])
    if cause is Cause.EXITED and ending.get("exit_code") == 0:
        return JobState.FINISHED
    if cause in (Cause.STOPPED, Cause.TIME_LIMIT) or wanted == "stop":
        return JobState.STOPPED
    return JobState.FAILED


def ending_view(ending: dict[str, Any] | None, language: str) -> Ending | None:
    """The certificate with its sentence in ``language``."""
    if ending is None:
        return None
    record = Ending(text="", **{name: value for name, value in ending.items() if name in Ending.model_fields})
    return record.model_copy(update={"text": _sentence(ending, language)})


def _sentence(ending: dict[str, Any], language: str) -> str:
    cause = Cause(ending["cause"])
    if cause is Cause.EXITED and ending.get("exit_code") == 0:
        return translate(_DONE, language)
    if cause is Cause.STOPPED and ending.get("stopped_by") in _BY_PLATFORM:
        return translate(_BY_PLATFORM[ending["stopped_by"]], language)
    values = {name: _shown(name, value) for name, value in ending.items()}
    if "key" in ending:
        values["message"] = translate(ending["key"], language, **ending["values"])
    defaults = dict.fromkeys(_NAMES, "–")
    return translate(_TEXTS[cause], language, **{**defaults, **{k: v for k, v in values.items() if v is not None}})


def _shown(name: str, value: Any) -> Any:
    if value is None:
        return None
    if name in ("peak_memory", "memory_limit"):
        return f"{value / _GIB:.3g}"
    return f"{value / _HOUR:.3g}" if name == "time_limit" else value


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value if isinstance(value, str | int | float | bool) else str(value) for name, value in values.items()}
