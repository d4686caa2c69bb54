"""Which samples of a list a batch holds, in which order, and which of them each split gets."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from trainyard.errors import Invalid
from trainyard.formats.plan import BatchPlan
from trainyard.formats.record import SetOptions
from trainyard.formats.selection import Selection
from trainyard.formats.split import (
    Membership,
    Numbers,
    dealt,
    frequent_enough,
    not_too_many,
    order_of,
    rarest_class,
)
from trainyard.words import N_


class Choice:
    """The samples of ``plan`` arranged: ``order`` numbers them in the ``selection``, ``ranges`` are the splits' parts of it.

    Every job of a batch comes to the same choice by itself. ``left_out`` samples are beyond the limits per class,
    ``left_out_classes`` below the minimum.

    Raises:
        Invalid: the list has nothing that the plan asks for, or a format cannot hold its labels.
    """

    def __init__(self, plan: BatchPlan, should_stop: Callable[[], bool] = lambda: False) -> None:
        self.plan = plan
        with_videos = plan.frames_per_second > 0
        self.selection = Selection(plan.list_path, plan.label_set, should_stop, with_videos=with_videos)
        try:
            plan.check_kind(self.selection.kind)
            self._arrange()
        except Invalid:
            self.close()
            raise

    def __len__(self) -> int:
        return len(self.order)

    @property
    def options(self) -> SetOptions:
        """What every writer is told about the set."""
        chosen = self.selection
        return SetOptions(chosen.kind, tuple(chosen.labels), chosen.difficult, self.plan.lmdb_values)

    def split_at(self, position: int) -> str:
        """The split of the sample at ``position`` of the order."""
        return next(name for name, (start, end) in self.ranges.items() if start <= position < end)

    def part(self, number: int, of: int) -> range:
        """The positions that shard ``number`` of ``of`` writes: as many as any other's, or one more."""
        return range(len(self) * number // of, len(self) * (number + 1) // of)

    def numbers(self, positions: range) -> Iterator[int]:
        """The samples at ``positions``, one behind the other."""
        return map(int, self.order[positions.start : positions.stop])

    def close(self) -> None:
        """Let go of the list."""
        self.selection.close()

    def _arrange(self) -> None:
        plan, count = self.plan, len(self.selection)
        self.left_out_classes: list[str] = []
        order = order_of(count, plan.order_seed)
        of = self.selection.membership() if plan.stratified or plan.min_per_class or plan.max_per_class else None
        if of and plan.min_per_class:
            order, of = self._without_rare_classes(order, of)
        if of and plan.max_per_class:
            order = not_too_many(order, of, plan.max_per_class)
        self.left_out = count - len(order)
        strata = rarest_class(of) if of and plan.stratified else None
        self.order, self.ranges = dealt(order, plan.ratios, self.selection.families(), strata)

    def _without_rare_classes(self, order: Numbers, of: Membership) -> tuple[Numbers, Membership]:
        """The samples that have a class with enough of them, and only such classes."""
        names, counts = list(self.selection.labels), of.counts()
        kept = frequent_enough(of, self.plan.min_per_class)
        if not kept.any():
            raise Invalid(
                "class-limits",
                N_("No class has {least} pictures; the largest, {largest}, has {most}."),
                hint=N_("Choose a smaller minimum per class."),
                field="min_per_class",
                least=self.plan.min_per_class,
                largest=names[int(counts.argmax())],
                most=int(counts.max()),
            )
        self.left_out_classes = [name for name, stays in zip(names, kept, strict=True) if not stays]
        self.selection.keep_classes(set(names) - set(self.left_out_classes))
        of = of.only(kept)
        has_any = np.diff(of.ends, prepend=0) > 0
        return order[has_any[order]], of
