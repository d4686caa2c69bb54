"""What a search may ask for: every rule of its space, sampler and limits, refused with the parameter it is about."""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from trainyard.errors import Invalid
from trainyard.records.searches import MOST_TRIALS, Choice, Dimension, FloatRange, IntRange, NewSearch, Sampler, with_values
from trainyard.words import N_

from trainyard_service.searches import study

MOST_COMBINATIONS = 10_000
LARGEST_NUMBER = 2**53
"""What a script's JSON reader keeps exactly, whatever language it is written in."""


def check(new: NewSearch) -> None:
    """Refuse a search that could not be made.

    Raises:
        Invalid: with the rule and the parameter's name.
    """
    if new.training.dry_run:
        raise Invalid("search-dry-run", N_("A search tries whole trainings, not one batch."), field="dry_run")
    for name, dimension in new.space.items():
        _check_name(name)
        _check_dimension(name, dimension)
    _refuse_overlaps(new.space)
    with_values(new.training.parameters, dict.fromkeys(new.space))
    _check_sampler(new)


def most(new: NewSearch) -> int:
    """How many trials can differ: those of a grid, else as many as one likes."""
    return study.combinations(new) if new.sampler is Sampler.GRID else MOST_TRIALS


def _check_name(name: str) -> None:
    if not all(part.strip() == part and part for part in name.split(".")) or len(name) > 200:
        raise _refused(name, N_("{name} is no name of a parameter; dots lead inside, as in optimizer.learning_rate."))


def _refuse_overlaps(space: Mapping[str, Dimension]) -> None:
    for one, other in pairwise(sorted(space, key=lambda name: name.split("."))):
        if other.startswith(f"{one}."):
            raise _refused(other, N_("{name} lies inside {other}, which is varied as well; vary one of them."), other=one)


def _check_dimension(name: str, one: Dimension) -> None:
    if isinstance(one, Choice):
        _check_choice(name, one)
        return
    if not all(math.isfinite(number) and abs(number) <= LARGEST_NUMBER for number in (one.low, one.high)):
        raise _refused(name, N_("{name}: a range goes from one finite number to another, of at most 2^53."))
    if one.low > one.high:
        raise _refused(name, N_("{name}: the lowest value {low} is above the highest {high}."), low=one.low, high=one.high)
    if one.log and one.low <= 0:
        raise _refused(name, N_("{name}: a logarithmic range begins above 0, not at {low}."), low=one.low)
    if one.log and (one.step or 1) != 1:
        raise _refused(name, N_("{name}: a logarithmic range has no step; leave one of them out."))
    if isinstance(one, FloatRange) and one.step is not None and (one.high - one.low) / one.step > MOST_COMBINATIONS:
        raise _refused(name, N_("{name}: more than {limit} steps; choose a larger step, or none."), limit=MOST_COMBINATIONS)


def _check_choice(name: str, one: Choice) -> None:
    for place, value in enumerate(one.values):
        if isinstance(value, float) and not math.isfinite(value):
            raise _refused(name, N_("{name}: {value} is not a finite number."), value=str(value))
        # to Python 1, 1.0 and True are one value, and so they are to a sampler
        if value in one.values[:place]:
            raise _refused(name, N_("{name}: the value {value} is listed twice."), value=str(value))


def _check_sampler(new: NewSearch) -> None:
    if new.sampler is Sampler.CMA_ES and sum(_is_range(one) for one in new.space.values()) < 2:
        raise Invalid(
            "search-cma-es",
            N_("CMA-ES needs at least two ranges of numbers; this search has {count}."),
            hint=N_("Take TPE, which works with anything."),
            field="sampler",
            count=sum(_is_range(one) for one in new.space.values()),
        )
    if new.sampler is Sampler.GRID:
        _check_grid(new)


def _check_grid(new: NewSearch) -> None:
    for name, one in new.space.items():
        if isinstance(one, FloatRange) and one.step is None and one.low < one.high:
            raise _refused(name, N_("{name}: a grid needs a step, or a list of values."))
        if isinstance(one, IntRange) and (one.high - one.low) / one.step > MOST_COMBINATIONS:
            raise _refused(name, N_("{name}: more than {limit} steps; choose a larger step, or none."), limit=MOST_COMBINATIONS)
    count = study.combinations(new)
    if count > MOST_COMBINATIONS:
        raise Invalid(
            "search-grid-too-large",
            N_("The grid has {count} combinations; it may have {limit}."),
            hint=N_("Choose larger steps or fewer values, or draw by chance."),
            field="space",
            count=count,
            limit=MOST_COMBINATIONS,
        )


def _is_range(one: Dimension) -> bool:
    return not isinstance(one, Choice) and one.low < one.high


def _refused(name: str, sentence: str, **values: Any) -> Invalid:
    return Invalid("search-space", sentence, field=f"space.{name}", name=name, **values)
