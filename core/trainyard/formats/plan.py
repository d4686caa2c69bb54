"""What one press of "format" asks for: the plan of a batch, held to the rules before anything starts."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, Literal

import msgspec

from trainyard.errors import Invalid
from trainyard.formats.picture import Recipe, check_recipe
from trainyard.formats.record import Kind
from trainyard.formats.registry import FORMATS
from trainyard.formats.split import SPLITS
from trainyard.words import N_

_PICTURES = "4"
"""How pictures are made and dealt to the splits; another number wherever the same plan begins to give other bytes."""
MOST_FRAMES = 120


class BatchPlan(msgspec.Struct, frozen=True, kw_only=True):
    """One batch: every format × every split, with identical samples in identical order.

    ``label_set`` is ``<type>.<name>``, empty for pictures without labels; ``ratios`` maps train, val and test to parts of 1,
    of every class where ``stratified``. Classes with fewer pictures than ``min_per_class`` are left out, of no class are there
    more than ``max_per_class`` (0: any number). ``frames_per_second`` are taken of videos (0: none). ``bad_limit`` is the part
    of bad pictures above which the work stops; ``batch`` are 16 hexadecimal digits, by default derived from the plan;
    ``owner`` and ``dataset`` identify creator and dataset in the sets' specifications.
    """

    list_path: Path
    label_set: str
    formats: tuple[str, ...] = ("recordio",)
    ratios: dict[str, float] = msgspec.field(default_factory=lambda: {"train": 0.8, "val": 0.2})
    shuffle: bool = True
    seed: int = 0
    stratified: bool = False
    min_per_class: int = 0
    max_per_class: int = 0
    recipe: Recipe = Recipe()
    lmdb_values: Literal["encoded", "raw"] = "encoded"
    frames_per_second: float = 0.0
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
        self._check_formats()
        self._check_split()
        for code, message, field, broken in (
            ("bad-limit", N_("The limit of bad pictures is a part of 1."), "bad_limit", not 0 <= self.bad_limit <= 1),
            ("batch-id", N_("A batch id has 16 hexadecimal digits."), "batch", not _is_id(self.batch)),
            (
                "frames",
                N_("From 0 to {most} frames are taken of every second of a video."),
                "frames_per_second",
                not 0 <= self.frames_per_second <= MOST_FRAMES,
            ),
        ):
            if broken:
                raise Invalid(code, message, field=field, most=MOST_FRAMES)
        return self if self.batch else msgspec.structs.replace(self, batch=self.identity()[:16])

    def check_kind(self, kind: Kind) -> None:
        """Refuse formats that cannot hold labels of this kind.

        Raises:
            Invalid: ``format-labels``.
        """
        for name in self.formats:
            if kind not in FORMATS[name].accepts:
                raise Invalid(
                    "format-labels",
                    N_("The format {format} holds boxes only, and {label_set} has none.")
                    if self.label_set
                    else N_("The format {format} holds boxes only, and pictures without labels have none."),
                    hint=N_("Leave this format out, or choose a detection label set."),
                    field="formats",
                    format=name,
                    label_set=self.label_set,
                )

    def _check_formats(self) -> None:
        unknown = sorted(set(self.formats) - set(FORMATS)) + sorted(set(self.ratios) - set(SPLITS))
        if unknown:
            message = N_("There is no format or split called {unknown}.")
            raise Invalid("format", message, field="formats", unknown=", ".join(unknown))
        if not self.formats:
            raise Invalid("formats-empty", N_("Choose at least one format."), field="formats")

    def _check_split(self) -> None:
        total = sum(self.ratios.values())
        if not abs(total - 1) <= 1e-6 or min(self.ratios.values(), default=-1) < 0:
            message = N_("The parts must be 0 or more and sum to 1; they sum to {total}.")
            raise Invalid("ratios", message, field="train", total=f"{total:g}")
        least, most = self.min_per_class, self.max_per_class
        if least < 0 or most < 0 or (most and most < least):
            raise Invalid(
                "class-limits",
                N_("Of a class at least {least} and at most {most} pictures were asked; no class can have both."),
                hint=N_("Choose a minimum that is not above the maximum; 0 means no limit."),
                field="max_per_class",
                least=least,
                most=most,
            )
        if not self.label_set and (self.stratified or least or most):
            raise Invalid(
                "classes-needed",
                N_("Pictures without labels cannot be split or limited by class."),
                hint=N_("Choose a label set, or leave stratification and the limits per class off."),
                field="label_set",
            )


def _is_id(batch: str) -> bool:
    return not batch or (len(batch) == 16 and set(batch) <= set("0123456789abcdef"))


def kind_of_label_set(label_set: str, *, several: bool = False) -> Kind:
    """What the labels of a set called ``<type>.<name>`` are; ``several`` where a picture may have more than one class."""
    if not label_set:
        return "none"
    if not label_set.startswith("classification."):
        return "boxes"
    return "classes" if several else "class"
