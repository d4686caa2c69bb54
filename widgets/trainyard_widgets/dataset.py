"""One dataset: its description, statistics, problems and pictures, and the sets formatted from it."""

from __future__ import annotations

from typing import Any

from pydantic import TypeAdapter
from trainyard.errors import Invalid, NotFound
from trainyard.records.accounts import Me
from trainyard.records.base import Page as Listing
from trainyard.records.datasets import (
    Batch,
    Dataset,
    DatasetChange,
    DatasetDetail,
    DatasetState,
    NewBatch,
    NewFetch,
    SampleView,
    SkippedPicture,
)
from trainyard.records.examinations import Examination, SourceLine
from trainyard.words import N_

from trainyard_widgets.forms import filled_in
from trainyard_widgets.page import View, action
from trainyard_widgets.sharing import SharingPage
from trainyard_widgets.views.batches import batch_view
from trainyard_widgets.views.datasets import row
from trainyard_widgets.views.examination import examination_view, running_view
from trainyard_widgets.views.formats import refused_formats
from trainyard_widgets.views.samples import PAGE_SIZE, place_of_line, sample_view
from trainyard_widgets.views.statistics import class_colours, statistics_view


class DatasetPage(SharingPage):
    """The detail page; ``id`` in the URL names the dataset, ``set`` and ``class`` filter its pictures."""

    bundle = "dataset"
    topics = frozenset({"dataset", "batch", "job"})

    def load(self) -> View:
        """Everything but the pictures, which the page asks for page by page."""
        detail = self.client.get(f"/datasets/{self._id()}", DatasetDetail)
        me = self.client.get("/me", Me)
        examination = self._examination(detail)
        return {
            "dataset": row(detail, self.language),
            "statistics": statistics_view(detail.statistics),
            "examination": examination and examination_view(examination),
            "examining": examination and running_view(examination),
            "refused_formats": refused_formats(detail.label_sets, self.language),
            "colours": class_colours(detail.label_sets),
            "batches": [batch_view(one, self.language, detail.may_change or one.creator.id == me.id) for one in detail.batches],
            "groups": [group.name for group in me.groups],
            "storage": me.storage,
            "administrator": me.administrator,
        }

    def _examination(self, detail: DatasetDetail) -> Examination | None:
        """What looking at the pictures found; None while there is no list yet."""
        if detail.state is not DatasetState.READY:
            return None
        return self.client.get(f"/datasets/{detail.id}/examination", Examination)

    @action(reloads=False)
    def samples(self, offset: int = 0, label_set: str = "", classes: list[str] | None = None) -> dict[str, Any]:
        """One page of pictures with their labels."""
        page = self._samples(offset, PAGE_SIZE, label_set, classes or [])
        return {"items": [sample_view(one) for one in page.items], "total": page.total, "offset": page.offset}

    @action(reloads=False)
    def locate(self, line: int, label_set: str = "", classes: list[str] | None = None) -> int:
        """Where among the pictures (of these classes) the one on ``line`` stands, or the next one after it."""
        chosen = classes or []
        total = self._samples(0, 1, label_set, chosen).total
        if not total:
            raise NotFound("no-pictures", N_("There is no picture to show."))
        return place_of_line(line, total, lambda place: self._samples(place, 1, label_set, chosen).items[0].line)

    @action(reloads=False)
    def source(self, line: int) -> str:
        """The line of the list as it was written."""
        return self.client.get(f"/datasets/{self._id()}/source", SourceLine, line=line).text

    def _samples(self, offset: int, limit: int, label_set: str, classes: list[str]) -> Listing[SampleView]:
        query = {"label_set": label_set or None, "class": classes or None}
        return self.client.get(f"/datasets/{self._id()}/samples", Listing[SampleView], offset=offset, limit=limit, **query)

    @action
    def examine(self) -> None:
        """Look at every picture: its size, whether it is there and whole, and whether it is there twice."""
        self.client.post(f"/datasets/{self._id()}/examine", object)

    @action
    def fetch(self, form: dict[str, Any]) -> str:
        """Begin to load pictures from the web into the viewer's bucket; answers the new dataset's id."""
        return self.client.post(f"/datasets/{self._id()}/fetch", Dataset, filled_in(TypeAdapter(NewFetch), form)).id

    @action
    def resume_making(self) -> None:
        """Go on with a dataset whose making was stopped or failed."""
        self.client.post(f"/datasets/{self._id()}/resume", object)

    @action
    def describe(self, name: str, description: str) -> None:
        """Rename and describe."""
        change = filled_in(TypeAdapter(DatasetChange), {"name": name, "description": description})
        self.client.patch(f"/datasets/{self._id()}", Dataset, change)

    @action(reloads=False)
    def copy(self, name: str) -> str:
        """Make an independent dataset of the same list; answers its id."""
        return self.client.post(f"/datasets/{self._id()}/copy", Dataset, {"name": name}).id

    @action(reloads=False)
    def delete(self) -> None:
        """Delete the dataset; refused with who uses it."""
        self.client.delete(f"/datasets/{self._id()}")

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
    def skipped(self, batch: str, offset: int = 0, limit: int = 50) -> dict[str, Any]:
        """A page of the pictures that a batch left out, each with its reason."""
        page = self.client.get(f"/batches/{batch}/skipped", Listing[SkippedPicture], offset=offset, limit=limit)
        return page.model_dump(mode="json")

    @action(reloads=False)
    def loader(self, formatted: str) -> dict[str, str]:
        """Code that reads a set, by framework."""
        return self.client.get(f"/formatted/{formatted}/loader", dict[str, str])

    def _id(self) -> str:
        chosen = str(self.query.get("id", ""))
        if not chosen:
            raise Invalid("no-dataset", N_("The address names no dataset."), hint=N_("Open one from the list of datasets."))
        return chosen
