"""The list of models: snapshots of trainings and own files; download, bring one, delete."""

from __future__ import annotations

from typing import Any

from pydantic import TypeAdapter
from trainyard.records.accounts import Me
from trainyard.records.base import Page as Listing
from trainyard.records.trainings import Model, NewModel

from trainyard_widgets.forms import filled_in
from trainyard_widgets.page import Page, View, action
from trainyard_widgets.views.models import list_query, list_view


class ModelsPage(Page):
    """All models the viewer may see, tab by tab."""

    bundle = "models"
    topics = frozenset({"model"})

    def load(self) -> View:
        """One page of the chosen tab."""
        asked = list_query(self.query)
        query = {key: value for key, value in asked.items() if value != ""}
        listing = self.client.get("/models", Listing[Model], **query)
        me = self.client.get("/me", Me)
        return list_view(listing, asked, self.language) | {"groups": [group.name for group in me.groups]}

    @action
    def create(self, form: dict[str, Any]) -> str:
        """Make a model of a complete upload."""
        return self.client.post("/models", Model, filled_in(TypeAdapter(NewModel), form)).id

    @action
    def delete(self, model: str) -> None:
        """Delete a model, for good."""
        self.client.delete(f"/models/{model}")
