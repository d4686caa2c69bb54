"""The names of the scalars our callbacks write and our pages know; any other tag is drawn as well, under its own name.

A tag is ``<quantity>/<part of the data>``, so that TensorBoard groups training and validation in one card. The x axis of
every scalar is the cumulative batch: ``batch + epoch * batches per epoch``.
"""

from __future__ import annotations

ACCURACY_TRAIN = "accuracy/train"
ACCURACY_VALIDATION = "accuracy/validation"
LOSS_TRAIN = "loss/train"
LOSS_VALIDATION = "loss/validation"
LEARNING_RATE = "learning_rate"
SAMPLES_PER_SECOND = "throughput/samples_per_second"
EPOCH = "progress/epoch"
BATCH = "progress/batch"
EPOCHS = "progress/epochs"
BATCHES_PER_EPOCH = "progress/batches_per_epoch"

CURVES: dict[str, tuple[str, ...]] = {
    "accuracy": (ACCURACY_TRAIN, ACCURACY_VALIDATION),
    "loss": (LOSS_TRAIN, LOSS_VALIDATION),
    "learning_rate": (LEARNING_RATE,),
}
"""The three charts of the monitor page and the series each draws."""

PROGRESS = (EPOCH, BATCH, EPOCHS, BATCHES_PER_EPOCH, SAMPLES_PER_SECOND)
"""Tags whose newest value fills the tiles of the monitor page."""

HYPERPARAMETERS = "hyperparameters"
"""The text summary that shows the parameters of a run in TensorBoard."""


def is_loss(tag: str) -> bool:
    """Whether this scalar is a loss, whoever wrote it: once such a one is no number, nothing is learnt any more."""
    return "loss" in tag.lower()


_LOSSES = frozenset({"cross-entropy", "nll-loss", "loss", "softmaxcrossentropyloss"})
_PARTS = {"train": "train", "validation": "validation", "test": "test"}


def metric_tag(name: str, part: str) -> str:
    """The tag of a framework's metric ``name`` for ``part`` (``train``, ``validation`` or ``test``).

    Cross-entropy and its kin are the loss; everything else keeps its name: ``mse`` becomes ``mse/train``.
    """
    plain = name.strip().lower().replace(" ", "_").replace("/", "_") or "metric"
    quantity = "loss" if plain in _LOSSES else plain
    return f"{quantity}/{_PARTS[part]}"
