"""One dataset: its description, statistics, problems and pictures, and the sets formatted from it."""

from __future__ import annotations

from typing import Any

from pydantic import TypeAdapter
from trainyard.errors import Invalid
from trainyard.records.accounts import Me
from trainyard.records.base import Page as Listing
from trainyard.records.datasets import Batch, Dataset, DatasetChange, DatasetDetail, NewBatch, SampleView
from trainyard.words import N_

from trainyard_widgets.forms import filled_in
from trainyard_widgets.page import View, action
from trainyard_widgets.sharing import SharingPage
from trainyard_widgets.views.batches import batch_view
from trainyard_widgets.views.datasets import row
from trainyard_widgets.views.samples import PAGE_SIZE, sample_view
from trainyard_widgets.views.statistics import class_colours, statistics_view


class DatasetPage(SharingPage):
    """The detail page; ``id`` in the URL names the dataset, ``set`` and ``class`` filter its pictures."""

    bundle = "dataset"
    topics = frozenset({"dataset", "batch", "job"})

    def load(self) -> View:
        """Everything but the pictures, which the page asks for as it scrolls."""
        detail = self.client.get(f"/datasets/{self._id()}", DatasetDetail)
        me = self.client.get("/me", Me)
        return {
            "dataset": row(detail, self.language),
            "statistics": statistics_view(detail.statistics),
            "colours": class_colours(detail.label_sets),
            "batches": [batch_view(one, self.language, detail.may_change or one.creator.id == me.id) for one in detail.batches],
            "groups": [group.name for group in me.groups],
            "administrator": me.administrator,
        }

    @action(reloads=False)
    def samples(self, offset: int = 0, label_set: str = "", class_name: str = "") -> dict[str, Any]:
        """One page of pictures with their labels."""
        query = {"label_set": label_set or None, "class": class_name or None}
        page = self.client.get(f"/datasets/{self._id()}/samples", Listing[SampleView], offset=offset, limit=PAGE_SIZE, **query)
        return {"items": [sample_view(one) for one in page.items], "total": page.total, "offset": page.offset}

    @action
    def describe(self, name: str, description: str) -> None:
        """Rename and describe."""
        change = filled_in(TypeAdapter(DatasetChange), {"name": name, "description": description})
        self.client.patch(f"/datasets/{self._id()}", Dataset, change)

    @action
    def format(self, form: dict[str, Any]) -> str:
        """Begin one batch; answers its id."""
        batch = self.client.post(f"/datasets/{self._id()}/batches", Batch, filled_in(TypeAdapter(NewBatch), form))
        return batch.id

    @action
    def cancel(self, batch: str) -> None:
        """Stop formatting; nothing of it becomes visible."""
        self.client.post(f"/batches/{batch}/cancel", object)

    @action
    def resume(self, batch: str) -> None:
        """Go on where formatting stopped."""
        self.client.post(f"/batches/{batch}/resume", object)

    @action
    def delete_batch(self, batch: str) -> None:
        """Delete all sets of a batch, for good."""
        self.client.delete(f"/batches/{batch}")

    @action
    def delete_set(self, formatted: str) -> None:
        """Delete one set, for good."""
        self.client.delete(f"/formatted/{formatted}")

    @action(reloads=False)
    def loader(self, formatted: str) -> dict[str, str]:
        """Code that reads a set, by framework."""
        return self.client.get(f"/formatted/{formatted}/loader", dict[str, str])

    def _id(self) -> str:
        chosen = str(self.query.get("id", ""))
        if not chosen:
            raise Invalid("no-dataset", N_("The address names no dataset."), hint=N_("Open one from the list of datasets."))
        return chosen
