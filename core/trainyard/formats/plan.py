"""What one press of "format" asks for, and what it made: the plan, the manifest, and the specification of each set."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import msgspec

from trainyard.errors import Invalid
from trainyard.formats.picture import Recipe, check_recipe
from trainyard.formats.registry import FORMATS
from trainyard.formats.split import SPLITS
from trainyard.words import N_

_PICTURES = "2"
"""How pictures are made; another number wherever the same recipe begins to give other bytes."""


class BatchPlan(msgspec.Struct, frozen=True, kw_only=True):
    """One batch: every format × every split, with identical samples in identical order.

    ``label_set`` is ``<type>.<name>``; ``ratios`` maps train, val and test to parts of 1; ``bad_limit`` is the part of bad
    pictures above which the work stops; ``batch`` are 16 hexadecimal digits, by default derived from the plan;
    ``owner`` and ``dataset`` identify creator and dataset in the sets' specifications.
    """

    list_path: Path
    label_set: str
    formats: tuple[str, ...] = ("recordio",)
    ratios: dict[str, float] = msgspec.field(default_factory=lambda: {"train": 0.8, "val": 0.2})
    shuffle: bool = True
    seed: int = 0
    recipe: Recipe = Recipe()
    bad_limit: float = 0.05
    batch: str = ""
    owner: str = ""
    dataset: str = ""
    lineage: dict[str, Any] = {}

    @property
    def order_seed(self) -> int | None:
        """The seed of the order; None keeps the order of the list."""
        return self.seed if self.shuffle else None

    def identity(self) -> str:
        """A digest of everything that decides the bytes of the sets, apart from the pictures themselves."""
        return hashlib.sha256(msgspec.json.encode([self, _PICTURES], order="deterministic", enc_hook=str)).hexdigest()

    def checked(self) -> BatchPlan:
        """The plan with its batch id.

        Raises:
            Invalid: a field that no batch can have; ``field`` names it.
        """
        check_recipe(self.recipe)
        total = sum(self.ratios.values())
        unknown = sorted(set(self.ratios) - set(SPLITS)) + sorted(set(self.formats) - set(FORMATS))
        for code, message, field, broken in (
            ("format", N_("There is no format or split called {unknown}."), "formats", bool(unknown)),
            ("formats-empty", N_("Choose at least one format."), "formats", not self.formats),
            ("ratios", N_("The parts must be 0 or more and sum to 1; they sum to {total}."), "train", self._bad_ratios(total)),
            ("bad-limit", N_("The limit of bad pictures is a part of 1."), "bad_limit", not 0 <= self.bad_limit <= 1),
            ("batch-id", N_("A batch id has 16 hexadecimal digits."), "batch", not _is_id(self.batch)),
        ):
            if broken:
                raise Invalid(code, message, field=field, unknown=", ".join(unknown), total=f"{total:g}")
        return self if self.batch else msgspec.structs.replace(self, batch=self.identity()[:16])

    def _bad_ratios(self, total: float) -> bool:
        return abs(total - 1) > 1e-6 or min(self.ratios.values(), default=-1) < 0


def _is_id(batch: str) -> bool:
    return not batch or (len(batch) == 16 and set(batch) <= set("0123456789abcdef"))


class SetManifest(msgspec.Struct):
    """One format of one split. ``range`` is its part of the order, end exclusive; ``files`` maps paths to SHA-256."""

    name: str
    format: str
    split: str
    range: tuple[int, int]
    samples: int
    bytes: int
    files: dict[str, str]


class BatchManifest(msgspec.Struct):
    """Says that a batch is whole. ``skipped`` holds the first pictures left out; all are in ``skipped.jsonl``."""

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
    version: int = 1


class Skipped(msgspec.Struct):
    """A picture that was left out: where it stands in the list, and why."""

    line: int
    url: str
    code: str
    message: str
    values: dict[str, Any] = {}


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
            "maxPerClassAllow": 0,
            "minPerClassAllow": 0,
        },
        "stats": {"numOfSamples": one.samples, "numOfClasses": classes},
    }
