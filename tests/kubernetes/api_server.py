"""The test cluster's API server is killed and started again, as it was."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.kubernetes.conftest import until

LONG = 600.0


@contextmanager
def api_server_away() -> Iterator[None]:
    """Killed for as long as the block lasts, ready after it; skipped where it is not a process of this machine."""
    state = Path(os.environ["KUBECONFIG"]).parent
    remembered = state / "pids/kube-apiserver"
    if not remembered.is_file():
        pytest.skip("the API server is not a process that this test may restart")
    pid = int(remembered.read_text())
    argv = Path(f"/proc/{pid}/cmdline").read_bytes().decode().rstrip("\0").split("\0")
    os.kill(pid, signal.SIGKILL)
    try:
        until(lambda: not alive(pid))
        yield
    finally:
        with (state / "logs/kube-apiserver").open("ab") as log:
            started = subprocess.Popen(argv, stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True)
        remembered.write_text(f"{started.pid}\n")
        ready = ["kubectl", "get", "--raw", "/readyz"]
        until(lambda: subprocess.run(ready, capture_output=True, check=False).returncode == 0, LONG)


def alive(pid: int) -> bool:
    """Whether the process runs; one that has ended and that nobody has asked about yet does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
