"""Datasets, their statistics and samples, batches and formatted sets."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from trainyard.errors import Invalid
from trainyard.records.base import Description, Name, Person, Record
from trainyard.records.examinations import Bins
from trainyard.records.jobs import Progress
from trainyard.records.storage import BucketCopy
from trainyard.words import N_


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


class UploadedFile(Record):
    """A file that was uploaded before."""

    kind: Literal["upload"] = "upload"
    upload: str


class BucketFile(Record):
    """An object at ``key`` in the caller's bound bucket; for a prefix, what the keys of all its objects begin with."""

    kind: Literal["bucket"] = "bucket"
    key: str


class ShareFile(Record):
    """A file (for a prefix, a folder) on a group share."""

    kind: Literal["share"] = "share"
    group: str
    path: str


FilePlace = Annotated[UploadedFile | BucketFile | ShareFile, Field(discriminator="kind")]


class Layout(StrEnum):
    """How an archive tells what its pictures show; ``auto`` looks, and the dataset's ``source`` says what was found."""

    AUTO = "auto"
    PICTURES = "pictures"
    CLASS_FOLDERS = "class-folders"
    VOC = "voc"
    COCO = "coco"
    YOLO = "yolo"
    CIFAR10 = "cifar10"
    MODELARTS = "modelarts"


class ArchiveSource(Record):
    """An archive (zip, tar, tar.gz, tar.bz2, tar.xz) of pictures, and of labels as its layout has them.

    The labels go into the label set ``label_set``; without a name it is called ``general``.
    """

    kind: Literal["archive"] = "archive"
    file: FilePlace
    layout: Layout = Layout.AUTO
    label_set: str = Field(default="", max_length=63)


class PrefixSource(Record):
    """All pictures and videos below a prefix of the bucket or a folder of a share, as an unlabelled dataset."""

    kind: Literal["prefix"] = "prefix"
    place: Annotated[BucketFile | ShareFile, Field(discriminator="kind")]


class FormattedSource(Record):
    """A set somebody has formatted already: its data file (``.rec``, ``data.mdb``), its index file (``.idx``), its classes.

    Without an index a RecordIO file is read once from its beginning, and its index is made. ``labels`` is a ``labels.csv``
    (``index,name`` a line); without it classes are called by their numbers. The dataset comes with one batch, whose only set
    is this one as its ``split``.
    """

    kind: Literal["formatted"] = "formatted"
    format: Literal["recordio", "lmdb"]
    data: FilePlace
    index: FilePlace | None = None
    labels: FilePlace | None = None
    split: Literal["train", "val", "test"] = "train"


DatasetSource = Annotated[
    UploadSource | BucketSource | ShareSource | ArchiveSource | PrefixSource | FormattedSource, Field(discriminator="kind")
]


class NewDataset(Record):
    """A dataset to be made from a labelled list, an archive, everything below a prefix, or a set that is formatted already.

    ``group`` is charged, for the job and for the bytes; without one it is the group the caller joined first (for a list on a
    share, that group). People without a group use the share for newcomers.
    """

    name: Name
    description: Description = ""
    source: DatasetSource
    group: str | None = None


class DatasetChange(Record):
    """Rename or describe."""

    name: Name | None = None
    description: Description | None = None


class LabelSetSummary(Record):
    """One label set: its type (classification, detection, face) and its classes with their counts of pictures/objects.

    ``box_sizes`` counts boxes by the root of their area, in pixels.
    """

    name: str
    type: str
    images: int
    objects: int
    classes: dict[str, int]
    objects_by_class: dict[str, int] = {}
    box_sizes: Bins | None = None


class ListProblem(Record):
    """A line that breaks a rule; line and column count from 1."""

    line: int
    column: int
    field: str
    reason: str


class ListRemark(Record):
    """Something worth a word that hinders nothing; ``places`` are the first lines or files it concerns."""

    code: str
    text: str
    count: int
    places: list[str] = []


class Statistics(Record):
    """What one pass over the list found. ``places`` counts pictures: relative, web, s3, qiniu, share, packed or record."""

    lines: int
    images: int
    videos: int
    objects: int
    unlabelled: int
    label_sets: list[LabelSetSummary]
    problems_total: int
    problems: list[ListProblem]
    bytes: int = 0
    places: dict[str, int] = {}
    remarks: list[ListRemark] = []


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


class NewFetch(Record):
    """Pictures on the web, to be fetched into the caller's bound bucket, and the dataset that names them there.

    They get keys below ``prefix``; what an earlier fetch left there is not fetched again. At most ``at_once`` are fetched at
    the same time, ``per_host`` of them from one host. Pictures above ``max_bytes`` fail; when all together have
    ``max_total_bytes`` the rest fails. ``group`` is charged for the job and the list, as in ``NewDataset``.
    """

    name: Name
    description: Description = ""
    prefix: str = Field(default="fetched/", max_length=512)
    at_once: int = Field(default=16, ge=1, le=32)
    per_host: int = Field(default=4, ge=1, le=16)
    max_bytes: int = Field(default=64 * 2**20, ge=1, le=256 * 2**20)
    max_total_bytes: int = Field(default=256 * 2**30, ge=1)
    group: str | None = None


class Fetched(Record):
    """What a fetch did: lines whose picture is in the bucket now (``bytes`` in all), left out, and kept as they were."""

    fetched: int
    failed: int
    kept: int
    bytes: int


class FetchFailure(Record):
    """A line of the list that a fetch left out, and why."""

    line: int
    url: str
    code: str
    reason: str


class Relative(Record):
    """A dataset that another was made from, or made into: by a ``copy``, a ``fetch`` or a ``graph``."""

    id: str
    name: str
    how: str
    may_read: bool


class DatasetDetail(Dataset):
    """A dataset with its batches, its full statistics and its lineage; ``fetched`` when a fetch made it."""

    statistics: Statistics | None = None
    batches: list[Batch] = []
    fetched: Fetched | None = None
    made_from: list[Relative] = []
    made_into: list[Relative] = []


class SampleView(Record):
    """One line of the list as the grid shows it; ``picture`` is the address of the picture. A video has none to be shown."""

    line: int
    url: str
    type: Literal["image", "video"] = "image"
    picture: str
    labels: list[dict[str, Any]]


class Format(StrEnum):
    """Container formats a dataset can be written in."""

    RECORDIO = "recordio"
    LMDB = "lmdb"
    ROIDB = "roidb"
    PICTURES = "pictures"
    WEBDATASET = "webdataset"
    TFRECORD = "tfrecord"


class NewBatch(Record):
    """One press of "format": every chosen format × split holds identical samples in identical order.

    ``train``, ``val`` and ``test`` are parts of 1. ``label_set`` is ``<type>.<name>``, or ``none`` for the pictures without
    their labels; left empty it is the only one the dataset has, or none. ``resize`` is empty, a shorter edge in pixels
    (``256``) or exact (``224x224``); ``quality`` is JPEG's 1 to 100. ``group`` is charged, for the jobs and for the bytes;
    without one it is the group the caller joined first. People without a group use the share for newcomers.

    ``stratified`` splits every class by the ratios. Classes with fewer pictures than ``min_per_class`` are left out; of no
    class are there more pictures than ``max_per_class`` (0: as many as there are). ``full_decode`` decodes also what passes
    through unchanged, to find broken data; ``bad_limit`` is the part of bad pictures above which the job stops.
    ``lmdb_values`` are the pictures' files or raw BGR. ``frames_per_second`` are sampled from videos (0: videos are left
    out). ``shards`` is how many jobs share the work (0: decided by the number of pictures); the sets are the same.
    """

    formats: list[Format] = Field(min_length=1)
    label_set: str = ""
    train: float = Field(default=0.8, ge=0, le=1)
    val: float = Field(default=0.2, ge=0, le=1)
    test: float = Field(default=0.0, ge=0, le=1)
    shuffle: bool = True
    seed: int = Field(default=0, ge=0, le=2**32 - 1)
    resize: str = Field(default="", max_length=9)
    quality: int = Field(default=95, ge=1, le=100)
    colour: Literal["keep", "colour", "grey"] = "keep"
    stratified: bool = False
    min_per_class: int = Field(default=0, ge=0, le=10**9)
    max_per_class: int = Field(default=0, ge=0, le=10**9)
    full_decode: bool = False
    lmdb_values: Literal["encoded", "raw"] = "encoded"
    frames_per_second: float = Field(default=0.0, ge=0, le=120)
    shards: int = Field(default=0, ge=0, le=64)
    bad_limit: float = Field(default=0.05, ge=0, le=1)
    group: str | None = None

    @model_validator(mode="after")
    def _holds_together(self) -> NewBatch:
        total = self.train + self.val + self.test
        if abs(total - 1) > 1e-6:
            message = N_("The parts must be 0 or more and sum to 1; they sum to {total}.")
            raise Invalid("ratios", message, field="train", total=f"{total:g}")
        if len(set(self.formats)) != len(self.formats):
            raise Invalid("formats-twice", N_("Each format can be chosen once."), field="formats")
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


class BatchShard(Record):
    """One of the jobs that share the work of a batch; ``number`` counts from 0."""

    number: int
    job: str | None
    state: str
    progress: Progress | None = None


class SkippedPicture(Record):
    """A picture or video that was left out of a batch: its line in the list, counted from 1, and why."""

    line: int
    url: str
    code: str
    reason: str


class Batch(Record):
    """All sets made by one press; ``id`` is 16 hexadecimal digits.

    ``plan`` is how it was pressed. ``job`` writes the sets; where ``shards`` jobs shared the work it joins what they made, and
    is None until they are through. ``skipped`` bad pictures are listed at ``/batches/{id}/skipped``, the manifest at
    ``/batches/{id}/manifest``; ``videos`` were left out because no frames were asked of them.
    """

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
    plan: NewBatch | None = None
    shards: list[BatchShard] = []
    classes: list[str] = []
    skipped: int = 0
    videos: int = 0
    error: str = ""
    in_bucket: BucketCopy | None = None


DatasetDetail.model_rebuild()
