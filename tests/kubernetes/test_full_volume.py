"""A volume without room, on a real cluster: a job is told so in its end, and works again when there is room."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest
from trainyard.home import Home
from trainyard.jobs.launch import LaunchSpec
from trainyard.jobs.states import Cause
from trainyard_spawner.kubernetes.launcher import KubernetesLauncher

from tests.contracts.launcher import run
from tests.kubernetes.conftest import PERSON
from tests.kubernetes.small_volume import fill, small

pytestmark = [pytest.mark.cluster, pytest.mark.root]
SIZE = 16 << 20
SHARE = "/workspace/mnt/group/g"


def test_a_program_that_finds_no_room_on_the_share_is_told_so_and_runs_when_there_is(
    launcher: KubernetesLauncher, home: Home, make: Callable[..., LaunchSpec]
) -> None:
    with small(home.volume, SIZE):
        share = home.group_share(1)
        share.mkdir(parents=True)
        os.chown(share, PERSON.uid, PERSON.groups[0])
        filled = fill(share)
        writes = f"dd if=/dev/zero of={SHARE}/made bs=1M count=4"
        ended = run(launcher, make(writes))
        assert (ended.cause, ended.exit_code) == (Cause.DISK_FULL, 1)
        filled.unlink()
        assert run(launcher, make(writes, key="again")).exit_code == 0
        assert (share / "made").stat().st_size == 4 << 20


def test_a_program_that_needs_no_room_is_not_hurt_by_a_log_that_finds_none(
    launcher: KubernetesLauncher, home: Home, make: Callable[..., LaunchSpec]
) -> None:
    with small(home.volume, SIZE):
        share = home.group_share(1)
        share.mkdir(parents=True)
        os.chown(share, PERSON.uid, PERSON.groups[0])
        fill(share)
        ended = run(launcher, make("for i in {1..10000}; do echo a line that nobody will read; done"))
        assert (ended.cause, ended.exit_code) == (Cause.EXITED, 0)


def test_how_a_program_ended_is_told_though_the_folder_of_launches_is_full(
    launcher: KubernetesLauncher, home: Home, make: Callable[..., LaunchSpec]
) -> None:
    with small(home.launches, SIZE):
        fill(home.launches)
        ended = run(launcher, make("exit 3"))
        assert ended.exit_code == 3
