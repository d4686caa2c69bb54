"""Optuna's part of a search: its study is rebuilt from rows whenever it is asked, and keeps nothing of its own.

The sampler of a trial is seeded by the search's seed and the trial's number, so that what is chosen depends on these and on the
results known at that moment, never on a restart in between: grid and random searches choose the same whatever happens, TPE and
CMA-ES too where trials end in the same order (always with one at a time). Optuna is loaded at the first search.
"""

from __future__ import annotations

import hashlib
import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from trainyard.records.searches import Choice, Dimension, Direction, IntRange, NewSearch, Sampler, TrialState
from trainyard.training.params import plain

from trainyard_service.database.tables.searches import TrialRow

FEWEST_FOR_IMPORTANCE = 4
STARTING_TRIALS = 10
"""So many trials of TPE are drawn by chance before it has something to learn from."""


@dataclass(frozen=True)
class Proposal:
    """The values of the next trial by dotted name, and what the sampler wants kept with it."""

    parameters: dict[str, Any]
    memory: dict[str, Any]


@cache
def _optuna() -> Any:
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    # what is experimental there is chosen here on purpose
    warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)
    return optuna


def load() -> None:
    """Load Optuna now, so that no transaction waits for it."""
    _optuna()


def propose(asked: NewSearch, trials: Sequence[TrialRow]) -> Proposal:
    """What the trial after ``trials`` (all there are, by number) shall try."""
    study = _study(asked, trials, sampler=_sampler(asked, len(trials) + 1))
    trial = study.ask(fixed_distributions=_distributions(asked.space))
    memory = study.get_trials(deepcopy=False)[-1].system_attrs
    return Proposal(plain(trial.params), plain(memory))


def goes_on(asked: NewSearch, trials: Sequence[TrialRow], trial: TrialRow, value: float | None) -> bool:
    """Whether ``trial``, which has come to its next rung with ``value``, goes on; a value that is no number does not."""
    assert asked.pruning is not None
    if value is None or not math.isfinite(value):
        return False
    study = _study(asked, trials)
    pruner = _optuna().pruners.SuccessiveHalvingPruner(min_resource=asked.pruning.first, reduction_factor=asked.pruning.factor)
    frozen = study.get_trials(deepcopy=False)[[one.number for one in trials].index(trial.number)]
    frozen.intermediate_values[rung(asked, len(trial.rungs))] = value
    return not pruner.prune(study, frozen)


def rung(asked: NewSearch, number: int) -> int:
    """After how many reports a trial comes to a rung; ``number`` counts from 0."""
    assert asked.pruning is not None
    reports: int = asked.pruning.first * asked.pruning.factor**number
    return reports


def importances(asked: NewSearch, trials: Sequence[TrialRow]) -> dict[str, float]:
    """How much each parameter decides, by PED-ANOVA (Watanabe et al., IJCAI 2023), which needs NumPy only; they add up to 1.

    Empty when fewer than ``FEWEST_FOR_IMPORTANCE`` trials are complete, all reached the same, or no parameter has more than one
    value.
    """
    complete = [one for one in trials if one.state == TrialState.COMPLETE]
    if len(complete) < FEWEST_FOR_IMPORTANCE or all_equal(complete):
        return {}
    optuna = _optuna()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        evaluator = optuna.importance.PedAnovaImportanceEvaluator()
        found = optuna.importance.get_param_importances(_study(asked, complete), evaluator=evaluator)
    return {name: float(part) for name, part in found.items() if math.isfinite(part)}


def all_equal(trials: Sequence[TrialRow]) -> bool:
    """Whether all ``trials`` reached the same value: then no parameter made a difference."""
    return len({one.value for one in trials}) == 1


def grid(space: Mapping[str, Dimension]) -> dict[str, list[Any]]:
    """Every value of every parameter."""
    return {name: _values(one) for name, one in space.items()}


def combinations(asked: NewSearch) -> int:
    """How many there are in a grid."""
    return math.prod(len(values) for values in grid(asked.space).values())


def _values(one: Dimension) -> list[Any]:
    if isinstance(one, Choice):
        return list(one.values)
    if isinstance(one, IntRange):
        return list(range(one.low, one.high + 1, one.step))
    step = one.step or (one.high - one.low) or 1.0
    steps = math.floor((one.high - one.low) / step + 1e-9)
    # 0.1 + 2 * 0.1 is meant to be 0.3
    return [float(f"{one.low + place * step:.12g}") for place in range(steps + 1)]


def _study(asked: NewSearch, trials: Sequence[TrialRow], sampler: Any = None) -> Any:
    optuna = _optuna()
    study = optuna.create_study(direction=Direction(asked.objective.direction).value, sampler=sampler)
    distributions = _distributions(asked.space)
    for row in trials:
        study.add_trial(_frozen(asked, row, distributions))
    return study


def _frozen(asked: NewSearch, row: TrialRow, distributions: Mapping[str, Any]) -> Any:
    states = _optuna().trial.TrialState
    known = {TrialState.RUNNING: states.RUNNING, TrialState.COMPLETE: states.COMPLETE, TrialState.PRUNED: states.PRUNED}
    state = known.get(TrialState(row.state), states.FAIL)
    reached = {rung(asked, place): value for place, value in enumerate(row.rungs)} if asked.pruning else {}
    attributes = {f"completed_rung_{place}": value for place, value in enumerate(row.rungs)}
    return _optuna().create_trial(
        state=state,
        value=row.value if state == states.COMPLETE else None,
        params=dict(row.parameters),
        distributions=dict(distributions),
        system_attrs={**row.memory, **attributes},
        intermediate_values=reached,
    )


def _distributions(space: Mapping[str, Dimension]) -> dict[str, Any]:
    return {name: _distribution(one) for name, one in space.items()}


def _distribution(one: Dimension) -> Any:
    kinds = _optuna().distributions
    if isinstance(one, Choice):
        return kinds.CategoricalDistribution(one.values)
    if isinstance(one, IntRange):
        return kinds.IntDistribution(one.low, one.high, log=one.log, step=one.step)
    return kinds.FloatDistribution(one.low, one.high, log=one.log, step=one.step)


def _sampler(asked: NewSearch, number: int) -> Any:
    samplers, seed = _optuna().samplers, _seed(asked.seed, number)
    if asked.sampler is Sampler.GRID:
        # it shuffles the combinations once, by this seed, and takes them by the trials' numbers
        return samplers.GridSampler(grid(asked.space), seed=asked.seed)
    if asked.sampler is Sampler.TPE:
        # the liar keeps trials that run at the same time apart
        return samplers.TPESampler(n_startup_trials=STARTING_TRIALS, multivariate=True, constant_liar=True, seed=seed)
    if asked.sampler is Sampler.CMA_ES:
        return samplers.CmaEsSampler(warn_independent_sampling=False, seed=seed)
    return samplers.RandomSampler(seed=seed)


def _seed(search: int, number: int) -> int:
    """A seed of a trial's own: neighbouring numbers shall have nothing in common."""
    return int.from_bytes(hashlib.sha256(f"{search}:{number}".encode()).digest()[:4], "big")
