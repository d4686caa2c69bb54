"""A training instance: one run of a script, with its folder, its curves, its snapshots and its end.

    run = TrainInstance()                     # or TrainInstance(resume=True) after a restart
    run.log("loss/train", 0.5, step=100)
    run.done()

On the platform the run shows up on the training's page; anywhere else the same script fills ``./run/<instance>``. Of several
replicas the first worker reports (``run.speaks``); in the others all calls work and leave nothing behind.
"""

from __future__ import annotations

import atexit
import json
import os
import secrets
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any

from trainyard.errors import Conflict, Invalid
from trainyard.metrics import tags
from trainyard.metrics.writer import EventWriter
from trainyard.training import params, places, quiet, replicas, snapshots, state
from trainyard.training.ava import AvaNames
from trainyard.training.report import Platform, Reporter
from trainyard.training.signals import Stopped, StopRequest
from trainyard.training.together import Agreement
from trainyard.words import N_

_LONGEST_ERROR = 4000


class TrainInstance(AvaNames):
    """Create an instance, or attach to the one named ``instance`` (24 hexadecimal digits).

    Args:
        instance: go on with this instance instead of making a new one.
        resume: go on with the newest instance of this training that was cut short and left a snapshot, if there is one;
            whoever asks the platform to begin anew (``TRAINYARD_RESUME=0``) wins.
        parameters: hyper-parameters to show; by default those of ``/workspace/params/default.json``.
        runs: where instances lie; by default ``/workspace/run`` on the platform and ``./run`` elsewhere.

    Raises:
        Conflict: another living script works in this instance.
        Invalid: ``instance`` is no identifier, or the parameter file is no JSON object.
    """

    def __init__(
        self,
        instance: str | None = None,
        *,
        resume: bool = False,
        parameters: Mapping[str, Any] | None = None,
        runs: Path | None = None,
    ) -> None:
        self.runs = self._shared = (runs or places.runs()).resolve()
        self.speaks = replicas.speaks()
        resume = resume and os.environ.get("TRAINYARD_RESUME") != "0"
        found = state.resumable(self.runs, shared=not self.speaks) if resume and instance is None else None
        self.id = _checked(instance) if instance else found.name if found else secrets.token_hex(12)
        self.resumed_from = snapshots.newest(self.output) if (instance or found) else None
        self.parameters = params.plain(params.get_all() if parameters is None else parameters)
        self.stop_request = StopRequest()
        self.ended = False
        self._lock: int | None = None
        self._events: EventWriter | quiet.NoEvents = quiet.NoEvents()
        if self.speaks:
            self._begin()
        else:
            self._follow()

    @property
    def folder(self) -> Path:
        """``<runs>/<id>``."""
        return self.runs / self.id

    @property
    def output(self) -> Path:
        """Snapshots and everything else worth keeping."""
        return self.folder / "output"

    @property
    def logs(self) -> Path:
        """Event files; what is here is shown by TensorBoard."""
        return self.folder / "logs"

    @property
    def stopping(self) -> bool:
        """Whether somebody asked this run to end; a loop of your own should save and leave when it is."""
        return self.stop_request.asked or self.stop_request.due

    @property
    def dry_run(self) -> bool:
        """Whether this is only a try: our callbacks end it after one batch."""
        return os.environ.get("TRAINYARD_DRY_RUN") == "1"

    def cooperate(self) -> None:
        """For callbacks that count batches and end the script when ``stop_request.due``: of several workers, all at once."""
        request = self.stop_request
        request.cooperative = True
        if request.together is None and replicas.workers() > 1 and replicas.role() == "worker" and not self.dry_run:
            place = self._shared / f".together-{replicas.meeting()}"
            request.together = Agreement(place, replicas.rank(), replicas.workers(), lambda: request.asked)

    def log(self, tag: str, value: float, step: int) -> None:
        """Add one point to the curve ``tag``; ``step`` counts batches from the beginning of the run. Takes microseconds."""
        self._events.add_scalar(tag, value, step)

    def latest(self) -> snapshots.Snapshot | None:
        """The newest complete snapshot of this run, whether it was taken now or before a restart."""
        return snapshots.newest(self.output)

    def save_snapshot(self, files: Mapping[str, Path], moment: snapshots.Moment) -> snapshots.Snapshot:
        """Pack ``files`` (name inside the archive: path) as this run's snapshot at ``moment`` and tell the platform.

        Raises:
            OSError: a file is missing or the disk is full.
        """
        if not self.speaks:
            return quiet.not_taken(moment)
        made = snapshots.pack(self.output, files, moment)
        body = {"epoch": made.epoch, "step": made.step, "file": made.file, "size": made.size, "sha256": made.sha256}
        self._reporter.send("POST", f"/instances/{self.id}/snapshots", body)
        return made

    def done(self, error: str = "") -> None:
        """End the run: as done, or as failed if ``error`` says why. Only the first call counts."""
        self._end("failed" if error else "stopped" if self.stopping else "completed", error)

    def __enter__(self) -> TrainInstance:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self.done(_sentence(value))

    def _begin(self) -> None:
        self.output.mkdir(parents=True, exist_ok=True)
        self.logs.mkdir(parents=True, exist_ok=True)
        self._lock = state.hold(self.folder)
        if self._lock is None:
            raise Conflict(
                "instance-in-use",
                N_("Another running script already works in the training instance {instance}."),
                hint=N_("Start a new instance by leaving out the identifier."),
                instance=self.id,
            )
        self._tell_begin()
        restart = self.resumed_from.step + 1 if self.resumed_from else None
        self._events = EventWriter(self.logs, restart_at=restart)
        self._events.add_text(tags.HYPERPARAMETERS, _as_markdown(self.parameters))
        self.stop_request.listen()
        self._watch_the_end()

    def _follow(self) -> None:
        """Begin as a replica that does not report: what the run goes on from is found, what is written is nobody's."""
        output, self.runs = self.output, quiet.folder()
        self.output.mkdir(parents=True)
        self.logs.mkdir()
        if self.resumed_from is not None:
            (self.output / self.resumed_from.file).symlink_to(output / self.resumed_from.file)
        self._file, self._reporter = state.InstanceFile(id=self.id), Reporter(None)
        self.stop_request.listen()
        self._watch_the_end()

    def _tell_begin(self) -> None:
        before = state.read(self.folder)
        self._file = state.InstanceFile(
            id=self.id,
            training=os.environ.get("TRAINYARD_TRAINING", ""),
            attempt=os.environ.get("TRAINYARD_ATTEMPT", ""),
            started=before.started if before else time.time(),
            parameters=self.parameters,
        )
        state.write(self.folder, self._file)
        platform = Platform.from_environment()
        self._reporter = Reporter(platform)
        training = platform.training if platform else ""
        if before is None:
            body = {"id": self.id, "parameters": self.parameters}
            self._reporter.send("POST", f"/trainings/{training}/instances", body)
        else:
            self._reporter.send("PUT", f"/instances/{self.id}", {"state": "running", "parameters": self.parameters})

    def _watch_the_end(self) -> None:
        """However the script ends, by itself or by an error nobody caught, the run is closed truthfully."""
        self._hook = _fail_on_exception(self)
        sys.excepthook = self._hook
        atexit.register(self.done)

    def _end(self, ended: str, error: str) -> None:
        if self.ended:
            return
        self.ended = True
        if self.stop_request.together is not None:
            self.stop_request.together.close()
        error = params.plain_text(error)[:_LONGEST_ERROR]
        self._events.close()
        outcome = "failed" if error else "done"
        self._file = replace(self._file, state=outcome, ended=ended, stopped=time.time(), error=error)
        try:
            state.write(self.folder, self._file)
        except OSError as trouble:
            print(f"trainyard: the end of the run could not be written down: {trouble}", file=sys.stderr)
        self._reporter.send("PUT", f"/instances/{self.id}", {"state": outcome, "error": error})
        self._reporter.close()
        atexit.unregister(self.done)
        if self._lock is not None:
            os.close(self._lock)


def _fail_on_exception(run: TrainInstance) -> Callable[..., None]:
    before = sys.excepthook

    def hook(kind: type[BaseException], value: BaseException, trace: TracebackType | None) -> None:
        run.done(_sentence(value))
        before(kind, value, trace)

    return hook


def _sentence(error: BaseException | None) -> str:
    """What to write down about an exception; asking to stop is no error."""
    if error is None or isinstance(error, (Stopped, KeyboardInterrupt)):
        return ""
    if isinstance(error, SystemExit):
        return "" if error.code in (None, 0) else f"the script ended with exit code {error.code}"
    return f"{type(error).__name__}: {error}"


def _checked(instance: str) -> str:
    if state.IDENTITY.match(instance):
        return instance
    raise Invalid(
        "instance-id",
        N_("{instance} is not a training instance: an instance is named by 24 hexadecimal digits."),
        hint=N_("Copy the identifier from the training's page."),
        instance=instance,
    )


def _as_markdown(parameters: Mapping[str, Any]) -> str:
    return "```json\n" + json.dumps(parameters, ensure_ascii=False, indent=2, default=str) + "\n```"
