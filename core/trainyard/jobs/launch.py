"""What it takes to start a process tree for a person, what is known about it, and the contract of what does it.

A launch is one attempt of one job, or one workspace. Launchers (the local sandbox, Kubernetes) live in
``trainyard_spawner``; the service reaches them by a dotted name. All of them pass ``tests/contracts/launcher.py``.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from pydantic import BaseModel, ConfigDict, Field

from trainyard.jobs.states import Cause

OUTPUT = "output.log"
"""Where output goes that is to go nowhere else: for a job in what is kept of it, which stays; else in the launch's folder."""
ON_CLUSTER = "trainyard_spawner.kubernetes.launcher:KubernetesLauncher"
"""The launcher whose launches are pods: a container image brings its own environment."""


class Frozen(BaseModel):
    """A record that never changes and refuses unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Mount(Frozen):
    """One folder or file of the platform volume, seen at ``target`` inside."""

    source: Path
    target: Path
    read_only: bool = True


class Resources(Frozen):
    """What a launch may use. ``memory`` in bytes; ``cpu`` in cores; GPUs are given out whole.

    ``uncounted``: no quota knows of it, so it waits for no core and keeps nobody else from one; it computes with what is left.
    """

    cpu: float = Field(gt=0)
    memory: int = Field(gt=0)
    gpu: int = Field(default=0, ge=0)
    uncounted: bool = False


class Node(Frozen):
    """One of several machines that launches run on, with what it has for one launch at most; ``memory`` in bytes."""

    name: str
    cpu: float
    memory: int
    gpu: int


class Identity(Frozen):
    """Who the processes run as: immutable numbers, the same on every backend (DESIGN section 3)."""

    name: str
    uid: int
    gid: int
    groups: tuple[int, ...] = ()


class LaunchSpec(Frozen):
    """Everything a launcher needs; keyed, so that starting twice starts once.

    ``environment`` is complete: nothing is inherited. ``output`` is the file standard output and error are appended to;
    without it ``OUTPUT`` in ``Home.kept`` for a job, in ``<launches>/<key>`` else. ``time_limit`` and ``grace`` are seconds;
    the limit counts from running on, SIGTERM comes first, SIGKILL ``grace`` seconds later. ``devices`` are GPU ids as the
    ledger knows them.
    ``platform_port``: if given, this port of the sandbox's loopback leads to the platform's public address.
    ``listen_port``: the port a workspace serves on; the launch state tells the address it is reachable at.
    ``image`` is ``name:version``. ``files`` are small secrets by path inside (below ``/run``), readable by the person only.
    ``gang``: the keys of all replicas of a distributed job, this one among them. They reach each other on every port, and
    nobody else reaches them; in values of ``environment`` the key of a replica stands for the address it is reached at.
    ``group_number`` is that of the group it works for; a cluster may have a namespace for each.
    """

    key: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")
    group_number: int | None = None
    gang: tuple[str, ...] = ()
    image: str
    argv: tuple[str, ...] = Field(min_length=1)
    environment: Mapping[str, str]
    working_directory: Path
    mounts: tuple[Mount, ...] = ()
    resources: Resources
    devices: tuple[str, ...] = ()
    identity: Identity
    internet: bool = True
    platform_port: int | None = None
    listen_port: int | None = None
    files: Mapping[Path, str] = {}
    output: Path | None = None
    time_limit: float | None = None
    grace: float = 30


def resolved(environment: Mapping[str, str], addresses: Mapping[str, str]) -> dict[str, str]:
    """``environment`` with the keys of replicas in its values replaced by the addresses they are reached at."""
    # the longest first: worker1 is the beginning of worker10
    keys = sorted(addresses, key=len, reverse=True)
    found = re.compile("|".join(map(re.escape, keys))) if keys else None
    if found is None:
        return dict(environment)
    return {name: found.sub(lambda match: addresses[match[0]], value) for name, value in environment.items()}


class LaunchState(Frozen):
    """What is known about a launch. Times are seconds since 1970; memory in bytes; ``peak_cpu`` in cores.

    ``running_for`` are the seconds since the program began, by a clock that nobody sets. ``held``: it does not start because
    another queue, the cluster's own, has not admitted it yet.
    """

    key: str
    phase: str = Field(pattern=r"^(starting|running|ended)$")
    started_at: float | None = None
    ended_at: float | None = None
    address: str | None = None
    exit_code: int | None = None
    signal: int | None = None
    cause: Cause | None = None
    message: str = ""
    peak_memory: int | None = None
    memory_limit: int | None = None
    peak_cpu: float | None = None
    cpu_limit: float | None = None
    peak_gpu_memory: int | None = None
    gpu_memory_limit: int | None = None
    running_for: float | None = None
    limits_by: str | None = None
    held: bool = False


class Console(Protocol):
    """A terminal inside a running launch."""

    async def read(self) -> bytes:
        """The next output; empty at the end."""
        ...

    async def write(self, data: bytes) -> None:
        """Send what was typed."""
        ...

    async def resize(self, columns: int, rows: int) -> None:
        """Tell the terminal's new size in characters."""
        ...

    async def close(self) -> None:
        """Hang up: the program inside gets SIGHUP."""
        ...


class Finding(Frozen):
    """One thing that is to be known of where launches run: what it is about, and what it means in the reader's language.

    ``state`` is ``good``, ``note`` (works, with less) or ``bad`` (does not work); ``next_step`` may be empty.
    """

    topic: str
    state: str
    means: str
    next_step: str = ""


class Launcher(Protocol):
    """Starts, stops and tells about launches; never decides who may start, never forgets one by itself."""

    def devices(self) -> tuple[str, ...]:
        """Ids of the GPUs there are to be given out, as ``LaunchSpec.devices`` names them."""
        ...

    def device_types(self) -> Mapping[str, str]:
        """The type of each GPU by its id, such as ``Tesla-K80``; what is not named has none."""
        ...

    def nearest(self, asked: Resources) -> Node | None:
        """Where launches run on several machines, and none of them has ``asked``, even if it were empty: the one that comes
        nearest. None where one has so much, and where there is one machine: then what is given out is what it has.

        Raises:
            trainyard.errors.Unavailable: nobody can tell just now.
        """
        ...

    def findings(self, language: str) -> tuple[Finding, ...]:
        """What the administrator should know of the machine or cluster, examined now; takes up to a few seconds."""
        ...

    def expect(self, key: str, identity: Identity, mounts: Sequence[Mount]) -> None:
        """Prepare what the launch ``key`` finds of the platform's when another process starts it, as the Hub does with
        workspaces; ``forget`` takes that back. What an earlier launch of this key left is gone.

        Raises:
            trainyard.errors.UserError: a mount cannot be used.
        """
        ...

    def start(self, spec: LaunchSpec) -> LaunchState:
        """Start ``spec``; when its key is known already, only tell the state.

        Raises:
            trainyard.errors.UserError: image, mount or entry are missing, or the machine refuses; nothing was started.
        """
        ...

    def stop(self, key: str, *, grace: float | None = None) -> None:
        """Ask the launch to end: SIGTERM, then SIGKILL after ``grace`` seconds. Returns at once; unknown keys are fine."""
        ...

    def state(self, key: str) -> LaunchState | None:
        """The truth about one launch, or None when nothing is known of it. A dead supervisor shows as ended."""
        ...

    def states(self) -> list[LaunchState]:
        """The truth about every launch that has not been forgotten."""
        ...

    def cpu_seconds(self, key: str) -> float | None:
        """What all processes of a running launch have computed so far; None where that is not known."""
        ...

    def changes(self) -> AsyncIterator[str]:
        """Keys of launches as they change (file events or a watch, not polling)."""
        ...

    async def console(self, key: str, argv: tuple[str, ...], columns: int, rows: int) -> Console:
        """Run ``argv`` on a terminal inside a running launch."""
        ...

    def forget(self, key: str) -> None:
        """Remove what an ended launch left behind, but what is at ``Home.kept``."""
        ...
