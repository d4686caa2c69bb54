"""A terminal in the browser inside a running job; the bytes go between browser and service directly."""

from __future__ import annotations

from trainyard.errors import Invalid
from trainyard.records.trainings import Training
from trainyard.words import N_

from trainyard_widgets.page import Page, View
from trainyard_widgets.views.trainings import row


class ConsolePage(Page):
    """``id`` in the URL names the training whose job is entered."""

    bundle = "console"
    topics = frozenset({"training", "job"})

    def load(self) -> View:
        """The training: its name, whether it runs, and its job."""
        chosen = str(self.query.get("id", ""))
        if not chosen:
            raise Invalid("no-training", N_("The address names no training."), hint=N_("Open one from the list of trainings."))
        training = self.client.get(f"/trainings/{chosen}", Training)
        return {"training": row(training, self.language), "attempt": training.job.attempt}
