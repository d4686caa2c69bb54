"""Whether what a press of "format" asks can be had from a dataset, told before anything starts; and the plan it becomes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from trainyard.errors import Invalid
from trainyard.formats.picture import Recipe
from trainyard.formats.plan import BatchPlan, kind_of_label_set
from trainyard.formats.split import SPLITS
from trainyard.records.datasets import NewBatch
from trainyard.words import N_

from trainyard_service.database.tables.datasets import BatchRow, DatasetRow

NO_LABELS = "none"


def label_set_of(dataset: DatasetRow, asked: str) -> str:
    """The label set to use: the one asked for, or the only one there is; empty for pictures without labels.

    Raises:
        Invalid: ``label-set``, there is no such one, or there are several to choose from.
    """
    known = [f"{one['type']}.{one['name']}" for one in dataset.label_sets]
    if asked == NO_LABELS or not (asked or known):
        return ""
    if asked in known or (not asked and len(known) == 1):
        return asked or known[0]
    message = N_("The dataset {name} has no label set {asked}; it has: {known}.") if asked else N_(
        "Choose one of the label sets of {name}: {known}."
    )  # fmt: skip
    hint = N_("Without labels: choose none.")
    shown = ", ".join(known) or "–"
    raise Invalid("label-set", message, hint=hint, field="label_set", name=dataset.name, asked=asked, known=shown)


def must_leave_something(dataset: DatasetRow, new: NewBatch, label_set: str) -> None:
    """Refuse what would come to nothing by what is known of the dataset.

    Raises:
        Invalid: ``only-videos`` or ``class-limits``.
    """
    if dataset.lines and not dataset.images and not new.frames_per_second:
        raise Invalid(
            "only-videos",
            N_("The dataset {name} has no pictures."),
            hint=N_("If it has videos, choose how many frames are taken of every second."),
            field="frames_per_second",
            name=dataset.name,
        )
    known = {f"{one['type']}.{one['name']}": one["classes"] for one in dataset.label_sets}
    counts: dict[str, int] = known.get(label_set, {})
    largest = max(counts, key=lambda name: counts[name], default="")
    if counts and counts[largest] < new.min_per_class:
        raise Invalid(
            "class-limits",
            N_("No class has {least} pictures; the largest, {largest}, has {most}."),
            hint=N_("Choose a smaller minimum per class."),
            field="min_per_class",
            least=new.min_per_class,
            largest=largest,
            most=counts[largest],
        )


def batch_plan(row: BatchRow, list_path: Path, lineage: dict[str, Any] | None = None) -> BatchPlan:
    """The engine's plan of a batch."""
    new = NewBatch.model_validate(row.plan)
    ratios = {split: getattr(new, split) for split in SPLITS}
    return BatchPlan(
        list_path=list_path,
        label_set=new.label_set,
        formats=tuple(new.formats),
        ratios={split: ratio for split, ratio in ratios.items() if ratio > 0},
        shuffle=new.shuffle,
        seed=new.seed,
        stratified=new.stratified,
        min_per_class=new.min_per_class,
        max_per_class=new.max_per_class,
        recipe=Recipe(resize=new.resize, quality=new.quality, colour=new.colour, full_decode=new.full_decode),
        lmdb_values=new.lmdb_values,
        frames_per_second=new.frames_per_second,
        bad_limit=new.bad_limit,
        batch=row.id,
        owner=str(row.creator_id),
        dataset=row.dataset_id,
        lineage={"dataset": row.dataset_id, **(lineage or {})},
    )


def must_be_possible(plan: BatchPlan) -> None:
    """Refuse a plan that no batch can have, also formats that cannot hold its labels.

    Raises:
        Invalid: see ``BatchPlan``.
    """
    plan.checked().check_kind(kind_of_label_set(plan.label_set))
