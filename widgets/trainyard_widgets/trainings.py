"""The list of trainings with their states and instances; stop, start again, delete, and clone into the wizard."""

from __future__ import annotations

from trainyard.records.base import Page as Listing
from trainyard.records.trainings import Training

from trainyard_widgets.page import Page, View, action
from trainyard_widgets.views.trainings import list_query, list_view


class TrainingsPage(Page):
    """All trainings the viewer may see."""

    bundle = "trainings"
    topics = frozenset({"training", "job", "instance"})

    def load(self) -> View:
        """One page of the list as the URL asks for it."""
        asked = list_query(self.query)
        query = {key: value for key, value in asked.items() if value != ""}
        return list_view(self.client.get("/trainings", Listing[Training], **query), asked, self.language)

    @action
    def stop(self, training: str) -> None:
        """End the process and give its resources back; files stay."""
        self.client.post(f"/trainings/{training}/stop", object)

    @action
    def start(self, training: str, package: str = "") -> None:
        """Run it again with the same configuration, or in another package; the log goes on in the same file."""
        self.client.post(f"/trainings/{training}/start", object, {"package": package} if package else {})

    @action
    def pause(self, training: str) -> None:
        """Save and end, to go on later from the last checkpoint."""
        self.client.post(f"/trainings/{training}/pause", object)

    @action
    def resume(self, training: str) -> None:
        """Go on from the newest complete checkpoint."""
        self.client.post(f"/trainings/{training}/resume", object)

    @action
    def delete(self, training: str) -> None:
        """Delete the training from the list; snapshots kept as models stay."""
        self.client.delete(f"/trainings/{training}")
