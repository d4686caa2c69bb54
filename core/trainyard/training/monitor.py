"""What a callback does after each batch and each epoch, the same for every framework.

A framework's callbacks say how to read its metrics and its learning rate; when to read them, which names they get, how fast
the training is and when it has to end is decided here.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from trainyard.metrics import tags
from trainyard.training.naming import tag_of
from trainyard.training.signals import Stopped

if TYPE_CHECKING:
    from trainyard.training.instance import TrainInstance

_log = logging.getLogger("trainyard.training")


@dataclass(frozen=True)
class Reading:
    """What a framework can say at a moment: metrics by its own names, and the learning rate."""

    metrics: Iterable[tuple[str, float]]
    learning_rate: float | None = None


class Monitor:
    """Counts batches and writes the standard curves of ``run``.

    Args:
        batch_size: samples a batch, for the speed.
        batch_freq: every how many batches the curves get a point, and after the last of an epoch that is known to have fewer;
            reading metrics may wait for the device.
        batches_per_epoch, epochs: if known, the page shows the remaining time.
    """

    def __init__(
        self,
        run: TrainInstance,
        *,
        batch_size: int = 1,
        batch_freq: int = 10,
        batches_per_epoch: int | None = None,
        epochs: int | None = None,
    ) -> None:
        self.run = run
        self.batch_size = batch_size
        self.batch_freq = max(1, batch_freq)
        self.batches_per_epoch = batches_per_epoch
        self.epochs = epochs
        self.step = run.resumed_from.step if run.resumed_from else 0
        self.latest: dict[str, float] = {}
        self._since: tuple[float, int] | None = None
        self._epoch = -1
        run.cooperate()

    def batch_done(self, epoch: int, batch: int, read: Callable[[], Reading]) -> None:
        """Call after each batch; ``epoch`` and ``batch`` count from 0, ``read`` is called only when a point is due."""
        if epoch != self._epoch:
            self._begin_epoch(epoch)
        self.step += 1
        if (batch + 1) % min(self.batch_freq, self.batches_per_epoch or self.batch_freq) == 0 or self.run.dry_run:
            self._write(epoch, batch, read())
        self.run.stop_request.batch_done()

    def epoch_done(self, epoch: int) -> None:
        """Call after each epoch (counts from 0)."""
        if self.batches_per_epoch is None:
            self.batches_per_epoch = self.step // (epoch + 1) or None
        self._since = None

    def evaluated(self, metrics: Iterable[tuple[str, float]]) -> None:
        """Call after a validation with its metrics."""
        for name, value in metrics:
            self._put(tag_of(name, "validation"), value)

    @property
    def must_end(self) -> bool:
        """Whether the loop has to end now: somebody asked for it, or it is only a try."""
        return self.run.stop_request.due or self.run.dry_run

    def end(self) -> None:
        """Close the run and leave the script.

        Raises:
            Stopped: always; it exits with code 0.
        """
        if self.run.dry_run:
            # read by whoever asked for the try; logging may be set up or not
            print(f"trainyard: the dry run is over: one batch was trained without an error ({_words(self.latest)})", flush=True)
        else:
            _log.info("asked to stop: the run is closed")
        self.run.done()
        raise Stopped

    def _begin_epoch(self, epoch: int) -> None:
        self._epoch = epoch
        self._since = (time.perf_counter(), self.step)
        if self.epochs is not None:
            self._put(tags.EPOCHS, self.epochs)
        if self.batches_per_epoch is not None:
            self._put(tags.BATCHES_PER_EPOCH, self.batches_per_epoch)

    def _write(self, epoch: int, batch: int, reading: Reading) -> None:
        speed = self._speed()
        self._put(tags.EPOCH, epoch + 1)
        self._put(tags.BATCH, batch + 1)
        words = []
        if speed is not None:
            self._put(tags.SAMPLES_PER_SECOND, speed)
            words.append(f"Speed: {speed:.2f} samples/sec")
        for name, value in reading.metrics:
            self._put(tag_of(name), value)
            words.append(f"{name}={value:.6f}")
        if reading.learning_rate is not None:
            self._put(tags.LEARNING_RATE, reading.learning_rate)
            words.append(f"learning-rate={reading.learning_rate:g}")
        _log.info("Epoch[%d] Batch [%d]  %s", epoch, batch + 1, "  ".join(words))

    def _speed(self) -> float | None:
        """Samples a second since the last point of this epoch; validation and saving in between do not count."""
        now = time.perf_counter()
        before, self._since = self._since, (now, self.step)
        if before is None or now <= before[0] or self.step <= before[1]:
            return None
        return (self.step - before[1]) * self.batch_size / (now - before[0])

    def _put(self, tag: str, value: float) -> None:
        self.latest[tag] = float(value)
        self.run.log(tag, float(value), self.step)


def _words(latest: Mapping[str, float]) -> str:
    """The metrics of a batch in a line, without what counts and times it."""
    told = {tag: value for tag, value in latest.items() if not tag.startswith(("progress/", "throughput/"))}
    return ", ".join(f"{tag} {value:g}" for tag, value in told.items()) or "it told no metrics"
