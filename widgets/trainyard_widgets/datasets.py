"""The dataset list: what is mine, my groups' and everybody's; make, rename, describe, copy, share and delete."""

from __future__ import annotations

from typing import Any

from pydantic import TypeAdapter
from trainyard.records.accounts import Me
from trainyard.records.base import Page as Listing
from trainyard.records.datasets import Dataset, DatasetChange, NewDataset

from trainyard_widgets.forms import filled_in
from trainyard_widgets.page import View, action
from trainyard_widgets.sharing import SharingPage
from trainyard_widgets.views.datasets import list_query, list_view

_NEW = TypeAdapter(NewDataset)


class DatasetsPage(SharingPage):
    """All datasets the viewer may see, tab by tab."""

    bundle = "datasets"
    topics = frozenset({"dataset", "batch"})

    def load(self) -> View:
        """One page of the chosen tab, and what the form for a new dataset offers."""
        asked = list_query(self.query)
        me = self.client.get("/me", Me)
        listing = self.client.get("/datasets", Listing[Dataset], **asked)
        offered = {"groups": [group.name for group in me.groups], "storage": me.storage, "administrator": me.administrator}
        return list_view(listing, asked, self.language) | offered

    @action
    def create(self, form: dict[str, Any]) -> dict[str, Any]:
        """Make a dataset from an upload, a bucket key or a file on a group share."""
        made = self.client.post("/datasets", Dataset, filled_in(_NEW, form))
        return {"id": made.id, "name": made.name}

    @action
    def change(self, dataset: str, name: str, description: str) -> None:
        """Rename and describe."""
        change = filled_in(TypeAdapter(DatasetChange), {"name": name, "description": description})
        self.client.patch(f"/datasets/{dataset}", Dataset, change)

    @action
    def copy(self, dataset: str, name: str) -> dict[str, Any]:
        """Make an independent dataset of the same list."""
        return {"id": self.client.post(f"/datasets/{dataset}/copy", Dataset, {"name": name}).id}

    @action
    def delete(self, dataset: str) -> None:
        """Delete; refused with who uses it."""
        self.client.delete(f"/datasets/{dataset}")
