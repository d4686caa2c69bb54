"""The names by which scripts written for AVA know a training instance, so that they run here unchanged.

from trainyard.training import TrainInstance
run = TrainInstance()
module.fit(..., batch_end_callback=run.get_monitor_callback("mxnet", batch_size=32, batch_freq=10),
           epoch_end_callback=run.get_epoch_end_callback("mxnet", batch_of_epoch=100))
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from trainyard.training import places
from trainyard.training.snapshots import Moment, Snapshot

if TYPE_CHECKING:
    from trainyard.training.instance import TrainInstance
    from trainyard.training.mxnet import ModuleMonitor

_log = logging.getLogger("trainyard.training")


class AvaNames:
    """Mixed into ``TrainInstance``."""

    id: str
    _monitor: ModuleMonitor | None = None

    if TYPE_CHECKING:

        @property
        def folder(self) -> Path: ...

        @property
        def output(self) -> Path: ...

        def save_snapshot(self, files: Mapping[str, Path], moment: Moment) -> Snapshot: ...

    def get_training_ins_id(self) -> str:
        """The instance's identifier."""
        return self.id

    def get_base_path(self) -> str:
        """``/workspace/run/<id>``."""
        return str(self.folder)

    def get_snapshot_base_path(self) -> str:
        """``/workspace/run/<id>/output``."""
        return str(self.output)

    def get_trainset_base_path(self) -> str:
        """The formatted training set."""
        return str(places.data("train"))

    def get_valset_base_path(self) -> str:
        """The formatted validation set."""
        return str(places.data("val"))

    def get_testset_base_path(self) -> str:
        """The formatted test set."""
        return str(places.data("test"))

    def get_model_base_path(self) -> str:
        """The chosen model."""
        return str(places.model())

    def get_monitor_callback(self, framework: str, batch_size: int = 1, batch_freq: int = 10) -> Callable[[Any], None] | None:
        """A batch-end callback, or None with a warning for a framework that has none."""
        if not _has_callbacks(framework):
            return None
        monitor = self._module_monitor()
        monitor.batch_size, monitor.batch_freq = batch_size, max(1, batch_freq)
        return monitor.batch_end

    def get_epoch_end_callback(
        self,
        framework: str,
        batch_of_epoch: int | None = None,
        epoch_interval: int = 1,
        other_files: Sequence[str] = (),
    ) -> Callable[..., None] | None:
        """An epoch-end callback that keeps a snapshot each ``epoch_interval`` epochs; None with a warning if unknown."""
        if not _has_callbacks(framework):
            return None
        monitor = self._module_monitor()
        monitor.batches_per_epoch, monitor.epoch_interval = batch_of_epoch, max(1, epoch_interval)
        monitor.other_files = [Path(name) for name in other_files]
        return monitor.epoch_end

    def upload_snapshot_model(self, epoch: int, batch_of_epoch: int = 0, other_files: Sequence[str] = ()) -> Snapshot:
        """Keep what lies in the output folder (less earlier snapshots), and ``other_files``, as the snapshot of ``epoch``."""
        own = [path for path in self.output.iterdir() if path.is_file() and not path.name.startswith(("snapshot-model-", "."))]
        files = {path.name: path for path in [*own, *map(Path, other_files)]}
        return self.save_snapshot(files, Moment(epoch, epoch * batch_of_epoch))

    def _module_monitor(self) -> ModuleMonitor:
        from trainyard.training.mxnet import ModuleMonitor

        if self._monitor is None:
            self._monitor = ModuleMonitor(cast("TrainInstance", self))
        return self._monitor


def _has_callbacks(framework: str) -> bool:
    if framework == "mxnet":
        return True
    if framework == "caffe":
        _log.warning("what Caffe prints is read by: python -m trainyard.training.parse --pattern caffe -- caffe train …")
    else:
        _log.warning("there are no callbacks for the framework %s; log its numbers with TrainInstance.log", framework)
    return False
