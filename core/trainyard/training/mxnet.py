"""Callbacks for MXNet: three for ``Module.fit``, one small helper for a Gluon loop of your own.

    monitor = ModuleMonitor(run, batch_size=64, epochs=10)
    module.fit(train, eval_data=val, batch_end_callback=monitor.batch_end,
               epoch_end_callback=monitor.epoch_end, eval_end_callback=monitor.eval_end)

A snapshot is ``snapshot-symbol.json`` and ``snapshot-<epoch, four digits>.params``, what ``mx.model.load_checkpoint`` reads;
Gluon adds ``trainer.states``.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from trainyard.training.monitor import Reading
from trainyard.training.saving import SavingMonitor, opened
from trainyard.training.snapshots import Moment, Snapshot

if TYPE_CHECKING:
    from trainyard.training.instance import TrainInstance

_PREFIX = "snapshot"
_STATES = "trainer.states"


class ModuleMonitor(SavingMonitor):
    """Curves, speed and snapshots of a ``Module.fit``; arguments are those of ``SavingMonitor``."""

    def __init__(self, run: TrainInstance, **settings: Any) -> None:
        super().__init__(run, **settings)
        self._model: tuple[Any, Any, Any] | None = None
        self._unclosed: int | None = None

    def batch_end(self, param: Any) -> None:
        """For ``batch_end_callback``; ``param`` is MXNet's BatchEndParam."""
        module = (param.locals or {}).get("self")
        self._close_epoch()
        self.batch_done(param.epoch, param.nbatch, lambda: Reading(_windowed(param.eval_metric), _rate(module)))
        if self.must_end and module is not None:
            self._model = (module.symbol, *module.get_params())
        self.end_if_asked(param.epoch)

    def epoch_end(self, epoch: int, symbol: Any, arguments: Any, auxiliary: Any) -> None:
        """For ``epoch_end_callback``. MXNet validates after it, so the snapshot is packed once the metrics are known."""
        self.epoch_done(epoch)
        self._model, self._unclosed = (symbol, arguments, auxiliary), epoch
        if self.run.stop_request.due:
            self._close_epoch()

    def eval_end(self, param: Any) -> None:
        """For ``eval_end_callback``."""
        self.evaluated(param.eval_metric.get_name_value())
        self._close_epoch()

    def finish(self) -> None:
        """Call after ``fit``: keeps the last snapshot if there was no validation after it, and leaves if asked to."""
        self._close_epoch()

    def write_model(self, folder: Path, moment: Moment) -> None:
        """Symbol and parameters, as ``mx.model.save_checkpoint`` writes them."""
        import mxnet

        assert self._model is not None
        symbol, arguments, auxiliary = self._model
        symbol.save(str(folder / f"{_PREFIX}-symbol.json"))
        named = {f"arg:{name}": value for name, value in arguments.items()}
        named.update({f"aux:{name}": value for name, value in auxiliary.items()})
        mxnet.nd.save(str(folder / f"{_PREFIX}-{moment.epoch:04d}.params"), named)

    def _close_epoch(self) -> None:
        if self._unclosed is not None:
            epoch, self._unclosed = self._unclosed, None
            self.epoch_over(epoch)


class GluonMonitor(SavingMonitor):
    """The same for a loop of your own over a ``HybridBlock``; arguments are those of ``SavingMonitor``.

    for epoch in range(monitor.resume(net, trainer), epochs):
        for number, batch in enumerate(loader):
            ...
            monitor.after_batch(epoch, number, metric, trainer, net)
        monitor.after_epoch(epoch, net, validate(net))
    """

    def __init__(self, run: TrainInstance, **settings: Any) -> None:
        super().__init__(run, **settings)
        self._net: Any = None
        self._trainer: Any = None

    def resume(self, net: Any, trainer: Any = None) -> int:
        """Load the newest complete snapshot, if there is one, into the initialized ``net`` and ``trainer``.

        Returns the epoch to begin with, from 0. Blocks must be made in the same order as before: that gives them their names.
        """
        with opened(self.run) as folder:
            if folder is not None:
                _load_parameters(net, folder / f"{_PREFIX}-{self.begin_epoch:04d}.params")
                if trainer is not None and (folder / _STATES).is_file():
                    trainer.load_states(str(folder / _STATES))
        return self.begin_epoch

    def after_batch(self, epoch: int, batch: int, metric: Any, trainer: Any, net: Any) -> None:
        """After ``trainer.step``: a point each ``batch_freq`` batches; saves and ends the script when asked to."""
        self._net, self._trainer = net, trainer
        self.batch_done(epoch, batch, lambda: Reading(_windowed(metric), float(trainer.learning_rate)))
        self.end_if_asked(epoch)

    def after_epoch(self, epoch: int, net: Any, validation: Any = None) -> None:
        """After an epoch; ``validation`` is the metric of a validation, if there was one."""
        self._net = net
        self.epoch_done(epoch)
        if validation is not None:
            self.evaluated(validation.get_name_value())
        self.epoch_over(epoch)

    def save(self, net: Any, moment: Moment) -> Snapshot:
        """Keep a hybridized ``net`` that has seen data."""
        self._net = net
        return self.keep(moment)

    def write_model(self, folder: Path, moment: Moment) -> None:
        """What ``net.export`` writes, and the trainer's states."""
        self._net.export(str(folder / _PREFIX), epoch=moment.epoch)
        if self._trainer is not None:
            self._trainer.save_states(str(folder / _STATES))


def load_snapshot(run: TrainInstance) -> tuple[Any, Any, Any] | None:
    """(symbol, arguments, auxiliary) of the snapshot ``run`` resumes from, or None when it begins anew."""
    with opened(run) as folder:
        if folder is None or run.resumed_from is None:
            return None
        import mxnet

        loaded: tuple[Any, Any, Any] = mxnet.model.load_checkpoint(str(folder / _PREFIX), run.resumed_from.epoch)
    return loaded


def _load_parameters(net: Any, file: Path) -> None:
    """``net.export`` writes the full names of parameters, which ``net.load_parameters`` does not always take."""
    import mxnet

    loaded = {name.partition(":")[2]: value for name, value in mxnet.nd.load(str(file)).items()}
    for name, parameter in net.collect_params().items():
        parameter.set_data(loaded[name])


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
