"""The first chart of ten runs with a million points each: followed by the service, and never seen before.

Foreign files are read by TensorBoard too: by its default loader (the data server, until every series is there to its end) and
by ``--load_fast=false``, which is measured on a hundredth of the points and reckoned up: it takes many minutes for all.
Also what a callback costs a training step of 10 ms, in CPU seconds of the whole process, and how a log of 1 GB opens at its
end.
"""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trainyard.metrics import EventWriter
from trainyard.metrics.events import scalar_event, version_event
from trainyard.tfrecord import frame
from trainyard_service.jobs.log import LogFile

from benchmarks._followed import RUNS

if TYPE_CHECKING:
    from benchmarks.run import Row

TAGS = ("loss/train", "accuracy/train", "learning_rate", "throughput/samples_per_second")
STEPS = 250_000
PART = 100
TURNS = 2
SCALARS, STEP_SECONDS = 7, 0.010
LOG_BYTES, TAIL = 1 << 30, 256 * 1024


def rows() -> list[Row]:
    """Seven comparisons."""
    folder = Path(tempfile.mkdtemp(prefix="bench-curves-"))
    try:
        logs = _write_runs(folder)
        foreign = min(_ask(_fresh(folder))["seconds"] for _ in range(TURNS))
        default = min(_default_loader(logs) for _ in range(TURNS))
        slow = _slow_loader(folder) * PART * RUNS
        _ask(folder)
        followed = [_ask(folder) for _ in range(TURNS)]
        seconds = min(one["seconds"] for one in followed)
        memory = max(one["megabytes"] for one in followed)
        return [
            _row("first chart of ten runs × 1,000,000 points, followed, after a cold start", seconds, 1.0, "s"),
            _row("memory of that chart above the idle service", memory, 100.0, "MB"),
            _row("first chart of as much never seen before, against TensorBoard's default loader", foreign, default, "s"),
            _row("the same against --load_fast=false", foreign, slow, "s", 5.0),
            _row("callback in a training step of 10 ms, against 1 % of it", _callback(folder) * 1e3, STEP_SECONDS * 10, "ms"),
            _row("a log of 1 GB opens at its end", _log(folder), 0.3, "s"),
        ]
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _row(name: str, ours: float, peer: float, unit: str, reach: float = 1.0) -> Row:
    return {"name": name, "ours": ours, "peer": peer, "unit": unit, "ratio": peer / ours, "reach": reach}


def _write_runs(folder: Path) -> Path:
    """Ten runs; the folder they lie in."""
    (folder / "service").mkdir()
    dice = random.Random(1)
    values = [dice.random() for _ in range(1000)]
    for number in range(RUNS):
        logs = folder / "volume" / "runs" / f"run{number}" / f"instance{number}" / "logs"
        logs.mkdir(parents=True)
        with (logs / "events.out.tfevents.1700000000.host").open("wb") as file:
            file.write(frame(version_event(1.7e9)))
            for step in range(STEPS):
                moment = 1.7e9 + step * 0.01
                file.write(b"".join(frame(scalar_event(moment, step, tag, values[(step * 7 + number) % 1000])) for tag in TAGS))
    return folder / "volume" / "runs"


def _fresh(folder: Path) -> Path:
    shutil.rmtree(folder / "service" / "series", ignore_errors=True)
    return folder


def _ask(folder: Path) -> dict[str, Any]:
    answer = subprocess.run(
        [sys.executable, "-m", "benchmarks._followed", str(folder)], check=True, capture_output=True, text=True
    )
    told: dict[str, Any] = json.loads(answer.stdout)
    if told["points"] != RUNS * STEPS * len(TAGS):
        raise AssertionError(f"{told['points']} points")
    return told


def _default_loader(logs: Path) -> float:
    """Seconds from the start of TensorBoard's data server until it knows the last step of every series."""
    import tensorboard_data_server  # type: ignore[import-untyped]
    from tensorboard import context
    from tensorboard.data import server_ingester
    from tensorboard.util import grpc_util

    binary = server_ingester.ServerBinary(tensorboard_data_server.server_binary(), tensorboard_data_server.__version__)
    begin = time.perf_counter()
    ingester = server_ingester.SubprocessServerDataIngester(
        binary, str(logs), reload_interval=0, channel_creds_type=grpc_util.ChannelCredsType.LOCAL
    )
    ingester.start()
    provider, plain = ingester.data_provider, context.RequestContext()
    try:
        while True:
            found = provider.list_scalars(plain, experiment_id="", plugin_name="scalars")
            known = [series for run in found.values() for series in run.values()]
            if len(known) == RUNS * len(TAGS) and all(series.max_step == STEPS - 1 for series in known):
                return time.perf_counter() - begin
            time.sleep(0.02)
    finally:
        del ingester


def _slow_loader(folder: Path) -> float:
    """Seconds of ``--load_fast=false`` for a hundredth of one run."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    few = folder / "few" / "events.out.tfevents.1700000000.host"
    few.parent.mkdir()
    events = (scalar_event(1.7e9 + step, step, tag, 0.5) for step in range(STEPS // PART) for tag in TAGS)
    few.write_bytes(b"".join(frame(event) for event in events))
    begin = time.perf_counter()
    EventAccumulator(str(few)).Reload()
    return time.perf_counter() - begin


def _callback(folder: Path) -> float:
    """CPU seconds of reporting a step's scalars, in the training and in the thread that writes them."""
    steps = 2000
    with EventWriter(folder / "callback") as writer:
        begin = time.process_time()
        for step in range(steps):
            for number in range(SCALARS):
                writer.add_scalar(f"scalar/{number}", step * 0.5, step)
            if step % 50 == 49:
                writer.flush()
        writer.flush()
        return (time.process_time() - begin) / steps


def _log(folder: Path) -> float:
    """Seconds until the end of a log of 1 GB is there, the slowest of many."""
    path = folder / "train_x_out.log"
    line = b"Epoch[2] Batch [70]  Speed: 848.93 samples/sec  accuracy=0.9\n" * 16_384
    with path.open("wb") as file:
        while file.tell() < LOG_BYTES:
            file.write(line)
    slowest = 0.0
    for _ in range(20):
        begin = time.perf_counter()
        if len(LogFile(folder, path.name).read(-TAIL, TAIL)[0]) != TAIL:
            raise AssertionError("the end is not there")
        slowest = max(slowest, time.perf_counter() - begin)
    return slowest
