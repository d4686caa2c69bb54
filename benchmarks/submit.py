"""From submitting a training to the first line of its script, against running the script bare plus 1.5 s.

Ours is the time from sending the REST call until the line stands in the log on the group share; the script is the same.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tests.browser.running import RunningPlatform

if TYPE_CHECKING:
    from benchmarks.run import Row

ALLOWANCE = 1.5
TURNS = 5
LINE = "the first line"
SCRIPT = f"#!/bin/sh\necho {LINE}\n"


def rows() -> list[Row]:
    """One row: median seconds of five turns on both sides."""
    platform = RunningPlatform()
    try:
        platform.start()
        script = prepare(platform)
        ours = statistics.median(_submitted(platform, turn) for turn in range(TURNS))
        limit = statistics.median(_bare(script) for _ in range(TURNS)) + ALLOWANCE
    finally:
        platform.stop()
    name = "submit of a training to the first line of its script, against bare + 1.5 s"
    return [{"name": name, "ours": ours, "peer": limit, "unit": "s", "ratio": limit / ours, "reach": 1.0}]


def prepare(platform: RunningPlatform) -> Path:
    """A group with the administrator in it and the script on its share."""
    group = platform.ask("POST", "/groups", {"name": "bench"})
    platform.ask("PUT", "/groups/bench/members/1", {})

    def image_ready() -> bool:
        return any(image["name"] == "mxnet" and image["state"] == "ready" for image in platform.ask("GET", "/images"))

    platform.wait_for("the image mxnet", image_ready, 400)
    script = platform.home / "volume" / "groups" / str(group["id"]) / "admin" / "first.sh"
    script.write_text(SCRIPT)
    script.chmod(0o775)
    return script


def _submitted(platform: RunningPlatform, turn: int) -> float:
    log = platform.home / "volume/groups/1/admin/run" / f"train_bench{turn}_out.log"
    new = {"name": f"bench{turn}", "group": "bench", "image": "mxnet", "package": "1Core2G"}
    begin = time.perf_counter()
    platform.ask("POST", "/trainings", {**new, "entry": "/workspace/mnt/group/bench/admin/first.sh"})
    while not (log.exists() and LINE in log.read_text()):
        if time.perf_counter() - begin > 60:
            raise TimeoutError(f"no line in {log} within a minute")
        time.sleep(0.005)
    return time.perf_counter() - begin


def _bare(script: Path) -> float:
    begin = time.perf_counter()
    with subprocess.Popen([str(script)], stdout=subprocess.PIPE, env=dict(os.environ)) as process:
        if process.stdout is not None:
            process.stdout.readline()
        return time.perf_counter() - begin
