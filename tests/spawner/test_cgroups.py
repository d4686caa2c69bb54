"""Control groups version 2: where groups are made, what is written into them, and that nothing of them stays."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from trainyard_spawner import cgroups

from tests.spawner.unified import CONTROL, Unified, furnish, processes

HOME = Path("/srv/trainyard")
GIB = 1 << 30
REAL = """
import os, subprocess, sys, time
from pathlib import Path
from trainyard_spawner import cgroups
cgroups.MOUNT = Path(sys.argv[1])
ours = cgroups.MOUNT / f"trainyard-test-{os.getpid()}"
parent = cgroups.Parent("v2", {"memory": ours})
group = ours / "launch"
group.mkdir(parents=True)
child = subprocess.Popen(["sleep", "600"], preexec_fn=lambda: cgroups.enter([group]))
cgroups.shelter([group])
told = [(group / "cgroup.procs").read_text().split() == [str(child.pid)]]
told.append((ours / cgroups.LEAF / "cgroup.procs").read_text().split() == [str(os.getpid())])
told.append(cgroups.leftovers(parent, set()) == [group] and cgroups.leftovers(parent, {"launch"}) == [])
cgroups.remove([group])
told.append(child.wait(120) == -9 and not group.exists())
cgroups.enter([cgroups.MOUNT])
cgroups.remove([ours / cgroups.LEAF, ours])
told.append(not ours.exists())
print(told)
"""


@pytest.fixture
def mount(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine as Debian 12 starts it: every controller at the top, and our process in a service of systemd's."""
    top = tmp_path / "cgroup"
    top.mkdir()
    furnish(top, ["cpu", "memory", "pids"])
    monkeypatch.setattr(Unified, "top", top)
    mounted = Unified(top)
    monkeypatch.setattr(cgroups, "MOUNT", mounted)
    for controller in ("cpu", "memory", "pids"):
        (mounted / CONTROL).write_text(f"+{controller}")
    (mounted / "system.slice").mkdir()
    for controller in ("cpu", "memory", "pids"):
        (mounted / "system.slice" / CONTROL).write_text(f"+{controller}")
    (mounted / "system.slice/ssh.service").mkdir()
    (mounted / "system.slice/ssh.service/cgroup.procs").write_text("0")
    monkeypatch.setattr(cgroups, "_memberships", lambda: {"": "/system.slice/ssh.service"})
    return mounted


def found(mount: Path) -> cgroups.Parent:
    parent = cgroups.find_parent(HOME)
    assert parent is not None
    return parent


def test_root_makes_its_groups_at_the_top(mount: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    parent = found(mount)
    assert parent.kind == "v2"
    assert {folder.parent for folder in parent.folders.values()} == {mount}


def test_others_make_theirs_beside_their_own_group(mount: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert {folder.parent for folder in found(mount).folders.values()} == {mount / "system.slice"}


def test_without_the_memory_controller_there_is_none(mount: Path) -> None:
    for folder in (mount, mount / "system.slice"):
        Path(folder / "cgroup.controllers").write_text("cpu pids")
        Path(folder / CONTROL).write_text("cpu pids")
    assert cgroups.find_parent(HOME) is None


def test_limits_are_written(mount: Path) -> None:
    (group,) = cgroups.create(found(mount), "job-1", memory=2 * GIB, cpu=1.5, tasks=4096)
    written = {name: (group / name).read_text() for name in ("memory.max", "memory.swap.max", "cpu.max", "pids.max")}
    assert written == {
        "memory.max": str(2 * GIB),
        "memory.swap.max": "0",
        "cpu.max": "150000 100000",
        "pids.max": "4096",
    }


def test_a_supervisor_is_beside_what_it_watches(mount: Path) -> None:
    groups = cgroups.create(found(mount), "job-1", memory=GIB, cpu=1, tasks=10)
    cgroups.enter(groups)
    assert processes(groups[0]) == [str(os.getpid())]
    cgroups.shelter(groups)
    assert processes(groups[0]) == []
    assert processes(groups[0].parent / cgroups.LEAF) == [str(os.getpid())]


def test_what_the_kernel_killed_and_counted_is_told(mount: Path) -> None:
    groups = cgroups.create(found(mount), "job-1", memory=GIB, cpu=1, tasks=10)
    (groups[0] / "memory.events").write_text("low 0\nhigh 0\nmax 12\noom 1\noom_kill 0\noom_group_kill 0\n")
    assert not cgroups.out_of_memory(groups)
    (groups[0] / "memory.events").write_text("low 0\nhigh 0\nmax 12\noom 1\noom_kill 1\noom_group_kill 0\n")
    (groups[0] / "memory.peak").write_text(f"{GIB}\n")
    assert cgroups.out_of_memory(groups)
    assert cgroups.peak_memory(groups) == GIB


def test_groups_of_launches_that_are_no_more_are_found_and_removed(mount: Path) -> None:
    parent = found(mount)
    for name in ("alive", "dead"):
        cgroups.create(parent, name, memory=GIB, cpu=1, tasks=10)
    cgroups.shelter(parent.group("alive"))
    (left,) = cgroups.leftovers(parent, {"alive"})
    cgroups.remove([left])
    assert not left.exists()
    assert parent.group("alive")[0].is_dir()


@pytest.mark.root
def test_on_the_kernels_own_hierarchy_groups_are_entered_left_emptied_and_removed(tmp_path: Path) -> None:
    """Also where its controllers belong to version 1: the hierarchy itself can be mounted beside."""
    mounted = tmp_path / "mounted"
    mounted.mkdir()
    script = f'mount -t cgroup2 none "{mounted}" || exit 77; exec "$@"'
    command = ["unshare", "--mount", "bash", "-c", script, "-", sys.executable, "-c", REAL, str(mounted)]
    told = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    if told.returncode == 77:
        pytest.skip(f"the kernel refuses the hierarchy: {told.stderr.strip()}")
    assert told.stdout.strip() == "[True, True, True, True, True]", told.stderr


def test_the_group_of_a_home_goes_when_nothing_runs_in_it_and_not_before(tmp_path: Path) -> None:
    parent = cgroups.find_parent(tmp_path)
    if parent is None:
        pytest.skip("this machine lets us make no control groups")
    launch = parent.group("job-1")
    for folder in launch:
        folder.mkdir()
        (folder.parent / cgroups.LEAF).mkdir(exist_ok=True)
    cgroups.remove_unused(tmp_path)
    assert all(folder.is_dir() for folder in launch)
    cgroups.remove(launch)
    cgroups.remove_unused(tmp_path)
    assert not any(folder.parent.exists() for folder in launch)
