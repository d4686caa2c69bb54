"""MindSpore's part of a monitor: how its model is written into a snapshot and read from it."""

from pathlib import Path

import mindspore
from mindspore import nn
from trainyard.training import Moment, Reading, TrainInstance
from trainyard.training.saving import SavingMonitor, opened


class MindSporeMonitor(SavingMonitor):
    """A snapshot is ``model.ckpt`` and ``optimizer.ckpt``, as ``mindspore.save_checkpoint`` writes them."""

    def __init__(self, run: TrainInstance, model: nn.Cell, optimizer: nn.Optimizer, **settings) -> None:
        super().__init__(run, **settings)
        self.parts = {"model.ckpt": model, "optimizer.ckpt": optimizer}
        self.optimizer = optimizer

    def resume(self) -> int:
        """Load the newest complete snapshot, if there is one; the epoch to begin with."""
        with opened(self.run) as folder:
            for name, part in self.parts.items() if folder else ():
                mindspore.load_checkpoint(str(folder / name), part)
        return self.begin_epoch

    def after_batch(self, epoch: int, batch: int, loss: mindspore.Tensor) -> None:
        """A point each ``batch_freq`` batches; saves and ends the script when asked to."""
        self.batch_done(epoch, batch, lambda: Reading([("loss", float(loss.asnumpy()))], self.rate()))
        self.end_if_asked(epoch)

    def after_epoch(self, epoch: int, **validation: float) -> None:
        """Keeps a snapshot where one is due."""
        self.epoch_done(epoch)
        self.evaluated(validation.items())
        self.epoch_over(epoch)

    def rate(self) -> float:
        """The learning rate of the next update."""
        return float(self.optimizer.get_lr().asnumpy())

    def write_model(self, folder: Path, moment: Moment) -> None:
        """See the class."""
        for name, part in self.parts.items():
            mindspore.save_checkpoint(part, str(folder / name))
