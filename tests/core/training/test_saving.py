"""When a monitor keeps a snapshot: a stop at the end of an epoch leaves one, also where it meets the periodic one."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from trainyard.training import Moment, Reading, TrainInstance
from trainyard.training.saving import SavingMonitor
from trainyard.training.signals import Stopped
from trainyard.training.snapshots import is_whole, snapshots

from tests.frameworks import run as run_script


class Weights(SavingMonitor):
    """A model of a few bytes; ``asked`` is the epoch whose snapshot is being written when somebody asks to stop."""

    asked = -1
    weights = b"w"

    def write_model(self, folder: Path, moment: Moment) -> None:
        if moment.epoch == self.asked:
            os.kill(os.getpid(), signal.SIGTERM)
        (folder / "weights").write_bytes(self.weights)


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[TrainInstance]:
    monkeypatch.chdir(tmp_path)
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    with TrainInstance() as made:
        yield made
    signal.signal(signal.SIGTERM, before[0])
    signal.signal(signal.SIGINT, before[1])


def train(monitor: Weights, epochs: int = 3, batches: int = 4) -> None:
    for epoch in range(epochs):
        for batch in range(batches):
            monitor.batch_done(epoch, batch, lambda: Reading([]))
            monitor.end_if_asked(epoch)
        monitor.epoch_done(epoch)
        monitor.epoch_over(epoch)


def kept(output: Path) -> list[tuple[int, int, bool]]:
    return [(one.epoch, one.step, is_whole(one.file)) for one in snapshots(output)]


def test_asked_while_the_periodic_snapshot_is_packed_it_ends_with_that_one(run: TrainInstance) -> None:
    monitor = Weights(run)
    monitor.asked = 2
    with pytest.raises(Stopped):
        train(monitor)
    assert kept(run.output) == [(1, 4, True), (2, 8, True)]


def test_asked_at_the_end_of_an_epoch_that_is_not_due_it_keeps_one(run: TrainInstance) -> None:
    monitor = Weights(run, epoch_interval=2)
    monitor.epoch_done = lambda epoch: os.kill(os.getpid(), signal.SIGTERM)  # type: ignore[method-assign]
    with pytest.raises(Stopped):
        train(monitor)
    assert kept(run.output) == [(1, 4, True)]


def test_a_snapshot_kept_by_hand_at_the_end_of_an_epoch_holds_the_model_it_was_given(run: TrainInstance) -> None:
    monitor = Weights(run)
    train(monitor, epochs=1)
    monitor.weights = b"averaged"
    taken = monitor.keep(Moment(1, monitor.step))
    assert taken.files == {"weights": len(b"averaged")}


def test_asked_in_the_middle_of_an_epoch_the_file_says_so(run: TrainInstance) -> None:
    monitor = Weights(run)
    monitor.step = 41
    run.stop_request.asked = True
    with pytest.raises(Stopped):
        train(monitor)
    assert kept(run.output) == [(0, 42, False)]


IN_THE_VALIDATION = """
import os, signal
import mxnet as mx
import numpy as np
from trainyard.training import TrainInstance
from trainyard.training.mxnet import ModuleMonitor

def once(param):
    if param.epoch == 3 and not run.stopping:
        os.kill(os.getpid(), signal.SIGTERM)

inputs, targets = np.ones((64, 4), np.float32), np.ones(64, np.float32)
data = lambda: mx.io.NDArrayIter(inputs, targets, 16, label_name="softmax_label")
with TrainInstance() as run:
    monitor = ModuleMonitor(run, epoch_interval=EVERY)
    module = mx.mod.Module(mx.sym.SoftmaxOutput(mx.sym.FullyConnected(mx.sym.var("data"), num_hidden=2), name="softmax"))
    module.fit(data(), eval_data=data(), num_epoch=5, batch_end_callback=monitor.batch_end,
               epoch_end_callback=monitor.epoch_end, eval_end_callback=monitor.eval_end,
               eval_batch_end_callback=once)
"""


@pytest.mark.slow
@pytest.mark.parametrize(("interval", "epochs"), [(1, [1, 2, 3, 4]), (5, [4])], ids=["that is due", "that is not due"])
def test_mxnet_asked_in_the_validation_ends_with_the_snapshot_of_the_epoch(
    tmp_path: Path, interval: int, epochs: list[int]
) -> None:
    (tmp_path / "train.py").write_text(f"EVERY = {interval}\n{IN_THE_VALIDATION}")
    code, output = run_script("mxnet", ["train.py"], tmp_path)
    assert code == 0, output
    [folder] = (tmp_path / "run").iterdir()
    assert kept(folder / "output") == [(epoch, 4 * epoch, True) for epoch in epochs]
