"""Datasets, their statistics and samples, batches and formatted sets."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any, Literal

from pydantic import Field, model_validator

from trainyard.records.base import Description, Name, Person, Record
from trainyard.records.jobs import Progress
from trainyard.records.storage import BucketCopy


class DatasetState(StrEnum):
    """creating → ready | failed."""

    CREATING = "creating"
    READY = "ready"
    FAILED = "failed"


class Visibility(StrEnum):
    """Which tab a dataset stands in for the caller."""

    MINE = "mine"
    GROUP = "group"
    PUBLIC = "public"


class UploadSource(Record):
    """A list uploaded before; pictures it names by relative path come from ``pictures`` (an uploaded archive) if given."""

    kind: Literal["upload"] = "upload"
    upload: str
    pictures: str | None = None


class BucketSource(Record):
    """A list at ``key`` in the caller's bound bucket."""

    kind: Literal["bucket"] = "bucket"
    key: str


class ShareSource(Record):
    """A list on a group share; relative picture paths are resolved beside it."""

    kind: Literal["share"] = "share"
    group: str
    path: str


class NewDataset(Record):
    """A dataset to be made from a labelled list.

    ``group`` is charged, for the job and for the bytes; without one it is the group the caller joined first (for a list on a
    share, that group). People without a group use the share for newcomers.
    """

    name: Name
    description: Description = ""
    source: UploadSource | BucketSource | ShareSource = Field(discriminator="kind")
    group: str | None = None


class DatasetChange(Record):
    """Rename or describe."""

    name: Name | None = None
    description: Description | None = None


class LabelSetSummary(Record):
    """One label set: its type (classification, detection, face) and its classes with their counts of pictures/objects."""

    name: str
    type: str
    images: int
    objects: int
    classes: dict[str, int]
    objects_by_class: dict[str, int] = {}


class ListProblem(Record):
    """A line that breaks a rule; line and column count from 1."""

    line: int
    column: int
    field: str
    reason: str


class Statistics(Record):
    """What one pass over the list found."""

    lines: int
    images: int
    videos: int
    objects: int
    unlabelled: int
    label_sets: list[LabelSetSummary]
    problems_total: int
    problems: list[ListProblem]
    bytes: int = 0


class Share(Record):
    """With which group (None: with everybody) a dataset is shared, by whom, since when."""

    group: str | None
    by: Person
    at: datetime


class Dataset(Record):
    """A dataset as the caller sees it. ``used_by`` names what keeps it from being deleted; ``in_bucket`` is its owner's alone.

    ``disk`` is how many bytes it takes, charged to ``group`` (None: the share of people without a group).
    """

    id: str
    name: str
    description: str
    state: DatasetState
    visibility: Visibility
    owner: Person
    source: str
    created: datetime
    completed: datetime | None
    error: str = ""
    progress: Progress | None = None
    lines: int = 0
    images: int = 0
    objects: int = 0
    label_sets: list[LabelSetSummary] = []
    shares: list[Share] = []
    group: str | None = None
    disk: int = 0
    formatted_sets: int = 0
    may_change: bool = False
    used_by: list[str] = []
    in_bucket: BucketCopy | None = None


class DatasetDetail(Dataset):
    """A dataset with its batches and its full statistics."""

    statistics: Statistics | None = None
    batches: list[Batch] = []


class SampleView(Record):
    """One line of the list as the grid shows it; ``picture`` is the address of the picture."""

    line: int
    url: str
    picture: str
    labels: list[dict[str, Any]]


class Format(StrEnum):
    """Container formats a dataset can be written in."""

    RECORDIO = "recordio"
    LMDB = "lmdb"


class NewBatch(Record):
    """One press of "format": every chosen format × split holds identical samples in identical order.

    ``ratios`` are parts of 1 for train, val and test; ``label_set`` is ``<type>.<name>``; ``resize`` is empty, a shorter edge
    in pixels (``256``) or exact (``224x224``); ``quality`` is JPEG's 1 to 100; ``bad_limit`` the share of bad pictures above
    which the job stops. ``group`` is charged, for the job and for the bytes; without one it is the group the caller joined
    first. People without a group use the share for newcomers.
    """

    formats: list[Format] = Field(min_length=1)
    label_set: str = ""
    train: float = Field(default=0.8, ge=0, le=1)
    val: float = Field(default=0.2, ge=0, le=1)
    test: float = Field(default=0.0, ge=0, le=1)
    shuffle: bool = True
    seed: int = Field(default=0, ge=0, le=2**32 - 1)
    resize: str = Field(default="", pattern=r"^(|[1-9]\d{0,3}|[1-9]\d{0,3}x[1-9]\d{0,3})$")
    quality: int = Field(default=95, ge=1, le=100)
    bad_limit: float = Field(default=0.05, ge=0, le=1)
    group: str | None = None

    @model_validator(mode="after")
    def _ratios_sum_to_one(self) -> NewBatch:
        total = self.train + self.val + self.test
        if abs(total - 1) > 1e-6:
            raise ValueError(f"train, val and test must sum to 1 and sum to {total:g}")
        if len(set(self.formats)) != len(self.formats):
            raise ValueError("each format can be chosen once")
        return self


class FormattedSet(Record):
    """One format of one split of a batch; ``range`` is its part of the (shuffled) order, end exclusive.

    ``created`` and ``resize`` are those of its batch.
    """

    id: str
    batch: str
    dataset: str
    dataset_name: str
    format: Format
    split: Literal["train", "val", "test"]
    ratio: float
    range: tuple[int, int]
    samples: int
    bytes: int
    ready: bool
    created: datetime | None = None
    resize: str = ""
    used_by: list[str] = []


class Batch(Record):
    """All sets made by one press; ``id`` is 16 hexadecimal digits."""

    id: str
    dataset: str
    dataset_name: str
    label_set: str
    shuffle: bool
    seed: int
    resize: str
    quality: int
    created: datetime
    creator: Person
    job: str | None
    state: str
    progress: Progress | None
    sets: list[FormattedSet]
    group: str | None = None
    classes: list[str] = []
    skipped: int = 0
    error: str = ""
    in_bucket: BucketCopy | None = None


DatasetDetail.model_rebuild()
