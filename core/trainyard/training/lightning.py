"""A callback for PyTorch Lightning (``lightning``, or ``pytorch_lightning`` by its older name).

    reports = LightningMonitor(run, batch_size=64)
    trainer = Trainer(max_epochs=10, callbacks=[reports], logger=False, enable_checkpointing=False)
    trainer.fit(model, loader, ckpt_path=reports.latest())

What the module logs (``self.log``) becomes curves; a snapshot is Lightning's own checkpoint, ``model.ckpt``.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

try:
    from lightning.pytorch import Callback
except ImportError:
    from pytorch_lightning import Callback

from trainyard.metrics import tags
from trainyard.training.monitor import Reading
from trainyard.training.naming import tag_of, unforked
from trainyard.training.saving import SavingMonitor, opened

if TYPE_CHECKING:
    from trainyard.training.instance import TrainInstance
    from trainyard.training.snapshots import Moment

MODEL = "model.ckpt"


class _TrainerMonitor(SavingMonitor):
    """Saves what a trainer trains."""

    trainer: Any = None

    def write_model(self, folder: Path, moment: Moment) -> None:
        """Lightning's checkpoint: weights, optimizers, schedulers and the place in the loop."""
        self.trainer.save_checkpoint(folder / MODEL)


class LightningMonitor(Callback):  # type: ignore[misc]
    """Curves, speed and snapshots of a ``Trainer``; arguments are those of ``SavingMonitor``.

    Epochs and batches per epoch are the trainer's.
    """

    def __init__(self, run: TrainInstance, **settings: Any) -> None:
        super().__init__()
        self.monitor = _TrainerMonitor(run, **settings)

    def latest(self) -> Path | None:
        """For ``ckpt_path``: the newest complete checkpoint of the run that is gone on with, or None."""
        with opened(self.monitor.run) as folder:
            if folder is None:
                return None
            target = self.monitor.run.folder / f".{MODEL}"
            shutil.copyfile(folder / MODEL, target)
            return target

    def on_train_start(self, trainer: Any, pl_module: Any) -> None:
        """The trainer knows how long an epoch is.

        Its own way to take SIGTERM, a collective inside the handler and no snapshot, gives place to that of the run.
        """
        self.monitor.run.stop_request.listen()
        monitor = self.monitor
        monitor.trainer = trainer
        if isinstance(trainer.num_training_batches, int):
            monitor.batches_per_epoch = trainer.num_training_batches
        monitor.epochs = trainer.max_epochs if trainer.max_epochs and trainer.max_epochs > 0 else None
        (monitor.run.folder / f".{MODEL}").unlink(missing_ok=True)  # it has been read

    def on_train_batch_end(self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        """A point where one is due; saves and ends the script when asked to."""
        epoch = trainer.current_epoch
        self.monitor.batch_done(epoch, batch_idx, lambda: Reading(_training(trainer, outputs), _rate(trainer)))
        self.monitor.end_if_asked(epoch)

    def on_validation_end(self, trainer: Any, pl_module: Any) -> None:
        """The metrics of a validation; the sanity check before the first batch is none."""
        if not trainer.sanity_checking:
            self.monitor.evaluated((name, value) for name, value in _logged(trainer) if _is_validation(name))

    def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
        """Comes after the validation, so that the snapshot knows its metrics."""
        self.monitor.epoch_done(trainer.current_epoch)
        self.monitor.epoch_over(trainer.current_epoch)


def _logged(trainer: Any) -> list[tuple[str, float]]:
    metrics = trainer.callback_metrics
    return [(name, float(metrics[name])) for name in unforked(metrics)]


def _training(trainer: Any, outputs: Any) -> list[tuple[str, float]]:
    """What was logged in the training step, and the loss it returned where none was."""
    found = [(name, value) for name, value in _logged(trainer) if not _is_validation(name)]
    loss = outputs.get("loss") if isinstance(outputs, Mapping) else outputs
    if loss is not None and not any(tag_of(name) == tags.LOSS_TRAIN for name, _ in found):
        found.append(("loss", float(loss)))
    return found


def _is_validation(name: str) -> bool:
    return tag_of(name).endswith("/validation")


def _rate(trainer: Any) -> float | None:
    optimizers = trainer.optimizers
    return float(optimizers[0].param_groups[0]["lr"]) if optimizers else None
