"""What the replicas of a job are told, and what their states say about it."""

from __future__ import annotations

import json

import pytest
from trainyard.jobs.launch import LaunchState, resolved
from trainyard.jobs.replicas import PORTS, Meeting, Together, environment, first_port, members, parts_of, together
from trainyard.jobs.states import Cause
from trainyard.records.distributed import Distributed, DistributedKind, Role

KEY = "job-00000000000000aa-1"


def state(name: str, phase: str, **more: object) -> LaunchState:
    return LaunchState.model_validate({"key": f"{KEY}-{name}", "phase": phase, **more})


def good(name: str, at: float = 1) -> LaunchState:
    return state(name, "ended", cause=Cause.EXITED, exit_code=0, ended_at=at)


def bad(name: str, at: float = 1, cause: Cause = Cause.EXITED) -> LaunchState:
    return state(name, "ended", cause=cause, exit_code=3, ended_at=at)


def starting(name: str) -> LaunchState:
    return state(name, "starting")


def running(name: str) -> LaunchState:
    return state(name, "running", started_at=1)


def seen(*states: LaunchState | str, closing: bool = False) -> Together:
    """Together, of states or of the names of replicas nobody knows."""
    by_name = {
        one if isinstance(one, str) else one.key.removeprefix(f"{KEY}-"): None if isinstance(one, str) else one
        for one in states
    }
    return together(KEY, by_name, closing=closing)


TABLE = {
    "nobody is known": (seen("worker0", "worker1"), None, "", (), ("worker0", "worker1")),
    "one is not known": (seen(running("worker0"), "worker1"), "starting", "", (), ("worker1",)),
    "one is starting": (seen(running("worker0"), starting("worker1")), "starting", "", (), ()),
    "all run": (seen(running("worker0"), running("worker1")), "running", "", (), ()),
    "one has done its part": (seen(good("worker0"), running("worker1")), "running", "", (), ()),
    "all have done their part": (seen(good("worker0"), good("worker1")), "ended", "", (), ()),
    "helpers go on": (seen(good("worker0"), running("server0")), "running", "", ("server0",), ()),
    "helpers were ended": (seen(good("worker0"), bad("server0", cause=Cause.STOPPED)), "ended", "", (), ()),
    "one died": (seen(running("worker0"), bad("worker1")), "running", "worker1", ("worker0",), ()),
    "one died while starting": (seen(bad("worker0"), starting("worker1")), "starting", "worker0", ("worker1",), ()),
    "one died before another was started": (seen(bad("worker0"), "worker1"), "ended", "worker0", (), ()),
    "a helper died": (seen(running("worker0"), bad("server0")), "running", "server0", ("worker0",), ()),
    "helpers wait for the last worker": (
        seen(bad("worker0"), running("worker1"), running("server0"), running("scheduler0")), "running", "worker0",
        ("worker1",), (),
    ),
    "helpers follow the workers": (
        seen(bad("worker0"), bad("worker1", 2), running("server0"), running("scheduler0")), "running", "worker0",
        ("server0", "scheduler0"), (),
    ),
    "all died": (seen(bad("worker0", 2), bad("worker1", 1)), "ended", "worker1", (), ()),
    "one was lost": (seen(bad("worker0", 1), bad("worker1", 2, Cause.SUPERVISOR_LOST)), "ended", "worker1", (), ()),
    "one was stopped for another": (seen(bad("worker0", 1, Cause.STOPPED), bad("worker1", 2)), "ended", "worker1", (), ()),
    "closing": (seen(running("worker0"), "worker1", closing=True), "starting", "", ("worker0",), ()),
    "closing, workers first": (
        seen(running("worker0"), good("worker1"), running("server0"), closing=True), "running", "", ("worker0",), ()
    ),
    "closing with helpers alone": (seen("worker0", running("server0"), closing=True), "starting", "", ("server0",), ()),
    "closing before the first": (seen("worker0", closing=True), None, "", (), ("worker0",)),
}  # fmt: skip


@pytest.mark.parametrize("row", TABLE)
def test_the_states_of_replicas_are_one_of_the_job(row: str) -> None:
    found, phase, first, stop, missing = TABLE[row]
    assert (found.state.phase if found.state else None, found.first, found.stop, found.missing) == (phase, first, stop, missing)


def test_the_end_is_told_by_who_died_first_and_amounts_are_summed() -> None:
    lost = state("worker0", "ended", cause=Cause.SIGNALLED, signal=9, ended_at=5, peak_memory=10, memory_limit=20)
    after = state("worker1", "ended", cause=Cause.EXITED, exit_code=1, ended_at=6, peak_memory=7, memory_limit=20)
    told = seen(after, lost).state
    assert told is not None
    assert (told.key, told.cause, told.signal, told.exit_code) == (KEY, Cause.SIGNALLED, 9, None)
    assert (told.peak_memory, told.memory_limit, told.ended_at) == (17, 40, 6)


def test_one_process_is_a_gang_of_one() -> None:
    alone = LaunchState(key=KEY, phase="ended", cause=Cause.EXITED, exit_code=2)
    assert together(KEY, {"": alone}) == Together(alone)


def meeting(kind: DistributedKind, **more: int) -> Meeting:
    found = members(parts_of(Distributed.model_validate({"kind": kind, **more})), "1Core2G")
    return Meeting(kind, found, [f"{KEY}-{one.name}" for one in found], 20000, KEY)


def told(meets: Meeting, name: str, gpus: int = 0) -> dict[str, str]:
    me = next(one for one in meets.members if one.name == name)
    addresses = {host: f"10.0.0.{place}" for place, host in enumerate(meets.hosts)}
    return resolved(environment(meets, me, gpus), addresses)


def test_pytorch_gets_the_variables_of_torchrun() -> None:
    second = told(meeting(DistributedKind.PYTORCH, workers=12), "worker11", gpus=4)
    assert second | {
        "MASTER_ADDR": "10.0.0.0", "MASTER_PORT": "20000", "RANK": "11", "WORLD_SIZE": "12", "LOCAL_RANK": "0",
        "PET_NNODES": "12", "PET_NODE_RANK": "11", "PET_NPROC_PER_NODE": "4", "TRAINYARD_REPLICA": "worker11",
    } == second  # fmt: skip


def test_tensorflow_gets_one_tf_config_each() -> None:
    second = told(meeting(DistributedKind.TENSORFLOW), "worker1")
    assert json.loads(second["TF_CONFIG"]) == {
        "cluster": {"worker": ["10.0.0.0:20000", "10.0.0.1:20001"]},
        "task": {"type": "worker", "index": 1},
    }


def test_mxnet_gets_a_scheduler_servers_and_workers() -> None:
    meets = meeting(DistributedKind.MXNET, workers=2, servers=2)
    assert [one.name for one in meets.members] == ["worker0", "worker1", "server0", "server1", "scheduler0"]
    server = told(meets, "server1")
    assert server | {
        "DMLC_ROLE": "server", "DMLC_PS_ROOT_URI": "10.0.0.4", "DMLC_PS_ROOT_PORT": "20004", "DMLC_NODE_HOST": "10.0.0.3",
        "DMLC_NUM_WORKER": "2", "DMLC_NUM_SERVER": "2",
    } == server  # fmt: skip


def test_a_role_may_have_a_package_of_its_own() -> None:
    asked = Distributed(kind=DistributedKind.MXNET, workers=1, packages={Role.SERVER: "4Core8G"})
    assert [one.package for one in members(parts_of(asked), "1Core2G")] == ["1Core2G", "4Core8G", "1Core2G"]


def test_ports_stay_below_those_the_kernel_gives_out() -> None:
    ports = [first_port(f"{number:08x}00000000", attempt) for number in (0, 0xFFFFFFFF, 12345) for attempt in (1, 2, 999)]
    assert all(20_000 <= port <= 32_768 - PORTS for port in ports)
    assert len(set(ports[:2])) == 2
