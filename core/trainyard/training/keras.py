"""A callback for TensorFlow's Keras (Keras 3).

    reports = KerasMonitor(run, batch_size=64)
    first = reports.resume(model)
    model.fit(data, validation_data=val, epochs=10, initial_epoch=first, callbacks=[reports])

A snapshot is ``model.keras``: layers, weights and what the optimizer remembers.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras

from trainyard.training.monitor import Reading
from trainyard.training.saving import SavingMonitor, opened

if TYPE_CHECKING:
    from trainyard.training.instance import TrainInstance
    from trainyard.training.snapshots import Moment

MODEL = "model.keras"
_VALIDATION = "val_"


class _ModelMonitor(SavingMonitor):
    """Saves what ``fit`` trains."""

    model: Any = None

    def write_model(self, folder: Path, moment: Moment) -> None:
        """Keras's own archive of the whole model."""
        self.model.save(folder / MODEL)


class KerasMonitor(keras.callbacks.Callback):  # type: ignore[misc]
    """Curves, speed and snapshots of ``fit``; arguments are those of ``SavingMonitor``.

    Epochs and batches per epoch are those of ``fit``. Its numbers are means since the begin of the epoch, as it shows them.
    """

    def __init__(self, run: TrainInstance, **settings: Any) -> None:
        super().__init__()
        self.monitor = _ModelMonitor(run, **settings)
        self._epoch = 0

    def resume(self, model: Any) -> int:
        """Load the newest complete snapshot, if there is one, into the built, compiled ``model``; the epoch to begin with."""
        with opened(self.monitor.run) as folder:
            if folder is not None:
                if model.optimizer is not None:
                    model.optimizer.build(model.trainable_variables)
                model.load_weights(folder / MODEL)
        return self.monitor.begin_epoch

    def on_train_begin(self, logs: Any = None) -> None:
        """``fit`` knows how long it is."""
        self.monitor.model = self.model
        self.monitor.epochs = self.params.get("epochs") or self.monitor.epochs
        self.monitor.batches_per_epoch = self.params.get("steps") or self.monitor.batches_per_epoch

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Batches are counted from here."""
        self._epoch = epoch

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """A point where one is due; saves and ends the script when asked to."""
        self.monitor.batch_done(self._epoch, batch, lambda: Reading(_numbers(logs or {}), self._rate()))
        self.monitor.end_if_asked(self._epoch)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Comes after the validation, so that the snapshot knows its metrics."""
        self.monitor.epoch_done(epoch)
        self.monitor.evaluated((name, value) for name, value in _numbers(logs or {}) if name.startswith(_VALIDATION))
        self.monitor.epoch_over(epoch)

    def _rate(self) -> float | None:
        """The learning rate of the next update: the schedule's, if there is one."""
        optimizer = getattr(self.model, "optimizer", None)
        return None if optimizer is None else float(keras.ops.convert_to_numpy(optimizer.learning_rate))


def _numbers(logs: Mapping[str, Any]) -> list[tuple[str, float]]:
    return [(name, float(value)) for name, value in logs.items()]
