"""Callbacks for MXNet: three for ``Module.fit``, one small helper for a Gluon loop of your own.

    monitor = ModuleMonitor(run, batch_size=64, epochs=10)
    module.fit(train, eval_data=val, batch_end_callback=monitor.batch_end,
               epoch_end_callback=monitor.epoch_end, eval_end_callback=monitor.eval_end)

A snapshot is ``snapshot-symbol.json`` and ``snapshot-<epoch, four digits>.params``, what ``mx.model.load_checkpoint`` reads.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trainyard.metrics import tags
from trainyard.training.monitor import Monitor, Reading
from trainyard.training.snapshots import Moment, Snapshot, unpack

if TYPE_CHECKING:
    from trainyard.training.instance import TrainInstance

_KEPT_METRICS = (tags.ACCURACY_TRAIN, tags.ACCURACY_VALIDATION, tags.LOSS_TRAIN, tags.LOSS_VALIDATION)


class ModuleMonitor(Monitor):
    """Curves, speed and snapshots of a ``Module.fit``; further arguments are those of ``Monitor``.

    Args:
        epoch_interval: every how many epochs a snapshot is kept.
        other_files: files to pack into every snapshot besides the model.
    """

    def __init__(
        self, run: TrainInstance, *, epoch_interval: int = 1, other_files: Sequence[Path] = (), **settings: Any
    ) -> None:
        super().__init__(run, **settings)
        self.epoch_interval = max(1, epoch_interval)
        self.other_files = list(other_files)
        self._unsaved: tuple[Any, ...] | None = None

    def batch_end(self, param: Any) -> None:
        """For ``batch_end_callback``; ``param`` is MXNet's BatchEndParam."""
        module = (param.locals or {}).get("self")
        self._keep_unsaved()
        self.batch_done(param.epoch, param.nbatch, lambda: Reading(_windowed(param.eval_metric), _rate(module)))
        if self.must_end:
            if self.run.stopping and module is not None:
                symbol, (arguments, auxiliary) = module.symbol, module.get_params()
                self._save(symbol, arguments, auxiliary, Moment(param.epoch, self.step, whole=False))
            self.end()

    def epoch_end(self, epoch: int, symbol: Any, arguments: Any, auxiliary: Any) -> None:
        """For ``epoch_end_callback``. MXNet validates after it, so the snapshot is packed once the metrics are known."""
        self.epoch_done(epoch)
        last = self.epochs is not None and epoch + 1 >= self.epochs
        if (epoch + 1) % self.epoch_interval == 0 or last:
            self._unsaved = (symbol, arguments, auxiliary, epoch + 1)
        if self.run.stopping:
            self._keep_unsaved()
            self.end()

    def eval_end(self, param: Any) -> None:
        """For ``eval_end_callback``."""
        self.evaluated(param.eval_metric.get_name_value())
        self._keep_unsaved()

    def finish(self) -> None:
        """Call after ``fit``: keeps the last snapshot if there was no validation after it."""
        self._keep_unsaved()

    def _keep_unsaved(self) -> None:
        if self._unsaved is not None:
            symbol, arguments, auxiliary, epoch = self._unsaved
            self._unsaved = None
            self._save(symbol, arguments, auxiliary, Moment(epoch, self.step))

    def _save(self, symbol: Any, arguments: Any, auxiliary: Any, moment: Moment) -> None:
        import mxnet

        with tempfile.TemporaryDirectory(prefix=".saving-", dir=self.run.folder) as folder:
            symbol.save(str(Path(folder) / "snapshot-symbol.json"))
            named = {f"arg:{name}": value for name, value in arguments.items()}
            named.update({f"aux:{name}": value for name, value in auxiliary.items()})
            mxnet.nd.save(str(Path(folder) / f"snapshot-{moment.epoch:04d}.params"), named)
            save_packed(self, Path(folder), moment)


class GluonMonitor(Monitor):
    """The same for a loop of your own over a ``HybridBlock``; arguments are those of ``Monitor``.

    for epoch in range(epochs):
        for number, batch in enumerate(loader):
            ...
            monitor.after_batch(epoch, number, metric, trainer, net)
        monitor.after_epoch(epoch, net, validate(net))
    """

    def __init__(self, run: TrainInstance, *, epoch_interval: int = 1, **settings: Any) -> None:
        super().__init__(run, **settings)
        self.epoch_interval = max(1, epoch_interval)
        self.other_files: list[Path] = []

    def after_batch(self, epoch: int, batch: int, metric: Any, trainer: Any, net: Any) -> None:
        """After ``trainer.step``: a point each ``batch_freq`` batches; saves and ends the script when asked to."""
        self.batch_done(epoch, batch, lambda: Reading(_windowed(metric), float(trainer.learning_rate)))
        if self.must_end:
            if self.run.stopping:
                self.save(net, Moment(epoch, self.step, whole=False))
            self.end()

    def after_epoch(self, epoch: int, net: Any, validation: Any = None) -> None:
        """After an epoch; ``validation`` is the metric of a validation, if there was one."""
        self.epoch_done(epoch)
        if validation is not None:
            self.evaluated(validation.get_name_value())
        last = self.epochs is not None and epoch + 1 >= self.epochs
        if (epoch + 1) % self.epoch_interval == 0 or last:
            self.save(net, Moment(epoch + 1, self.step))
        if self.run.stopping:
            self.end()

    def save(self, net: Any, moment: Moment) -> Snapshot:
        """Keep a hybridized ``net`` that has seen data."""
        with tempfile.TemporaryDirectory(prefix=".saving-", dir=self.run.folder) as folder:
            net.export(str(Path(folder) / "snapshot"), epoch=moment.epoch)
            return save_packed(self, Path(folder), moment)


def save_packed(monitor: ModuleMonitor | GluonMonitor, folder: Path, moment: Moment) -> Snapshot:
    """Pack what MXNet saved into ``folder``, with the newest metrics."""
    files = {path.name: path for path in [*folder.iterdir(), *monitor.other_files]}
    known = {tag: monitor.latest[tag] for tag in _KEPT_METRICS if abs(monitor.latest.get(tag, float("inf"))) < float("inf")}
    return monitor.run.save_snapshot(files, Moment(moment.epoch, moment.step, moment.whole, known))


def load_snapshot(run: TrainInstance) -> tuple[Any, Any, Any] | None:
    """(symbol, arguments, auxiliary) of the snapshot ``run`` resumes from, or None when it begins anew."""
    if run.resumed_from is None:
        return None
    import mxnet

    with tempfile.TemporaryDirectory(prefix=".loading-", dir=run.folder) as folder:
        unpack(run.output / run.resumed_from.file, Path(folder))
        loaded: tuple[Any, Any, Any] = mxnet.model.load_checkpoint(str(Path(folder) / "snapshot"), run.resumed_from.epoch)
    return loaded


def _windowed(metric: Any) -> list[tuple[str, float]]:
    """The metric since the last point, as MXNet's Speedometer shows it; the mean over the epoch goes on beside it."""
    if metric is None:
        return []
    values = [(str(name), float(value)) for name, value in metric.get_name_value()]
    metric.reset_local()
    return values


def _rate(module: Any) -> float | None:
    """The learning rate of the next update: the schedule's, if there is one."""
    optimizer = getattr(module, "_optimizer", None)
    if optimizer is None:
        return None
    schedule = getattr(optimizer, "lr_scheduler", None)
    return float(schedule(optimizer.num_update) if schedule else optimizer.lr)
