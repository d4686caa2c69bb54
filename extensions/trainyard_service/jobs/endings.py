"""From what the launcher says about an end, and the last lines of the output, to a death certificate in words."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session
from trainyard.errors import UserError
from trainyard.job_progress import FULL
from trainyard.jobs import causes
from trainyard.jobs.causes import SHARED_MEMORY, error_class
from trainyard.jobs.launch import LaunchState
from trainyard.jobs.restarts import retry_after
from trainyard.jobs.states import Cause, ErrorClass, JobState
from trainyard.records.jobs import Ending, RestartPolicy
from trainyard.sizes import readable
from trainyard.words import N_, translate

from trainyard_service.database.rows import change_row
from trainyard_service.database.tables.jobs import JobRow
from trainyard_service.jobs import remedies

_HOUR = 3600
_TEXTS = {
    Cause.EXITED: N_("The program ended with exit code {exit_code}."),
    Cause.SIGNALLED: N_("The program was ended by signal {signal}."),
    Cause.OUT_OF_MEMORY: N_("The program needed more than its {memory_limit} of memory (peak {peak_memory})."),
    Cause.GPU_OUT_OF_MEMORY: N_("The program needed more memory than its GPU has."),
    Cause.DISK_FULL: N_("There was no room left on the disk it wrote to."),
    Cause.TIME_LIMIT: N_("The time limit of {time_limit} h was reached; the platform stopped the program."),
    Cause.IDLE: N_("Nobody used it for {time_limit} h, and it computed nothing; the platform stopped it."),
    Cause.EVICTED: N_("It gave its place to a job or workspace that may not be preempted."),
    Cause.STOPPED: N_("Stopped by {stopped_by}."),
    Cause.SUPERVISOR_LOST: N_("The supervisor of this program was lost and the program with it."),
    Cause.NODE_LOST: N_("The machine it ran on was lost and the program with it."),
    Cause.NODE_EVICTED: N_("The cluster took it off its machine: {message}"),
    Cause.UNSCHEDULABLE: N_("The cluster found no machine for it in time: {message}"),
    Cause.IMAGE_FAILED: N_("Its image could not be used: {message}"),
    Cause.MOUNT_FAILED: N_("Something it needs could not be mounted: {message}"),
    Cause.LAUNCH_FAILED: N_("It could not be started: {message}"),
}  # fmt: skip
_PAUSED = N_("Paused by {stopped_by}; it goes on from its last checkpoint.")
_SHARED_MEMORY = N_("The program filled its shared memory (/dev/shm), which has half of its {memory_limit} of memory.")
_NAMES = ("exit_code", "signal", "peak_memory", "memory_limit", "time_limit", "stopped_by", "message")
_DONE = N_("Finished.")
_OF_REPLICA = N_("The replica {replica} ended first, and the others were ended with it. {why}")
_ONE_BATCH = N_("The dry run ended without an error.")
_NO_ERROR = N_("No error in {seconds} s: the dry run was ended.")
BLOCKED, LEFT, DELETED = "platform:blocked", "platform:left-group", "platform:deleted"
_BY_PLATFORM = {
    "": N_("Stopped."),
    BLOCKED: N_("Stopped by the platform: the account is blocked."),
    LEFT: N_("Stopped by the platform: its owner is not in the group any more."),
    DELETED: N_("Stopped by the platform: the account was deleted."),
    "platform:search": N_("Stopped by the platform: its search has ended."),
    "platform:pruned": N_("Stopped early by its search: other trials were better at this point."),
}


_TOLD = (
    "exit_code", "signal", "message",
    "peak_memory", "memory_limit", "peak_cpu", "cpu_limit", "peak_gpu_memory", "gpu_memory_limit",
)  # fmt: skip
_IMAGE, _MOUNT = ("image-",), ("mount-", "set-", "no-such-set")


def certificate(state: LaunchState, last_lines: list[str]) -> dict[str, Any]:
    """What is kept about any end: the cause refined by what the program said last, the numbers, the last lines."""
    cause, detail = state.cause or Cause.SUPERVISOR_LOST, ""
    failed = cause in (Cause.EXITED, Cause.SIGNALLED) and state.exit_code != 0
    if failed and (told := causes.told_by(last_lines)):
        cause, detail = told.cause, told.detail
    kept = {"cause": cause, "detail": detail, **state.model_dump(include=set(_TOLD)), "last_lines": last_lines}
    if failed or cause not in (Cause.EXITED, Cause.STOPPED, Cause.TIME_LIMIT):
        kept["error_class"] = error_class(cause, state.exit_code, last_lines)
    return kept


def job_certificate(state: LaunchState, job: JobRow, last_lines: list[str]) -> dict[str, Any]:
    """What is kept about the end of an attempt."""
    kept = {**certificate(state, last_lines), "time_limit": job.time_limit, "dry_run": bool(job.spec.get("dry_run"))}
    if kept["cause"] != Cause.STOPPED:
        return kept
    return {**kept, "stopped_by": job.stopped_by, "paused": bool(job.spec.get("paused"))}


def workspace_certificate(state: LaunchState, wished: dict[str, Any] | None, last_lines: list[str]) -> dict[str, Any]:
    """What is kept about the end of a workspace; ``wished`` is what the platform wrote down when it asked it to end."""
    kept = certificate(state, last_lines)
    if kept["cause"] == Cause.STOPPED or (wished and kept["cause"] == Cause.EXITED and state.exit_code == 0):
        return {**kept, **(wished or {"cause": Cause.STOPPED}), "last_lines": last_lines}
    return kept


def explain(session: Session, job: JobRow, told: dict[str, Any] | None) -> None:
    """What a job of the platform's told of itself says more about its end than its exit code."""
    if told and job.ending and job.ending["cause"] == Cause.EXITED:
        change_row(session, job, {"ending": {**job.ending, "told": told}})


def told_words(told: dict[str, Any], part: str, language: str) -> str:
    """``message`` or ``hint`` of what a job told; a placeholder without a value, in a file that a job wrote, breaks no page."""
    words = str(told.get(part) or "")
    try:
        return translate(words, language, **told.get("values", {}))
    except (KeyError, IndexError, ValueError, TypeError, AttributeError):
        return words


def time_is_over(seconds: float) -> dict[str, Any]:
    """What is kept when the platform ends something after its time."""
    return {"cause": Cause.TIME_LIMIT, "time_limit": seconds, "last_lines": []}


def idle_for(seconds: float) -> dict[str, Any]:
    """What is kept when the platform ends a workspace that nobody uses."""
    return {"cause": Cause.IDLE, "time_limit": seconds, "last_lines": []}


def stopped(by: str | None, *, paused: bool = False) -> dict[str, Any]:
    """What is kept when somebody ended it."""
    return {"cause": Cause.STOPPED, "stopped_by": by, "paused": paused, "last_lines": []}


def launch_failure(error: Exception) -> dict[str, Any]:
    """What is kept when a start was refused; the words of a user error stay translatable."""
    reason = error.__cause__ if isinstance(error, UserError) else error
    if isinstance(reason, OSError) and reason.errno in FULL:
        return {"cause": Cause.DISK_FULL, "error_class": error_class(Cause.DISK_FULL, None, ()), "last_lines": []}
    if not isinstance(error, UserError):
        return {"cause": Cause.LAUNCH_FAILED, "message": _reason(error), "last_lines": []}
    cause = Cause.LAUNCH_FAILED
    if error.code.startswith(_IMAGE):
        cause = Cause.IMAGE_FAILED
    elif error.code.startswith(_MOUNT):
        cause = Cause.MOUNT_FAILED
    values = _plain(error.values)
    kept = {"cause": cause, "message": str(error), "key": error.message, "values": values, "last_lines": []}
    return {**kept, "error_class": error_class(cause, None, ())}


def _reason(error: Exception) -> str:
    """What the machine said and of which file; of a bug of ours only its kind, the rest is in the log."""
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror}: {error.filename}" if error.filename else error.strerror
    return type(error).__name__


def next_state(ending: dict[str, Any], wanted: str) -> JobState:
    """Where an ended attempt takes the job."""
    cause = Cause(ending["cause"])
    if _is_good(ending):
        return JobState.FINISHED
    if cause in (Cause.STOPPED, Cause.TIME_LIMIT) or wanted == "stop":
        return JobState.STOPPED
    return JobState.FAILED


def _is_good(ending: dict[str, Any]) -> bool:
    """Whether it ended as it should; a try of one batch also when it went on without an error until its time was over."""
    cause = Cause(ending["cause"])
    return (cause is Cause.EXITED and ending.get("exit_code") == 0) or (
        cause is Cause.TIME_LIMIT and bool(ending.get("dry_run"))
    )


def retry_seconds(job: JobRow, ending: dict[str, Any]) -> float | None:
    """How long to wait before the job is started again by its policy, or None where it stays ended."""
    if job.restart is None or job.wanted != "run" or next_state(ending, job.wanted) is JobState.FINISHED:
        return None
    error = ending.get("error_class")
    policy = RestartPolicy.model_validate(job.restart)
    return retry_after(policy, job.retries, Cause(ending["cause"]), ErrorClass(error) if error else None)


def ending_view(ending: dict[str, Any] | None, language: str) -> Ending | None:
    """The certificate with its sentence and what to do about it in ``language``."""
    if ending is None:
        return None
    record = Ending.model_validate({"text": "", **{name: one for name, one in ending.items() if name in Ending.model_fields}})
    told = ending.get("told")
    suggestion = told_words(told, "hint", language) if told else remedies.suggestion(ending, language)
    words = {"text": _sentence(ending, language), "suggestion": suggestion}
    return record.model_copy(update=words)


def _sentence(ending: dict[str, Any], language: str) -> str:
    words, replica = _words(ending, language), ending.get("replica")
    return translate(_OF_REPLICA, language, replica=replica, why=words) if replica and not _is_asked_for(ending) else words


def _is_asked_for(ending: dict[str, Any]) -> bool:
    """Whether all replicas were ended at once, so that it says nothing which of them was the first."""
    return ending["cause"] in (Cause.STOPPED, Cause.EVICTED, Cause.TIME_LIMIT)


def _words(ending: dict[str, Any], language: str) -> str:
    cause = Cause(ending["cause"])
    if told := ending.get("told"):
        return told_words(told, "message", language)
    if _is_good(ending):
        done = _ONE_BATCH if cause is Cause.EXITED else _NO_ERROR
        return translate(
            done if ending.get("dry_run") else _DONE, language, **{"seconds": f"{ending.get('time_limit') or 0:g}"}
        )
    if cause is Cause.STOPPED and (ending.get("stopped_by") or "") in _BY_PLATFORM:
        return translate(_BY_PLATFORM[ending.get("stopped_by") or ""], language)
    words = _PAUSED if ending.get("paused") else _SHARED_MEMORY if ending.get("detail") == SHARED_MEMORY else _TEXTS[cause]
    values = {name: _shown(name, value) for name, value in ending.items()}
    if "key" in ending:
        values["message"] = translate(ending["key"], language, **ending["values"])
    defaults = dict.fromkeys(_NAMES, "–")
    return translate(words, language, **{**defaults, **{k: v for k, v in values.items() if v is not None}})


def _shown(name: str, value: Any) -> Any:
    if value is None:
        return None
    if name in ("peak_memory", "memory_limit"):
        return readable(value)
    return f"{value / _HOUR:.3g}" if name == "time_limit" else value


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value if isinstance(value, str | int | float | bool) else str(value) for name, value in values.items()}
