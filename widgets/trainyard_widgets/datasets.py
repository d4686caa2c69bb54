"""The dataset list: what is mine, my groups' and everybody's; make, rename, describe, copy, share and delete."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from pydantic import TypeAdapter
from trainyard.records.accounts import Me
from trainyard.records.base import Page as Listing
from trainyard.records.datasets import Dataset, DatasetChange, NewDataset, Visibility
from trainyard.records.storage import BucketListing, ShareListing

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
        return list_view(listing, asked, self.language) | offered | {"counts": self._counts(asked, listing.total)}

    def _counts(self, asked: dict[str, Any], shown: int) -> dict[str, int]:
        """How many datasets each tab has with this search."""
        counts = {asked["visibility"]: shown}
        for tab in {one.value for one in Visibility} - {asked["visibility"]}:
            other = self.client.get("/datasets", Listing[Dataset], visibility=tab, search=asked["search"], limit=1)
            counts[tab] = other.total
        return counts

    @action(reloads=False)
    def browse(self, where: str, group: str = "", prefix: str = "", after: str | None = None) -> dict[str, Any]:
        """One page of a folder of the bucket (``where`` is ``bucket``) or of a group's share."""
        listing: BucketListing | ShareListing
        if where == "bucket":
            listing = self.client.get("/bucket", BucketListing, prefix=prefix, after=after)
        else:
            listing = self.client.get(f"/shares/{quote(group, safe='')}/files", ShareListing, path=prefix, after=after)
        return {"entries": [entry.model_dump(mode="json") for entry in listing.entries], "after": listing.after}

    @action
    def create(self, form: dict[str, Any]) -> dict[str, Any]:
        """Make a dataset from whatever source the form describes."""
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
