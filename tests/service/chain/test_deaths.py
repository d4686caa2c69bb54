"""Eight induced deaths in real sandboxes give eight right causes, each with its numbers, last lines and what to do."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from trainyard.jobs.launch import LaunchSpec, Mount
from trainyard_service.database.base import now
from trainyard_service.database.tables.jobs import WorkspaceRow
from trainyard_service.jobs.settings import JobSettings
from trainyard_service.storage.mounts import Mounts
from trainyard_service.workspaces.idle import IdleWatch

from .conftest import Person, until

pytestmark = [pytest.mark.slow, pytest.mark.one_database]
ENDED = ("finished", "failed", "stopped")
MB = 1 << 20


def submit(alice: Person, script: str, name: str = "dying", **more: Any) -> Any:
    """A training that runs ``script`` of the group's share with the image's Python."""
    path = alice.put_on_share(alice.group, f"{name}.py")
    path.write_text(script)
    path.chmod(0o644)
    entry = f"python -u /workspace/mnt/group/vision/alice/{name}.py"
    body = {"name": name, "group": "vision", "image": "workspace", "package": "1Core2G", "entry": entry, **more}
    return alice.ok("POST", "/trainings", json=body)


def ended(alice: Person, made: Any) -> Any:
    return alice.until(f"/trainings/{made['id']}", lambda one: one["job"]["state"] in ENDED)


def certificate(alice: Person, made: Any) -> Any:
    """The ending, after a look at what every one of them must have."""
    job = ended(alice, made)["job"]
    ending = job["ending"]
    assert job["state"] in ("failed", "stopped")
    assert ending["text"]
    assert ending["suggestion"]
    assert len(ending["last_lines"]) <= 50
    assert alice.ok("GET", "/usage")["used"]["jobs"] == 0
    [attempt] = alice.ok("GET", f"/jobs/{job['id']}/attempts")
    assert attempt["ending"]["cause"] == ending["cause"]
    return ending


def test_an_exit_code(alice: Person) -> None:
    script = "import sys\nfor n in range(60): print('line', n)\nsys.exit(3)"
    ending = certificate(alice, submit(alice, script))
    assert (ending["cause"], ending["exit_code"], ending["error_class"]) == ("exited", 3, "unknown")
    assert ending["last_lines"] == [f"line {number}" for number in range(10, 60)]
    assert ending["memory_limit"] == 2 << 30
    assert ending["peak_memory"] is None or ending["peak_memory"] < ending["memory_limit"]


def test_a_signal(alice: Person) -> None:
    ending = certificate(alice, submit(alice, "import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)"))
    assert (ending["cause"], ending["signal"]) == ("signalled", 11)
    assert "native code" in ending["suggestion"]


def test_the_machines_memory(alice: Person) -> None:
    script = "import time\nheld = []\nwhile True:\n    held.append(bytearray(64 << 20))\n    time.sleep(0.02)"
    ending = certificate(alice, submit(alice, script))
    assert (ending["cause"], ending["error_class"], ending["memory_limit"]) == ("out-of-memory", "permanent", 2 << 30)
    assert ending["peak_memory"] > 1 << 30


def test_memory_that_the_program_gives_up_on_by_itself_is_offered_twice(alice: Person) -> None:
    made = submit(alice, "print('halving')\nraise MemoryError")
    ending = certificate(alice, made)
    assert (ending["cause"], ending["offer"]) == ("out-of-memory", {"kind": "twice-the-memory", "package": "2Core4G"})
    again = alice.ok("POST", f"/trainings/{made['id']}/start", json={"package": "2Core4G"})
    assert again["job"]["package"] == "2Core4G"
    assert ended(alice, made)["job"]["ending"]["memory_limit"] == 4 << 30


@pytest.fixture
def small_disk(alice: Person) -> Iterator[Path]:
    """The person's folder ``full`` on the share is a disk of its own, of few megabytes."""
    folder = alice.put_on_share(alice.group, "full")
    folder.mkdir()
    if os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("only root mounts")
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m,mode=0777", "tmpfs", folder], check=False)
    if mounted.returncode:
        pytest.skip("this machine does not let us mount")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def test_a_full_disk(alice: Person, small_disk: Path) -> None:
    place = f"/workspace/mnt/group/vision/alice/{small_disk.name}/x"
    script = f"with open('{place}', 'wb') as file:\n    file.write(bytes(64 << 20))"
    ending = certificate(alice, submit(alice, script))
    assert (ending["cause"], ending["error_class"]) == ("disk-full", "permanent")
    assert "No space left on device" in "\n".join(ending["last_lines"])


def test_the_time_limit(alice: Person) -> None:
    ending = certificate(alice, submit(alice, "import time\nprint('on')\ntime.sleep(600)", hours=0.0014))
    assert (ending["cause"], ending["last_lines"], ending["error_class"]) == ("time-limit", ["on"], None)
    assert "checkpoint" in ending["suggestion"]


def test_a_person(alice: Person) -> None:
    made = submit(alice, "import time\nprint('on')\ntime.sleep(600)")
    alice.until(f"/trainings/{made['id']}", lambda one: one["job"]["state"] == "running")
    alice.ok("POST", f"/trainings/{made['id']}/stop")
    ending = certificate(alice, made)
    assert (ending["cause"], ending["stopped_by"], ending["text"]) == ("stopped", "alice", "Stopped by alice.")


def test_a_mount_that_fails(chain: Any, alice: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bound bucket whose mount went away between the grant and the start."""
    gone = chain.context.home.root / "gone"
    mount = Mount(source=gone, target=Path("/workspace/mnt/bucket/pictures"))
    monkeypatch.setattr(Mounts, "for_launch", lambda *_: (mount,))
    ending = certificate(alice, submit(alice, "print('never')"))
    assert (ending["cause"], ending["error_class"], ending["last_lines"]) == ("mount-failed", "permanent", [])
    assert "/workspace/mnt/bucket/pictures" in ending["text"]


class Silent:
    """A Hub that has heard of nobody for a long time."""

    def last_activity(self, hub_name: str) -> datetime:
        return now() - timedelta(days=1)


def start_workspace(chain: Any, alice: Person, command: str) -> str:
    """A granted workspace that runs ``command`` instead of JupyterLab; its key."""
    path = f"/internal/workspaces/{alice.who.hub_name}/launch"
    grant = chain.internal().post(path, json={"options": {"group": "vision"}}).json()
    more = {"argv": ["bash", "-c", command], "environment": {}, "working_directory": "/workspace/home", "grace": 1}
    known = {name: value for name, value in grant.items() if name in LaunchSpec.model_fields and value is not None}
    chain.context.launcher.start(LaunchSpec.model_validate({**known, **more}))
    return str(grant["key"])


def be_used_last(chain: Any, before: timedelta) -> None:
    with chain.context.database.write() as session:
        row = session.scalars(select(WorkspaceRow)).one()
        row.active = now() - before


def stopped_workspace(alice: Person) -> Any:
    alice.until("/workspace", lambda one: one["state"] == "stopped" and one["ending"])
    until(lambda: alice.ok("GET", "/usage")["used"]["cpu"] == 0)  # given back as the certificate is written
    return alice.ok("GET", "/workspace")["ending"]


def looked(watch: IdleWatch) -> bool:
    watch.look()
    return True


def running_workspace(chain: Any, alice: Person, command: str) -> str:
    """One whose program has begun: it has said ``up``, if that is what it does."""
    key = start_workspace(chain, alice, command)
    alice.until("/workspace", lambda one: one["state"] == "running")
    output = chain.context.home.launches / key / "output.log"
    until(lambda: "echo up" not in command or output.read_text() == "up\n")
    return key


def test_idleness(chain: Any, alice: Person) -> None:
    running_workspace(chain, alice, "echo up; sleep 600")
    chain.context.parts["hub_servers"] = Silent()
    watch = IdleWatch(chain.context, JobSettings(workspace_idle_hours=4))
    be_used_last(chain, timedelta(hours=3, minutes=45))
    watch.look()
    until(lambda: looked(watch) and alice.ok("GET", "/notices")["items"])
    assert "computes nothing" in alice.ok("GET", "/notices")["items"][0]["text"]
    be_used_last(chain, timedelta(hours=5))
    until(lambda: looked(watch) and alice.ok("GET", "/workspace")["state"] == "stopped")
    ending = stopped_workspace(alice)
    assert (ending["cause"], ending["last_lines"]) == ("idle", ["up"])
    assert ending["text"] == "Nobody used it for 4 h, and it computed nothing; the platform stopped it."


@pytest.mark.parametrize("jump", [timedelta(days=2), -timedelta(days=2)], ids=["forward", "back"])
def test_a_workspace_keeps_its_hours_when_the_machines_clock_is_set(chain: Any, alice: Person, jump: timedelta) -> None:
    """To the row it is the same whether the clock was set forward or its times lie further back."""
    running_workspace(chain, alice, "echo up; sleep 600")
    with chain.context.database.write() as session:
        row = session.scalars(select(WorkspaceRow)).one()
        began, row.started, row.ends_at, row.active = row.started, row.started - jump, row.ends_at - jump, row.started - jump

    def corrected() -> bool:
        with chain.context.database.read() as session:
            seen = session.scalars(select(WorkspaceRow)).one()
            return all(abs(one - began) < timedelta(hours=1) for one in (seen.started, seen.active))

    until(corrected)
    chain.context.parts["hub_servers"] = Silent()
    watch = IdleWatch(chain.context, JobSettings(workspace_idle_hours=4))
    for _ in range(2):  # the first only takes note
        watch.look()
    told = alice.ok("GET", "/workspace")
    assert told["state"] == "running"
    assert abs(datetime.fromisoformat(told["ends"]) - began - timedelta(hours=24)) < timedelta(hours=1)


def test_a_workspace_that_computes_is_never_idle(chain: Any, alice: Person) -> None:
    key = running_workspace(chain, alice, "while :; do :; done")
    chain.context.parts["hub_servers"] = Silent()
    watch = IdleWatch(chain.context, JobSettings(workspace_idle_hours=4))
    be_used_last(chain, timedelta(hours=5))
    watch.look()
    before = chain.context.launcher.cpu_seconds(key)
    # on a busy machine it gets little time: what counts is that the share it gets is told
    seen = watch._computed[key]
    until(lambda: chain.context.launcher.cpu_seconds(key) > before + 0.2)
    watch._computed[key] = (seen[0], time.monotonic() - 1)
    watch.look()
    with chain.context.database.read() as session:
        row = session.scalars(select(WorkspaceRow)).one()
    assert row.ending is None
    assert now() - row.active < timedelta(hours=1)


def test_a_workspace_that_was_killed_says_so(chain: Any, alice: Person) -> None:
    start_workspace(chain, alice, "echo up; exec python3 -c 'import os; os.kill(os.getpid(), 9)'")
    ending = stopped_workspace(alice)
    assert (ending["cause"], ending["signal"], ending["last_lines"]) == ("signalled", 9, ["up"])
