"""Datasets, and the batches of formatted sets that are made of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from trainyard.client.transport import Transport, given, segment
from trainyard.records.base import Page
from trainyard.records.datasets import (
    Batch,
    Dataset,
    DatasetChange,
    DatasetDetail,
    FetchFailure,
    FormattedSet,
    NewBatch,
    NewDataset,
    NewFetch,
    SampleView,
    SkippedPicture,
)
from trainyard.records.examinations import Examination, SourceLine
from trainyard.records.jobs import Job


class Datasets(Transport):
    """``/datasets``, ``/batches`` and ``/formatted``."""

    def datasets(self, **query: Any) -> Page[Dataset]:
        """Datasets the caller may see; ``visibility``, ``search``, ``sort`` (``-`` turns it round), ``offset``, ``limit``."""
        return self.one(Page[Dataset], "GET", "datasets", params=query)

    def dataset(self, dataset: str) -> DatasetDetail:
        """One dataset with its statistics and batches."""
        return self.one(DatasetDetail, "GET", f"datasets/{segment(dataset)}")

    def create_dataset(self, new: NewDataset) -> Dataset:
        """Begin to make a dataset of a list; its state is ``creating`` until every line was read."""
        return self.one(Dataset, "POST", "datasets", json=new)

    def change_dataset(self, dataset: str, change: DatasetChange) -> Dataset:
        """Rename or describe it."""
        return self.one(
            Dataset, "PATCH", f"datasets/{segment(dataset)}", json=change.model_dump(mode="json", exclude_none=True)
        )

    def delete_dataset(self, dataset: str) -> None:
        """Delete a dataset nobody uses."""
        self.send("DELETE", f"datasets/{segment(dataset)}")

    def copy_dataset(self, dataset: str, name: str) -> Dataset:
        """An independent dataset with the same content."""
        return self.one(Dataset, "POST", f"datasets/{segment(dataset)}/copy", json={"name": name})

    def share_dataset(self, dataset: str, group: str) -> Dataset:
        """Let every member of ``group`` use it."""
        return self.one(Dataset, "PUT", f"datasets/{segment(dataset)}/shares/{segment(group)}")

    def unshare_dataset(self, dataset: str, group: str) -> Dataset:
        """Take a share back."""
        return self.one(Dataset, "DELETE", f"datasets/{segment(dataset)}/shares/{segment(group)}")

    def publish_dataset(self, dataset: str) -> Dataset:
        """Let everybody use it; administrators only."""
        return self.one(Dataset, "PUT", f"datasets/{segment(dataset)}/public")

    def unpublish_dataset(self, dataset: str) -> Dataset:
        """Let only its owner and its groups use it again; administrators only."""
        return self.one(Dataset, "DELETE", f"datasets/{segment(dataset)}/public")

    def samples(
        self, dataset: str, offset: int = 0, limit: int = 50, label_set: str = "", classes: Sequence[str] = ()
    ) -> Page[SampleView]:
        """Lines of the list; with ``label_set`` and ``classes`` only pictures of these."""
        query: dict[str, Any] = {"offset": offset, "limit": limit, "label_set": label_set, "class": list(classes)}
        return self.one(Page[SampleView], "GET", f"datasets/{segment(dataset)}/samples", params=query)

    def picture(self, dataset: str, line: int, size: int = 256) -> bytes:
        """The picture on a line of the list as JPEG or PNG, at most ``size`` pixels wide and high."""
        return self.send("GET", f"datasets/{segment(dataset)}/picture", params={"line": line, "size": size}).content

    def download_list(self, dataset: str, target: Path) -> Iterator[int]:
        """Write the list as it was given to ``target``; gives the bytes written so far."""
        return self.download(f"datasets/{segment(dataset)}/list", target)

    def examine(self, dataset: str) -> Job:
        """Begin to look for missing, broken and equal pictures; the job under way, if there is one."""
        return self.one(Job, "POST", f"datasets/{segment(dataset)}/examine")

    def examination(self, dataset: str) -> Examination:
        """What the last look at the pictures found, and how far a new one is."""
        return self.one(Examination, "GET", f"datasets/{segment(dataset)}/examination")

    def source_line(self, dataset: str, line: int) -> SourceLine:
        """One line of the list as it was written."""
        return self.one(SourceLine, "GET", f"datasets/{segment(dataset)}/source", params={"line": line})

    def resume_dataset(self, dataset: str) -> Dataset:
        """Go on with a dataset whose making was stopped or failed."""
        return self.one(Dataset, "POST", f"datasets/{segment(dataset)}/resume")

    def fetch(self, dataset: str, new: NewFetch) -> Dataset:
        """Begin to fetch what the list names on the web into the caller's bucket; the dataset that will name it there."""
        return self.one(Dataset, "POST", f"datasets/{segment(dataset)}/fetch", json=new)

    def failures(self, dataset: str) -> list[FetchFailure]:
        """The lines that a fetch left out, and why."""
        lines = self.send("GET", f"datasets/{segment(dataset)}/failures").text.splitlines()
        return [FetchFailure.model_validate_json(line, extra="ignore") for line in lines]

    def download_failures(self, dataset: str, target: Path) -> Iterator[int]:
        """Write them to ``target``, one JSON object a line; gives the bytes written so far."""
        return self.download(f"datasets/{segment(dataset)}/failures", target)

    def format(self, dataset: str, new: NewBatch) -> Batch:
        """Begin to write a batch: every chosen format and split, with identical samples in identical order."""
        return self.one(Batch, "POST", f"datasets/{segment(dataset)}/batches", json=new)

    def batch(self, batch: str) -> Batch:
        """One batch with its sets."""
        return self.one(Batch, "GET", f"batches/{segment(batch)}")

    def batch_manifest(self, batch: str) -> dict[str, Any]:
        """What a finished batch says of itself: ranges, classes, counts by split and class, SHA-256 of files, lineage."""
        return self.one(dict[str, Any], "GET", f"batches/{segment(batch)}/manifest")

    def skipped(self, batch: str, offset: int = 0, limit: int = 50) -> Page[SkippedPicture]:
        """The pictures and videos that were left out of a finished batch, and why."""
        query = {"offset": offset, "limit": limit}
        return self.one(Page[SkippedPicture], "GET", f"batches/{segment(batch)}/skipped", params=query)

    def cancel_batch(self, batch: str) -> Batch:
        """Stop formatting; it can be resumed."""
        return self.one(Batch, "POST", f"batches/{segment(batch)}/cancel")

    def resume_batch(self, batch: str) -> Batch:
        """Go on with a batch that was cancelled or failed."""
        return self.one(Batch, "POST", f"batches/{segment(batch)}/resume")

    def delete_batch(self, batch: str) -> None:
        """Delete a batch with its sets, unless one is used."""
        self.send("DELETE", f"batches/{segment(batch)}")

    def formatted(self, **query: Any) -> Page[FormattedSet]:
        """Formatted sets; ``dataset``, ``format``, ``split``, ``visibility``, ``offset``, ``limit``."""
        return self.one(Page[FormattedSet], "GET", "formatted", params=given(**query))

    def delete_set(self, formatted: str) -> None:
        """Delete one set of a batch, unless it is used."""
        self.send("DELETE", f"formatted/{segment(formatted)}")

    def loader(self, formatted: str) -> dict[str, str]:
        """For each framework the lines of Python that read a set."""
        return self.one(dict[str, str], "GET", f"formatted/{segment(formatted)}/loader")
