"""The monitor page of one training: how far it is, its curves as they grow, its log, why it waits and how it ended."""

from __future__ import annotations

import threading
import time
from typing import Any
from urllib.parse import urlencode

import traitlets
from trainyard.client.transport import TENSORBOARD_TIMEOUT
from trainyard.errors import Invalid, NotFound
from trainyard.records.base import Page as Listing
from trainyard.records.distributed import Replica
from trainyard.records.jobs import Attempt, Waiting
from trainyard.records.monitoring import Address, Comparison, JobUsage
from trainyard.records.trainings import Curves, Training
from trainyard.words import N_

from trainyard_widgets.page import Page, View, action
from trainyard_widgets.views.comparing import compared_curves, comparison_view, steps_between, usage_view
from trainyard_widgets.views.endings import attempt_view
from trainyard_widgets.views.monitor import curves_view, monitor_view

POINTS = 1000
APART = 1.0
USAGE_APART = 5.0
"""Seconds between two loads of the curves at least: a training may write many points a second."""


class MonitorPage(Page):
    """``id`` in the URL names the training, ``instance`` the run whose curves are shown (the newest without it).

    With ``runs``, identifiers of trainings with commas, these are shown side by side instead.
    """

    bundle = "monitor"
    topics = frozenset({"training", "job", "instance", "model", "usage"})
    curves = traitlets.Dict().tag(sync=True)
    usage = traitlets.Dict().tag(sync=True)

    def __init__(self, **arguments: Any) -> None:
        self._range: tuple[int, int] | None = None
        self._curves_lock = threading.Lock()
        self._curves_due = self._usage_due = 0.0
        self._attempts_known: tuple[tuple[int, str], list[View]] = ((0, ""), [])
        super().__init__(**arguments)

    def load(self) -> View:
        """The tiles and texts; the curves follow in a trait of their own, so that each is sent only when it changed."""
        if runs := self._runs():
            return self._compare(runs)
        training = self.client.get(f"/trainings/{self._id()}", Training)
        view = monitor_view(training, self.query.get("instance"), self.language)
        if view["instance"]:
            self._load_curves(view["instance"]["id"])
        elif self.curves:
            self.assign(curves={})
        self._load_usage(training.job.id)
        more = {"waiting": self._why(training), "attempts": self._attempts(training), "replicas": self._replicas(training)}
        return {**view, **more}

    def _replicas(self, training: Training) -> list[View]:
        """The processes of a distributed training and how each of them stands."""
        if not training.job.replicas:
            return []
        found = self.client.get(f"/jobs/{training.job.id}/replicas", list[Replica])
        return [one.model_dump(mode="json") for one in found]

    def _why(self, training: Training) -> View | None:
        """Why it waits, in full: with who holds what is short and what would start now."""
        if training.job.state != "queued":
            return None
        answer: Any = Waiting | None
        told: Waiting | None = self.client.get(f"/jobs/{training.job.id}/waiting", answer)
        return told.model_dump(mode="json") if told else None

    def _attempts(self, training: Training) -> list[View]:
        """Its starts and how each ended, once there are several; asked for again when one was begun or has ended."""
        job = training.job
        if job.attempt < 2:
            return []
        if self._attempts_known[0] != (job.attempt, job.state):
            found = self.client.get(f"/jobs/{job.id}/attempts", list[Attempt])
            self._attempts_known = (job.attempt, job.state), [attempt_view(one) for one in found]
        return self._attempts_known[1]

    @action
    def take_package(self, package: str) -> None:
        """Wait with another package, which would start now."""
        self.client.post(f"/trainings/{self._id()}/package", object, {"package": package})

    def _compare(self, runs: list[str]) -> View:
        """Trainings side by side, with those that could be added."""
        found = self.client.get("/comparison", Comparison, training=runs)
        instances = [run.instance for run in found.runs if run.instance]
        series = self._curves_of(instances)
        drawn = compared_curves(found, series)
        if drawn != self.curves:
            self.assign(curves=drawn)
        others = self.client.get("/trainings", Listing[Training], limit=100).items
        chosen = {run.training for run in found.runs}
        return {
            "comparison": comparison_view(found),
            "others": [{"id": one.id, "name": one.name} for one in others if one.id not in chosen],
        }

    def _curves_of(self, instances: list[str]) -> list[Curves]:
        """The curves of several instances; each in full detail where a part of them is looked at."""
        if self._range:
            return [self.client.get(f"/instances/{one}/curves", Curves, points=POINTS, **self._bounds()) for one in instances]
        return self.client.get("/curves", list[Curves], instance=instances, points=POINTS) if instances else []

    def _bounds(self) -> dict[str, int]:
        return {"from": self._range[0], "to": self._range[1]} if self._range else {}

    def _load_usage(self, job: str) -> None:
        """What the job uses; a sample comes every two seconds at most, and a chart of hours changes slowly."""
        if time.monotonic() < self._usage_due and self.usage.get("job") == job:
            return
        self._usage_due = time.monotonic() + USAGE_APART
        drawn = usage_view(self.client.get(f"/jobs/{job}/usage", JobUsage, points=POINTS))
        if drawn != self.usage:
            self.assign(usage=drawn)

    @action(reloads=False)
    def zoom(self, first: float | None = None, last: float | None = None, axis: str = "step") -> None:
        """Ask for full detail between two places on the axis (steps, epochs or minutes); without them for the whole run."""
        whole = first is None or last is None
        self._range = None if whole else steps_between(self.curves, axis, (float(first or 0), float(last or 0)))
        self._curves_due = 0.0
        self.reload()

    @action
    def stop(self) -> None:
        """End the process and give its resources back; files stay."""
        self.client.post(f"/trainings/{self._id()}/stop", object)

    @action
    def start(self, package: str = "") -> None:
        """Run it again with the same configuration, or in another package; the log goes on in the same file."""
        self.client.post(f"/trainings/{self._id()}/start", object, {"package": package} if package else {})

    @action(reloads=False)
    def delete(self) -> None:
        """Delete the training from the list; snapshots kept as models stay."""
        self.client.delete(f"/trainings/{self._id()}")

    @action
    def pause(self) -> None:
        """Save and end, to go on later from the last checkpoint."""
        self.client.post(f"/trainings/{self._id()}/pause", object)

    @action
    def resume(self) -> None:
        """Go on from the newest complete checkpoint."""
        self.client.post(f"/trainings/{self._id()}/resume", object)

    @action(reloads=False)
    def tensorboard(self) -> str:
        """Start a TensorBoard on this training, or on those that are compared; answers its address."""
        runs = self._runs()
        compared = f"/comparison/tensorboard?{urlencode([('training', run) for run in runs])}"
        path = compared if runs else f"/trainings/{self._id()}/tensorboard"
        return self.client.post(path, Address, timeout=TENSORBOARD_TIMEOUT).address

    def _load_curves(self, instance: str) -> None:
        """At most once a second; a change in between is picked up by the next event or the page's own refresh."""
        with self._curves_lock:
            wait = self._curves_due - time.monotonic()
            if wait > 0 and self.curves.get("instance") == instance:
                timer = threading.Timer(wait, self.reload)
                timer.daemon = True
                timer.start()
                return
            self._curves_due = time.monotonic() + APART
        try:
            curves = self.client.get(f"/instances/{instance}/curves", Curves, points=POINTS, **self._bounds())
        except NotFound:
            return
        drawn = curves_view(curves)
        if drawn != self.curves:
            self.assign(curves=drawn)

    def _runs(self) -> list[str]:
        return [one for one in str(self.query.get("runs", "")).split(",") if one]

    def _id(self) -> str:
        chosen = str(self.query.get("id", ""))
        if not chosen:
            raise Invalid("no-training", N_("The address names no training."), hint=N_("Open one from the list of trainings."))
        return chosen
