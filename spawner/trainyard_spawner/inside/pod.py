"""The first process of a launch's pod: the supervisor of one machine, without bubblewrap around what it watches.

Standard library only; sent along with the launch. ``main([])`` runs the plan in ``/opt/plan``; ``main(["stop", seconds])``,
``main(["console", program, …])`` and ``main(["connect", port])`` are executed beside it. How it ended is written as the
container's termination message and as ``certificate.json`` into the launch's folder, which outlives the pod.

A cluster may make a pod a second time (a deleted pod of a Job is replaced). Only one that can make the file ``began`` in the
launch's folder runs the program; another one tells what the first wrote down, or that it is lost.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from trainyard_spawner import files, memory, relay
from trainyard_spawner.inside import privileges
from trainyard_spawner.supervisor import Supervisor, see_through

PLAN = Path("/opt/plan")
FOLDER = Path("/run/.supervisor")
LAUNCH = Path("/opt/launch")
MESSAGE = Path("/dev/termination-log")
ADDRESS = "TRAINYARD_POD_ADDRESS"
GROUPS = ("/sys/fs/cgroup", "/sys/fs/cgroup/memory")
LOST_SECONDS = 20
SAMPLE_SECONDS = 10.0
"""Longer than on one machine: each sample is a write to a volume that all pods share."""
LONGEST_WORDS = 1000
FIRST_KILLED = 500
_TOLD = ("cause", "exit_code", "signal", "message", "started_at", "ended_at")
_NUMBERS = ("peak_memory", "memory_limit", "peak_cpu", "cpu_limit", "peak_gpu_memory", "gpu_memory_limit", "limits_by")


def main(arguments: list[str]) -> None:
    """What the container was started for, or what is executed in it."""
    match arguments:
        case []:
            _supervise()
        case ["stop", seconds]:
            files.write_json(FOLDER / "stop.json", {"grace": float(seconds)})
            os.kill(1, signal.SIGTERM)
        case ["console", *argv]:
            _become_console(argv)
        case ["connect", port]:
            relay.carry(int(port))


class PodSupervisor(Supervisor):
    """One launch, in a container of its own: it alone decides about all processes there are."""

    def _asked_to_stop(self) -> None:
        if (self._folder / "stop.json").exists():
            super()._asked_to_stop()
        else:
            # the cluster wants the pod's place; who asked for the launch did not
            self._stop("terminated", self._plan["grace"])

    def _reaped(self) -> bool:
        """Orphans come to the first process of a container."""
        ended = False
        with suppress(ChildProcessError):
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if pid == 0:
                    break
                if pid == self._bwrap:
                    self._bwrap_status = os.waitstatus_to_exitcode(status)
                    ended = True
        return ended

    def _open_network(self) -> None:
        """The pod's own is what there is; what opens others is not sent along."""

    def _hear_started(self, *told: object) -> None:
        self._groups = _own_groups()
        super()._hear_started(*told)
        if self._usage is not None:
            self._usage.seconds = SAMPLE_SECONDS

    def _kill(self) -> None:
        """Everything below this process; again for what was forked meanwhile."""
        for _ in range(100):
            others = [pid for pid in memory.tree(os.getpid()) if pid != os.getpid()]
            alive = [pid for pid in others if memory.start_time(pid) is not None]
            if not alive:
                return
            memory.kill(alive)
            time.sleep(0.02)

    def _certify(self) -> None:
        self._kill()
        self._groups = _own_groups()
        super()._certify()

    def end(self, cause: str, **details: Any) -> None:
        """The last status, in the places that outlive this process."""
        self._groups = []  # they were read, and are not ours to remove
        super().end(cause, **details)
        certificate = {name: value for name in (*_TOLD, *_NUMBERS) if (value := self._status.get(name)) is not None}
        _tell(certificate)


def become_init() -> None:
    """What the supervisor starts: when memory runs out, the kernel looks here before it looks at the supervisor."""
    from trainyard_spawner.inside import init

    with suppress(OSError):
        score = Path("/proc/self/oom_score_adj")
        score.write_text(str(min(1000, int(score.read_text()) + FIRST_KILLED)))
    init.main()


def _supervise() -> None:
    plan = _whole(json.loads((PLAN / "plan.json").read_bytes()))
    FOLDER.mkdir(mode=0o700)
    privileges.prctl(privileges.PR_SET_DUMPABLE, 0)
    if not _is_first():
        _repeat(plan["grace"] + LOST_SECONDS)
        sys.exit(1)
    see_through(PodSupervisor(FOLDER, plan))
    sys.exit(_exit_code(files.read_json(FOLDER / "status.json") or {}))


def _whole(plan: dict[str, Any]) -> dict[str, Any]:
    """The plan with what only the pod knows."""
    path = os.environ.get("PATH", os.defpath)
    plan["init"]["environment"].setdefault("PATH", path)
    if plan.get("in_gang"):
        # others reach this replica at a Service; it can listen only at the pod's own address
        own = os.environ[ADDRESS]
        told = plan["init"]["environment"]
        plan["init"]["environment"] = {name: value.replace(plan["key"], own) for name, value in told.items()}
    return {
        **plan,
        "bwrap": [sys.executable, "-I", "-S", "-c", plan["code"]],
        "first_descriptor": 0,
        "handed": [],
        "image": "/",
        "groups": [],
        "sum_memory": None,
        "alone": True,
        "watch": str(FOLDER / "watch"),
        "address_file": str(PLAN / "address"),
        "keep_network": False,
        "gate": False,
    }


def _own_groups() -> list[Path]:
    """The container's, as it sees them; to be read only."""
    return [Path(group) for group in GROUPS if Path(group).is_dir()]


def _is_first() -> bool:
    try:
        os.close(os.open(LAUNCH / "began", os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    except FileExistsError:
        return False
    return True


def _repeat(seconds: float) -> None:
    """Tell what the first pod of this launch wrote down, once it has."""
    give_up = time.monotonic() + seconds
    while (told := files.read_json(LAUNCH / "certificate.json")) is None and time.monotonic() < give_up:
        time.sleep(0.5)
    _tell(told or {"cause": "lost"})


def _tell(certificate: Mapping[str, Any]) -> None:
    told = {**certificate, "message": str(certificate.get("message", ""))[:LONGEST_WORDS]}
    with suppress(OSError):
        files.write_json(LAUNCH / "certificate.json", told)
    with suppress(OSError):
        MESSAGE.write_text(json.dumps(told), encoding="utf-8")


def _exit_code(status: Mapping[str, Any]) -> int:
    """As a shell tells it."""
    number = status.get("signal")
    if number is not None:
        return 128 + int(number)
    return int(status.get("exit_code") or (0 if status.get("cause") == "exited" else 1))


def _become_console(argv: list[str]) -> None:
    """The launch's own program environment and folder, on the terminal the cluster has opened."""
    plan = _whole(json.loads((PLAN / "plan.json").read_bytes()))
    os.umask(0o002)
    os.chdir(plan["init"]["directory"])
    os.execvpe(argv[0], argv, {"TERM": "xterm-256color", **plan["init"]["environment"]})  # noqa: S606 (no shell is wanted)
