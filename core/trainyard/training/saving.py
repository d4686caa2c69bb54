"""A monitor that also keeps snapshots, the same for every framework: when, with which numbers, and how to go on from one.

A framework says how its model is written into a folder and read from it; the rest is decided here.
"""

from __future__ import annotations

import math
import tempfile
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trainyard.metrics import tags
from trainyard.training.monitor import Monitor
from trainyard.training.snapshots import Moment, Snapshot, unpack

if TYPE_CHECKING:
    from trainyard.training.instance import TrainInstance

_KEPT_METRICS = (tags.ACCURACY_TRAIN, tags.ACCURACY_VALIDATION, tags.LOSS_TRAIN, tags.LOSS_VALIDATION)


class SavingMonitor(Monitor):
    """Further arguments are those of ``Monitor``.

    Args:
        epoch_interval: every how many epochs a snapshot is kept; the last epoch's always is, if ``epochs`` is known.
        other_files: files to pack into every snapshot besides the model.
    """

    def __init__(
        self, run: TrainInstance, *, epoch_interval: int = 1, other_files: Sequence[Path] = (), **settings: Any
    ) -> None:
        super().__init__(run, **settings)
        self.epoch_interval = max(1, epoch_interval)
        self.other_files = list(other_files)

    @abstractmethod
    def write_model(self, folder: Path, moment: Moment) -> None:
        """Write everything that ``moment``'s snapshot shall hold into ``folder``."""

    @property
    def begin_epoch(self) -> int:
        """The epoch to begin with, from 0: after those that the snapshot this run goes on from has finished."""
        return self.run.resumed_from.epoch if self.run.resumed_from else 0

    def is_due(self, epoch: int) -> bool:
        """Whether a snapshot is kept after ``epoch`` (counted from 0)."""
        return (epoch + 1) % self.epoch_interval == 0 or (self.epochs is not None and epoch + 1 >= self.epochs)

    def keep(self, moment: Moment) -> Snapshot:
        """Keep a snapshot now, with the newest metrics; taken again at the same moment, it replaces the older one.

        Raises:
            OSError: the disk is full; nothing new is left behind.
        """
        with tempfile.TemporaryDirectory(prefix=".saving-", dir=self.run.folder) as folder:
            self.write_model(Path(folder), moment)
            files = {path.name: path for path in [*Path(folder).iterdir(), *self.other_files]}
            known = {tag: self.latest[tag] for tag in _KEPT_METRICS if math.isfinite(self.latest.get(tag, math.nan))}
            return self.run.save_snapshot(files, Moment(moment.epoch, moment.step, moment.whole, known))

    def end_if_asked(self, epoch: int) -> None:
        """After a batch: a run that is asked to end is saved in the middle of ``epoch`` (from 0) and left.

        Raises:
            Stopped: the script was asked to end, or a dry run has had its batch.
        """
        if self.must_end:
            if self.run.stop_request.due:
                self.keep(Moment(epoch, self.step, whole=False))
            self.end()

    def epoch_over(self, epoch: int) -> None:
        """After an epoch (from 0) and its validation: keeps a snapshot where one is due, and leaves if asked to.

        Raises:
            Stopped: the script was asked to end.
        """
        moment, due = Moment(epoch + 1, self.step), self.is_due(epoch)
        if due:
            self.keep(moment)
        if self.run.stop_request.due:  # perhaps only since the snapshot was begun
            if not due:
                self.keep(moment)
            self.end()


@contextmanager
def opened(run: TrainInstance) -> Iterator[Path | None]:
    """A folder with the files of the snapshot ``run`` goes on from, as long as the block lasts; None when it begins anew."""
    if run.resumed_from is None:
        yield None
        return
    with tempfile.TemporaryDirectory(prefix=".loading-", dir=run.folder) as folder:
        unpack(run.output / run.resumed_from.file, Path(folder))
        yield Path(folder)
