"""What a person is told when a workspace ended before it was ready: why, and the last lines it said."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from trainyard.errors import Unavailable
from trainyard.home import Home
from trainyard.jobs.launch import LaunchState
from trainyard.jobs.states import Cause
from trainyard.words import N_, quoted

LAST_BYTES = 8192
LAST_LINES = 8
_WHY = {
    Cause.EXITED: N_("The program ended with exit code {exit_code}."),
    Cause.SIGNALLED: N_("The program was ended by signal {signal}."),
    Cause.GPU_OUT_OF_MEMORY: N_("It needed more memory than its GPU has."),
    Cause.OUT_OF_MEMORY: N_("It needed more memory than its package has. Choose a larger package."),
    Cause.DISK_FULL: N_("The disk is full. Delete what is not needed, then start again."),
    Cause.TIME_LIMIT: N_("It was stopped while it started."),
    Cause.IDLE: N_("It was stopped while it started."),
    Cause.EVICTED: N_("It was stopped while it started."),
    Cause.STOPPED: N_("It was stopped while it started."),
    Cause.SUPERVISOR_LOST: N_("The supervisor of this program was lost and the program with it. Start it again."),
    Cause.NODE_EVICTED: N_("The cluster took it off its machine: {message}"),
    Cause.UNSCHEDULABLE: N_("The cluster found no machine for it in time: {message}"),
    Cause.NODE_LOST: N_("The machine it ran on was lost and the program with it. Start it again."),
    Cause.IMAGE_FAILED: N_("Its image could not be used: {message}"),
    Cause.MOUNT_FAILED: N_("Something it needs could not be mounted: {message}"),
    Cause.LAUNCH_FAILED: N_("It could not be started: {message}"),
}


def ended_early(home: Home, key: str, state: LaunchState | None) -> Unavailable:
    """The error (``workspace-ended-early``) for the launch ``key``; asked before the launch is forgotten with its output."""
    values: dict[str, Any] = state.model_dump(include={"exit_code", "signal", "message"}) if state else {}
    # only who stops it forgets it
    cause = (state.cause or Cause.SUPERVISOR_LOST) if state else Cause.STOPPED
    why = quoted(_WHY[cause], values)
    said = "".join(f"\n{line}" for line in _last_lines(home.launches / key / "output.log"))
    return Unavailable("workspace-ended-early", N_("The workspace ended before it was ready. {why}{said}"), why=why, said=said)


def _last_lines(path: Path) -> list[str]:
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - LAST_BYTES))
            lines = file.read(LAST_BYTES).decode("utf-8", "replace").splitlines()
    except OSError:
        return []
    return [line for line in lines if line.strip()][-LAST_LINES:]
