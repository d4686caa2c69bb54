"""What a batch says of itself when it is whole: the manifest, and the specification of each of its sets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from trainyard.decoding import prepared
from trainyard.errors import Conflict
from trainyard.formats.picture import Recipe
from trainyard.formats.plan import BatchPlan
from trainyard.formats.record import Kind
from trainyard.words import N_

MANIFEST = "manifest.json"
SPECIFICATION = "set.json"
SKIPPED = "skipped.jsonl"


@prepared
class Skipped(msgspec.Struct):
    """A picture or video that was left out: where it stands in the list, and why."""

    line: int
    url: str
    code: str
    message: str
    values: dict[str, Any] = {}


class SetManifest(msgspec.Struct):
    """One format of one split. ``range`` is its part of the order, end exclusive; ``files`` maps paths to SHA-256."""

    name: str
    format: str
    split: str
    range: tuple[int, int]
    samples: int
    bytes: int
    files: dict[str, str]


class ClassCounts(msgspec.Struct):
    """What a split has of every class, in the order of the indices: ``pictures``, and ``objects`` where there are boxes."""

    pictures: list[int] = []
    objects: list[int] = []


@prepared
class BatchManifest(msgspec.Struct):
    """Says that a batch is whole.

    ``classes`` are in the order of their indices, ``counts`` by split. ``planned`` samples were to be written; each is a
    picture, or a video that became several. ``skipped`` holds the first bad ones; all are in ``skipped.jsonl``. ``left_out``
    pictures were beyond the limits per class, ``left_out_classes`` below the minimum, ``videos`` without frames asked of them.
    ``lineage`` names the list by its SHA-256 and what the dataset was made from.
    """

    batch: str
    label_set: str
    classes: list[str]
    multi_label: bool
    ratios: dict[str, float]
    shuffle: bool
    seed: int
    recipe: Recipe
    planned: int
    written: int
    skipped_total: int
    skipped: list[Skipped]
    sets: list[SetManifest]
    created: str
    completed: str
    lineage: dict[str, Any]
    kind: Kind = "class"
    stratified: bool = False
    min_per_class: int = 0
    max_per_class: int = 0
    left_out: int = 0
    left_out_classes: list[str] = []
    frames_per_second: float = 0.0
    videos: int = 0
    lmdb_values: str = "encoded"
    counts: dict[str, ClassCounts] = {}
    version: int = 2


def read_manifest(folder: Path) -> BatchManifest:
    """The manifest of a finished batch.

    Raises:
        Conflict: ``batch-incomplete``.
    """
    try:
        return msgspec.json.decode((folder / MANIFEST).read_bytes(), type=BatchManifest)
    except FileNotFoundError:
        raise Conflict("batch-incomplete", N_("The batch is not complete yet."), hint=N_("Wait until its job ends.")) from None


def set_specification(plan: BatchPlan, one: SetManifest, classes: int, times: tuple[str, str]) -> dict[str, Any]:
    """The content of ``set.json``: the fields that the platforms' containers know as ``trainsetinfo`` or ``valsetinfo``."""
    return {
        "id": f"{plan.batch}-{one.name}",
        "uid": plan.owner,
        "specVersion": "v1",
        "desc": one.split,
        "level": "protected",
        "buildFormat": one.format,
        "batchVersion": plan.batch,
        "createTime": times[0],
        "stopTime": times[1],
        "progress": 1,
        "conf": {
            "label": plan.label_set,
            "shuffle": plan.shuffle,
            "range": f"{one.range[0]}-{one.range[1]}",
            "resize": plan.recipe.resize,
            "quality": plan.recipe.quality,
            "maxPerClassAllow": plan.max_per_class,
            "minPerClassAllow": plan.min_per_class,
        },
        "stats": {"numOfSamples": one.samples, "numOfClasses": classes},
    }
