"""Starts launches as sandboxed process trees of this machine; the folder ``<home>/launches`` is all the state there is.

Hub and service, and several threads of each, may use one home at once: starting happens under a file lock, every
running launch holds a lock of its own through its supervisor, and nothing is remembered in a process.
"""

from __future__ import annotations

import logging
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trainyard import inotify
from trainyard.errors import Conflict, NotFound
from trainyard.home import Home
from trainyard.jobs.launch import OUTPUT, Finding, Identity, LaunchSpec, LaunchState, Mount, Resources
from trainyard.jobs.states import Cause
from trainyard.words import N_

from trainyard_spawner import cgroups, doctor, files, gang_network, gpus, log_file, memory, network, sandbox
from trainyard_spawner.checks import check_entry, check_mounts
from trainyard_spawner.console import SandboxConsole
from trainyard_spawner.host import read_host
from trainyard_spawner.images import environment_of
from trainyard_spawner.launch_network import Network, Networks
from trainyard_spawner.locks import Lock

if TYPE_CHECKING:
    from trainyard.jobs.launch import Console, Launcher

log = logging.getLogger(__name__)
TASKS = 4096
MOST_SAID = 4000
ROOM = str(Path(__file__).resolve().parent.parent)
ENTRY = "import sys; sys.path.insert(0, sys.argv.pop(1)); from trainyard_spawner.supervisor import main; main(sys.argv[1])"
PASSED_ON = (
    "phase",
    "started_at",
    "ended_at",
    "address",
    "exit_code",
    "signal",
    "message",
    "peak_memory",
    "memory_limit",
    "peak_cpu",
    "cpu_limit",
    "peak_gpu_memory",
    "gpu_memory_limit",
    "limits_by",
)


class SandboxLauncher:
    """The launcher of one machine. ``limits``: ``auto``, or ``sum`` to watch memory without control groups (for tests)."""

    def __init__(self, home: Home, *, limits: str = "auto", networks: str = "auto") -> None:
        self._home = Home(home.root.resolve())
        self._launches = self._home.launches
        self._watch = self._launches / ".watch"
        for folder in (self._launches, self._watch):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._groups = cgroups.find_parent(self._home.root) if limits == "auto" else None
        platform = network.Platform.of(self._home.root)
        kind = network.choose(platform) if networks == "auto" else networks
        self._networks = Networks(platform, kind, self._launches, self._watch)

    @property
    def home(self) -> Home:
        """The state folder all launches belong to."""
        return self._home

    @property
    def limits_parent(self) -> cgroups.Parent | None:
        """Where control groups of this home's launches are made, or None where memory is summed."""
        return self._groups

    # -- the contract -----------------------------------------------------------------------------------------------

    def expect(self, key: str, identity: Identity, mounts: Sequence[Mount]) -> None:
        """Only look at the mounts: whoever starts a sandbox sees this machine's folders, and makes the launch's own."""
        check_mounts(mounts)

    def start(self, spec: LaunchSpec) -> LaunchState:
        """Start ``spec``; when its key is known already, only tell the state."""
        image = environment_of(self._home, spec.image)
        check_mounts(spec.mounts)
        check_entry(spec, image)
        with self._guard():
            known = self._told(spec.key)
            if known is not None and not self._never_began(spec.key):
                return known
            self._clear(spec.key)
            with Lock.take(self._watch / spec.key) as lock, self._networks.opened(spec) as opened:
                self._write_plan(spec, image, opened)
                self._spawn(spec.key, lock, opened)
        return LaunchState(key=spec.key, phase="starting")

    def stop(self, key: str, *, grace: float | None = None) -> None:
        """Ask the launch to end; waits for a start that is under way, and not for the end; unknown keys are fine."""
        folder = self._folder(key)
        with self._guard():
            if not folder.is_dir():
                return
            # the wish first: a supervisor that has no pid to tell yet looks for it as soon as it has
            asked = files.read_json(folder / "stop.json") or {}
            graces = [one for one in (asked.get("grace"), grace) if one is not None]
            files.write_json(folder / "stop.json", {"grace": min(graces)} if graces else {})
        status = files.read_json(folder / "status.json")
        if status is not None and status["phase"] != "ended":
            self._signal_supervisor(key, status["pid"])

    def state(self, key: str) -> LaunchState | None:
        """The truth about one launch, or None when nothing is known of it."""
        state = self._told(key)
        if state is not None and state.phase != "ended" and not Lock.is_held(self._watch / key):
            with self._guard():
                return None if self._never_began(key) else self._lost(key)
        return state

    def devices(self) -> tuple[str, ...]:
        """The cards NVML knows of, by UUID."""
        return tuple(card.id for card in gpus.find())

    def device_types(self) -> dict[str, str]:
        """The cards' names without their maker, in one word."""
        return {card.id: card.type for card in gpus.find()}

    def nearest(self, asked: Resources) -> None:
        """None: there is one machine."""

    def findings(self, language: str) -> tuple[Finding, ...]:
        """What the doctor says."""
        return tuple(
            Finding(topic=one.topic, state=one.state, means=one.text(language), next_step=one.step(language))
            for one in doctor.collect()
        )

    def states(self) -> list[LaunchState]:
        """The truth about every launch that has not been forgotten."""
        keys = sorted(folder.name for folder in self._launches.iterdir() if not folder.name.startswith("."))
        return [state for key in keys if (state := self.state(key)) is not None]

    def cpu_seconds(self, key: str) -> float | None:
        """What all processes of a running launch have computed so far, by its control group, or summed without one."""
        state = self.state(key)
        if state is None or state.phase != "running":
            return None
        if self._groups and (used := cgroups.cpu_seconds(self._groups.group(key))) is not None:
            return used
        sandbox = (files.read_json(self._folder(key) / "status.json") or {}).get("sandbox")
        return memory.cpu_seconds(memory.tree(sandbox["pid"])) if sandbox else None

    def changes(self) -> AsyncIterator[str]:
        """Keys of launches as they change."""
        return inotify.names_as_they_change(self._watch)

    async def console(self, key: str, argv: tuple[str, ...], columns: int, rows: int) -> Console:
        """Run ``argv`` on a terminal inside a running launch."""
        state = self.state(key)
        if state is None or state.phase != "running":
            raise Conflict(
                "not-running",
                N_("There is no terminal, because {key} is not running."),
                hint=N_("Start it again, then open the terminal."),
                key=key,
            )
        return await SandboxConsole.open(self._folder(key), argv, columns, rows)

    def forget(self, key: str) -> None:
        """Remove what an ended launch left behind.

        Raises:
            Conflict: it is still running (``still-running``).
        """
        state = self.state(key)
        if state is not None and state.phase != "ended":
            raise Conflict("still-running", N_("{key} is still running."), hint=N_("Stop it first."), key=key)
        with self._guard():
            self._leave(key, state)
            self._clear(key)
            (self._watch / key).unlink(missing_ok=True)

    # -- leftovers --------------------------------------------------------------------------------------------------

    def remove_leftovers(self) -> None:
        """Control groups of launches that are no more; called when the platform starts. Networks go with their sandboxes."""
        with self._guard():
            living = {name.name for name in self._watch.iterdir() if Lock.is_held(name)}
            if self._groups:
                cgroups.remove(cgroups.leftovers(self._groups, living))

    # -- starting ---------------------------------------------------------------------------------------------------

    def _write_plan(self, spec: LaunchSpec, image: Path, opened: Network) -> None:
        folder = self._folder(spec.key)
        folder.mkdir(mode=0o700)
        output = spec.output or self._own_output(spec.key)
        files.write_json(folder / "spec.json", spec.model_dump(mode="json"))
        files.write_json(folder / "plan.json", self._plan(spec, image, output, opened))

    def _plan(self, spec: LaunchSpec, image: Path, output: Path, opened: Network) -> dict[str, Any]:
        kind = opened.kind
        host = gpus.with_devices(read_host(kind), spec.devices)
        box = sandbox.build(spec, host, image.resolve())
        groups = self._create_groups(spec)
        address = None
        if spec.listen_port and kind == "shared":
            address = f"127.0.0.1:{spec.listen_port}"
        return {
            "key": spec.key,
            "bwrap": box.argv,
            "first_descriptor": sandbox.FIRST_DESCRIPTOR,
            "handed": [{"path": handed.path, "content": handed.content} for handed in box.handed],
            "image": str(image.resolve()),
            "groups": [str(group) for group in groups],
            "sum_memory": None if groups else spec.resources.memory,
            "output": str(output),
            "log_limit": log_limit(),
            "kept": str(self._home.kept(spec.key)) if spec.key.startswith(("job-", "workspace-")) else None,
            "devices": list(spec.devices),
            "time_limit": spec.time_limit,
            "grace": spec.grace,
            "watch": str(self._watch / spec.key),
            "address_file": str(self._home.address),
            "network": opened.wanted,
            "network_descriptor": opened.descriptor,
            "network_identity": gang_network.identity(opened.descriptor),
            "keep_network": bool(spec.gang),
            "gate": kind != "shared" and spec.listen_port is not None,
            "writable": [str(mount.source) for mount in spec.mounts if not mount.read_only] + [str(output.parent)],
            "status": {
                "address": address,
                "memory_limit": spec.resources.memory,
                "cpu_limit": spec.resources.cpu,
                "limits_by": self._limits_by(groups),
            },
            "init": {
                "argv": spec.argv,
                "environment": sandbox.environment(spec),
                "directory": str(spec.working_directory),
                "uid": spec.identity.uid,
                "gid": spec.identity.gid,
                "groups": spec.identity.groups,
                "files": {str(path): content for path, content in spec.files.items()},
                "relay_port": spec.platform_port if kind != "shared" else None,
                "listen_port": spec.listen_port,
            },
        }

    def _limits_by(self, groups: list[Path]) -> str:
        return f"cgroup-{self._groups.kind}" if self._groups and groups else "sum"

    def _own_output(self, key: str) -> Path:
        """Where output goes that goes nowhere else; a job's is looked at when its launch is forgotten."""
        if not key.startswith("job-"):
            return self._folder(key) / OUTPUT
        self._home.kept(key).mkdir(mode=0o700, parents=True, exist_ok=True)
        return self._home.kept(key) / OUTPUT

    def _create_groups(self, spec: LaunchSpec) -> list[Path]:
        if self._groups is None:
            return []
        try:
            return cgroups.create(self._groups, spec.key, memory=spec.resources.memory, cpu=spec.resources.cpu, tasks=TASKS)
        except OSError:
            cgroups.remove(self._groups.group(spec.key))
            return []  # the supervisor sums instead, and the state says so

    def _spawn(self, key: str, lock: Lock, opened: Network) -> None:
        folder = self._folder(key)
        with (folder / "supervisor.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-I", "-S", "-c", ENTRY, ROOM, str(folder)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                env={"LANG": "C.UTF-8"},
                pass_fds=(lock.descriptor, *([] if opened.descriptor is None else [opened.descriptor])),
                start_new_session=True,
            )
        process.wait()

    # -- the truth --------------------------------------------------------------------------------------------------

    def _folder(self, key: str) -> Path:
        if "/" in key or key.startswith("."):
            raise NotFound("no-launch", N_("There is no launch {key}."), key=key)
        return self._launches / key

    def _told(self, key: str) -> LaunchState | None:
        """What the supervisor wrote down last."""
        folder = self._folder(key)
        if not folder.is_dir():
            return None
        status = files.read_json(folder / "status.json")
        if status is None:
            return LaunchState(key=key, phase="starting")
        cause = Cause(status["cause"]) if status.get("cause") else None
        running_for = time.monotonic() - status["began"] if status["phase"] == "running" and "began" in status else None
        told = {name: status[name] for name in PASSED_ON if name in status}
        return LaunchState(key=key, cause=cause, running_for=running_for, **told)

    def _never_began(self, key: str) -> bool:
        """Called under the guard: a start was killed before it had a supervisor, so nothing ran and nobody has heard of it."""
        written = any((self._folder(key) / name).exists() for name in ("supervisor.pid", "status.json"))
        return not written and not Lock.is_held(self._watch / key)

    def _lost(self, key: str) -> LaunchState | None:
        """Called under the guard when nobody holds the launch's lock: its supervisor is gone, and with it the sandbox."""
        state = self._told(key)
        if state is None or state.phase == "ended" or Lock.is_held(self._watch / key):
            return state
        folder = self._folder(key)
        status = files.read_json(folder / "status.json") or {"key": key}
        _end_sandbox(status.get("sandbox"))
        if self._groups:
            cgroups.remove(self._groups.group(key))
        cause = Cause.SUPERVISOR_LOST if "pid" in status else Cause.LAUNCH_FAILED
        status |= {"phase": "ended", "ended_at": time.time(), "cause": cause.value}
        files.write_json(folder / "status.json", status)
        return self._told(key)

    def _leave(self, key: str, state: LaunchState | None) -> None:
        """Before the folder goes: what a supervisor that failed said of it, and the log of an older version's job."""
        if state is not None and state.cause in (Cause.SUPERVISOR_LOST, Cause.LAUNCH_FAILED):
            with suppress(OSError):
                said = (self._folder(key) / "supervisor.log").read_text(errors="replace")
                log.warning("the supervisor of %s ended with it and said: %s", key, said[-MOST_SAID:])
        if (older := self._folder(key) / OUTPUT).exists() and key.startswith("job-"):
            older.replace(self._own_output(key))

    def _clear(self, key: str) -> None:
        if self._groups:
            cgroups.remove(self._groups.group(key))
        shutil.rmtree(self._folder(key), ignore_errors=True)

    def _guard(self) -> Lock:
        return Lock.take(self._launches / ".guard")

    def _signal_supervisor(self, key: str, pid: int) -> None:
        with suppress(ProcessLookupError):
            descriptor = os.pidfd_open(pid)
            try:
                # the lock says that the supervisor lives, so the pid, taken before, is still its own
                if Lock.is_held(self._watch / key):
                    signal.pidfd_send_signal(descriptor, signal.SIGTERM)
            finally:
                os.close(descriptor)


def log_limit() -> int:
    """``TRAINYARD_LOG_BYTES``: how large a log may grow before it loses its middle."""
    given = os.environ.get("TRAINYARD_LOG_BYTES", "")
    return int(given) if given.isdigit() else log_file.LIMIT


def _end_sandbox(named: dict[str, int] | None) -> None:
    """The kernel ends a sandbox with its supervisor; make sure before anybody is told so."""
    if not named:
        return
    for _ in range(100):
        if memory.start_time(named["pid"]) != named["start"]:
            return
        memory.kill([named["pid"]])
        time.sleep(0.02)


if TYPE_CHECKING:

    def _fits(launcher: SandboxLauncher) -> Launcher:
        return launcher
