"""The monitor page of one training: how far it is, its curves as they grow, its log, why it waits and how it ended."""

from __future__ import annotations

import threading
import time
from typing import Any

import traitlets
from trainyard.errors import Invalid, NotFound
from trainyard.records.trainings import Curves, Training
from trainyard.words import N_

from trainyard_widgets.page import Page, View, action
from trainyard_widgets.views.monitor import curves_view, monitor_view

POINTS = 1000
APART = 1.0
"""Seconds between two loads of the curves at least: a training may write many points a second."""


class MonitorPage(Page):
    """``id`` in the URL names the training, ``instance`` the run whose curves are shown (the newest without it)."""

    bundle = "monitor"
    topics = frozenset({"training", "job", "instance", "model"})
    curves = traitlets.Dict().tag(sync=True)

    def __init__(self, **arguments: Any) -> None:
        self._range: tuple[float, float] | None = None
        self._curves_lock = threading.Lock()
        self._curves_due = 0.0
        super().__init__(**arguments)

    def load(self) -> View:
        """The tiles and texts; the curves follow in a trait of their own, so that each is sent only when it changed."""
        training = self.client.get(f"/trainings/{self._id()}", Training)
        view = monitor_view(training, self.query.get("instance"), self.language)
        if view["instance"]:
            self._load_curves(view["instance"]["id"])
        elif self.curves:
            self.assign(curves={})
        return view

    @action(reloads=False)
    def zoom(self, first: float | None = None, last: float | None = None) -> None:
        """Ask for full detail between two steps; without them for the whole run."""
        self._range = None if first is None or last is None else (first, last)
        self._curves_due = 0.0
        self.reload()

    @action
    def stop(self) -> None:
        """End the process and give its resources back; files stay."""
        self.client.post(f"/trainings/{self._id()}/stop", object)

    @action
    def start(self) -> None:
        """Run it again with the same configuration."""
        self.client.post(f"/trainings/{self._id()}/start", object)

    @action(reloads=False)
    def tensorboard(self) -> str:
        """Start a TensorBoard on this training; answers its address."""
        return self.client.post(f"/trainings/{self._id()}/tensorboard", dict[str, str])["address"]

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
        bounds = {"from": self._range[0], "to": self._range[1]} if self._range else {}
        try:
            curves = self.client.get(f"/instances/{instance}/curves", Curves, points=POINTS, **bounds)
        except NotFound:
            return
        drawn = curves_view(curves)
        if drawn != self.curves:
            self.assign(curves=drawn)

    def _id(self) -> str:
        chosen = str(self.query.get("id", ""))
        if not chosen:
            raise Invalid("no-training", N_("The address names no training."), hint=N_("Open one from the list of trainings."))
        return chosen
