"""Jobs of several processes: which there are, what they are told about each other, and what their states say of the job.

Pure functions over records. A job without replicas is a gang of one, so that there is one rule for both.

| replicas | the job |
|---|---|
| every worker ended well | over, finished; servers and the scheduler are ended |
| one ended otherwise | over with the end of the one that died first; the others are ended |
| some are not known yet | starting |
| some are starting | starting |
| all run, or have ended well | running |

A job that is over has ended when nobody of it lives any more. Workers are asked to end before servers and the scheduler are: a
worker saves after the batch it is in, and to finish that it needs them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from trainyard.jobs.launch import LaunchState
from trainyard.jobs.states import Cause
from trainyard.records.distributed import Distributed, DistributedKind, Role

FIRST_PORT, LAST_PORT, PORTS = 20_000, 32_000, 64
"""Below the ports the kernel gives out by itself; a job has so many in a row, one for each replica."""
_SUMMED = ("peak_memory", "memory_limit", "peak_cpu", "cpu_limit", "peak_gpu_memory", "gpu_memory_limit")


@dataclass(frozen=True)
class Part:
    """So many replicas of one role; ``package`` is empty where they have the job's own."""

    role: Role
    count: int
    package: str = ""

    def to_json(self) -> dict[str, Any]:
        """As it is stored."""
        return {"role": self.role.value, "count": self.count, "package": self.package}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Part:
        """What ``to_json`` wrote."""
        return cls(Role(stored["role"]), stored["count"], stored["package"])


@dataclass(frozen=True)
class Member:
    """One replica: its place among all, its role, and its rank within that."""

    place: int
    role: Role
    rank: int
    package: str

    @property
    def name(self) -> str:
        """Such as ``worker0``."""
        return f"{self.role}{self.rank}"


@dataclass(frozen=True)
class Together:
    """What the states of all replicas say about their job.

    ``state`` is the job's as a launcher would tell it, amounts summed; ``first`` names the replica that decided the end.
    ``stop``: replicas that have to be ended now, the last worker before servers and the scheduler. ``missing``: replicas that
    have to be started.
    """

    state: LaunchState | None
    first: str = ""
    stop: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()


def parts_of(distributed: Distributed) -> list[Part]:
    """The layout of a distributed job; the first worker is the first replica."""
    counts = {Role.WORKER: distributed.workers}
    if distributed.kind is DistributedKind.MXNET:
        counts |= {Role.SERVER: distributed.servers, Role.SCHEDULER: 1}
    return [Part(role, count, distributed.packages.get(role, "")) for role, count in counts.items()]


def members(parts: Iterable[Part], package: str) -> list[Member]:
    """Every replica, in the order in which devices are given out; ``package`` is the job's own."""
    found: list[Member] = []
    for part in parts:
        found += [Member(len(found) + rank, part.role, rank, part.package or package) for rank in range(part.count)]
    return found


def key_of(job_key: str, name: str) -> str:
    """The launcher's key of a replica; the job's own where there is one process only."""
    return f"{job_key}-{name}" if name else job_key


def first_port(job_id: str, attempt: int) -> int:
    """Where the ports of an attempt begin: as good as nobody else's, also where all jobs share one network."""
    slots = (LAST_PORT - FIRST_PORT) // PORTS
    return FIRST_PORT + (int(job_id[:8], 16) + 31 * attempt) % slots * PORTS


@dataclass(frozen=True)
class Meeting:
    """What replicas need to find each other: their number and hosts by place, and the first of their ports."""

    kind: DistributedKind
    members: Sequence[Member]
    hosts: Sequence[str]
    port: int
    run: str = ""

    def addresses(self, role: Role) -> list[str]:
        """``host:port`` of every replica of that role, by rank."""
        return [f"{self.hosts[one.place]}:{self.port + one.place}" for one in self.members if one.role is role]

    def count(self, role: Role) -> int:
        """How many there are."""
        return sum(one.role is role for one in self.members)


def environment(meeting: Meeting, me: Member, gpus: int = 0) -> dict[str, str]:
    """What one replica is told: our own names, and those its framework looks for."""
    told = {
        "TRAINYARD_REPLICA": me.name,
        "TRAINYARD_ROLE": me.role.value,
        "TRAINYARD_RANK": str(me.rank),
        "TRAINYARD_WORKERS": str(meeting.count(Role.WORKER)),
        "TRAINYARD_PORT": str(meeting.port + me.place),
    }
    of_kind = {
        DistributedKind.PYTORCH: _for_pytorch,
        DistributedKind.TENSORFLOW: _for_tensorflow,
        DistributedKind.MXNET: _for_mxnet,
    }
    return told | of_kind[meeting.kind](meeting, me, gpus)


def _for_pytorch(meeting: Meeting, me: Member, gpus: int) -> dict[str, str]:
    """What ``torchrun`` sets for its processes, one a replica; and ``PET_…`` for a script that calls ``torchrun`` itself.

    Source: https://docs.pytorch.org/docs/stable/elastic/run.html
    """
    rank, world, host, port = str(me.rank), str(meeting.count(Role.WORKER)), meeting.hosts[0], str(meeting.port)
    return {
        "MASTER_ADDR": host,
        "MASTER_PORT": port,
        "RANK": rank,
        "WORLD_SIZE": world,
        "LOCAL_RANK": "0",
        "LOCAL_WORLD_SIZE": "1",
        "GROUP_RANK": rank,
        "GROUP_WORLD_SIZE": world,
        "ROLE_RANK": rank,
        "ROLE_WORLD_SIZE": world,
        "TORCHELASTIC_RUN_ID": meeting.run,
        "PET_NNODES": world,
        "PET_NODE_RANK": rank,
        "PET_MASTER_ADDR": host,
        "PET_MASTER_PORT": port,
        "PET_NPROC_PER_NODE": str(max(1, gpus)),
    }


def _for_tensorflow(meeting: Meeting, me: Member, _gpus: int) -> dict[str, str]:
    """Source: https://www.tensorflow.org/guide/distributed_training#setting_up_the_tf_config_environment_variable."""
    cluster = {"worker": meeting.addresses(Role.WORKER)}
    return {"TF_CONFIG": json.dumps({"cluster": cluster, "task": {"type": "worker", "index": me.rank}})}


def _for_mxnet(meeting: Meeting, me: Member, _gpus: int) -> dict[str, str]:
    """Source: https://mxnet.apache.org/versions/1.9.1/api/faq/distributed_training.html#manually-launching-jobs."""
    scheduler = next(one for one in meeting.members if one.role is Role.SCHEDULER)
    return {
        "DMLC_ROLE": me.role.value,
        "DMLC_PS_ROOT_URI": meeting.hosts[scheduler.place],
        "DMLC_PS_ROOT_PORT": str(meeting.port + scheduler.place),
        "DMLC_NODE_HOST": meeting.hosts[me.place],
        "DMLC_NUM_WORKER": str(meeting.count(Role.WORKER)),
        "DMLC_NUM_SERVER": str(meeting.count(Role.SERVER)),
    }


def together(key: str, states: Mapping[str, LaunchState | None], *, closing: bool = False) -> Together:
    """What the states of a job's replicas, by name, say about the job ``key``.

    ``closing``: it is to end anyway, so nobody is started any more. A job of one process has the one name ``""``.
    """
    known = {name: state for name, state in states.items() if state is not None}
    living = tuple(name for name, state in known.items() if state.phase != "ended")
    next_to_end = tuple(name for name in living if is_worker(name)) or living
    missing = tuple(name for name in states if name not in known)
    workers = [name for name in states if is_worker(name)]
    done = all((state := known.get(name)) is not None and _good(state) for name in workers)
    died = [] if done else [name for name, state in known.items() if state.phase == "ended" and not _good(state)]
    if done or died or (closing and known):
        first = min(died or workers, key=lambda name: (*_order(known.get(name), closing=closing), name))
        if living:
            return Together(_summed(key, known, _phase(known, missing)), first if died else "", stop=next_to_end)
        return Together(_ended(key, known, known.get(first) or next(iter(known.values()))), first if died else "")
    if not known:
        return Together(None, missing=missing)
    return Together(_summed(key, known, _phase(known, missing)), missing=missing)


def is_worker(name: str) -> bool:
    """Whether the replica of that name trains; one process alone, whose name is empty, does."""
    return not name or name.startswith(Role.WORKER)


def _good(state: LaunchState) -> bool:
    return state.phase == "ended" and state.cause is Cause.EXITED and state.exit_code == 0


def _order(state: LaunchState | None, *, closing: bool) -> tuple[int, float]:
    """Who counts as the first that died: who was lost, as nobody saw when; then by time; last whom we stopped for another."""
    if state is None:
        return 3, 0
    lost = state.cause in (Cause.SUPERVISOR_LOST, Cause.NODE_LOST)
    stopped = state.cause is Cause.STOPPED and not closing
    return 0 if lost else 2 if stopped else 1, state.ended_at or 0


def _phase(known: Mapping[str, LaunchState], missing: Sequence[str]) -> str:
    begun = not missing and all(state.phase != "starting" for state in known.values())
    return "running" if begun else "starting"


def _summed(key: str, known: Mapping[str, LaunchState], phase: str) -> LaunchState:
    if list(known) == [""]:
        return known[""]
    sums: dict[str, float | None] = {}
    for name in _SUMMED:
        values = [value for state in known.values() if (value := getattr(state, name)) is not None]
        sums[name] = sum(values) if values else None
    started = [state.started_at for state in known.values() if state.started_at is not None]
    running = [state.running_for for state in known.values() if state.running_for is not None]
    return LaunchState(
        key=key,
        phase=phase,
        started_at=max(started, default=None) if len(started) == len(known) else None,
        running_for=max(running, default=None),
        **sums,
    )


def _ended(key: str, known: Mapping[str, LaunchState], told: LaunchState) -> LaunchState:
    """The end of all, told by one of them; what they used is summed."""
    if list(known) == [""]:
        return told
    ends = [state.ended_at for state in known.values() if state.ended_at is not None]
    summed = _summed(key, known, "ended")
    changes = {name: getattr(summed, name) for name in ("key", "started_at", *_SUMMED)}
    return told.model_copy(update={**changes, "ended_at": max(ends, default=None)})
