"""PyTorch, for a loop of your own; Lightning's callback is in ``trainyard.training.lightning``.

    monitor = TorchMonitor(run, model, optimizer, batch_size=64, epochs=10)
    for epoch in range(monitor.resume(), 10):
        for number, (pictures, labels) in enumerate(loader):
            ...
            monitor.after_batch(epoch, number, loss=loss, accuracy=lambda: (scores.argmax(1) == labels).float().mean())
        monitor.after_epoch(epoch, **validate(model))

A snapshot is ``model.pt``, the model's ``state_dict`` alone, and ``training.pt``: what optimizer and scheduler remember.
Both are read with ``weights_only=True``.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from trainyard.training.monitor import Reading
from trainyard.training.saving import SavingMonitor, opened

if TYPE_CHECKING:
    from trainyard.training.instance import TrainInstance
    from trainyard.training.snapshots import Moment

MODEL, TRAINING = "model.pt", "training.pt"


class TorchMonitor(SavingMonitor):
    """Curves, speed and snapshots of ``model``; further arguments are those of ``SavingMonitor``.

    ``optimizer`` tells the learning rate (of its first group); it and ``scheduler`` are kept with the snapshots.
    """

    def __init__(
        self, run: TrainInstance, model: Any, optimizer: Any = None, *, scheduler: Any = None, **settings: Any
    ) -> None:
        super().__init__(run, **settings)
        self.model = model
        self._remembering = {name: one for name, one in (("optimizer", optimizer), ("scheduler", scheduler)) if one is not None}

    def resume(self) -> int:
        """Load the newest complete snapshot, if there is one; the epoch to begin with, from 0.

        Tensors go to the devices on which model and optimizer are.
        """
        import torch

        with opened(self.run) as folder:
            if folder is not None:
                _bare(self.model).load_state_dict(torch.load(folder / MODEL, map_location="cpu", weights_only=True))
                told = torch.load(folder / TRAINING, map_location="cpu", weights_only=True)
                for name, one in self._remembering.items():
                    if name in told:
                        one.load_state_dict(told[name])
        return self.begin_epoch

    def after_batch(self, epoch: int, batch: int, **metrics: Any) -> None:
        """After ``optimizer.step``: a point each ``batch_freq`` batches; saves and ends the script when asked to.

        Metrics are numbers, tensors of one element, or functions that compute one. Tensors are read, and functions called,
        only when a point is due, so that the device is not waited for after each batch.
        """
        self.batch_done(epoch, batch, lambda: Reading(_numbers(metrics), self._rate()))
        self.end_if_asked(epoch)

    def after_epoch(self, epoch: int, **validation: Any) -> None:
        """After an epoch, with the metrics of its validation if there was one; keeps a snapshot where one is due."""
        self.epoch_done(epoch)
        self.evaluated(_numbers(validation))
        self.epoch_over(epoch)

    def write_model(self, folder: Path, moment: Moment) -> None:
        """See the module's first lines."""
        import torch

        torch.save(_bare(self.model).state_dict(), folder / MODEL)
        told = {name: one.state_dict() for name, one in self._remembering.items()}
        torch.save({**told, "epoch": moment.epoch, "step": moment.step}, folder / TRAINING)

    def _rate(self) -> float | None:
        optimizer = self._remembering.get("optimizer")
        return None if optimizer is None else float(optimizer.param_groups[0]["lr"])


def _bare(model: Any) -> Any:
    """The model itself, without what ``torch.compile`` and data-parallel wrappers put around it."""
    model = getattr(model, "_orig_mod", model)
    return model.module if type(model).__name__ in ("DataParallel", "DistributedDataParallel") else model


def _numbers(metrics: dict[str, Any]) -> list[tuple[str, float]]:
    return [(name, float(value() if callable(value) else value)) for name, value in metrics.items()]
