"""Searches for hyper-parameters: what is varied, how it is chosen, and the trials that were made."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import Field, FiniteFloat

from trainyard.errors import Conflict, Invalid
from trainyard.jobs.states import JobState
from trainyard.names import display_name
from trainyard.records.base import Description, Name, Person, Record
from trainyard.records.trainings import NewTraining
from trainyard.words import N_

MOST_TRIALS = 1000
MOST_AT_ONCE = 64
MOST_VARIED = 50


class FloatRange(Record):
    """Real numbers from ``low`` to ``high``; ``log``: as likely between 0.001 and 0.01 as between 0.01 and 0.1."""

    kind: Literal["float"] = "float"
    low: FiniteFloat
    high: FiniteFloat
    step: FiniteFloat | None = Field(default=None, gt=0)
    log: bool = False


class IntRange(Record):
    """Whole numbers from ``low`` to ``high``, both included, ``step`` apart."""

    kind: Literal["int"] = "int"
    low: int
    high: int
    step: int = Field(default=1, ge=1)
    log: bool = False


class Choice(Record):
    """One of these values."""

    kind: Literal["choice"] = "choice"
    values: list[str | int | float | bool | None] = Field(min_length=1, max_length=1000)


Dimension = Annotated[FloatRange | IntRange | Choice, Field(discriminator="kind")]


class Sampler(StrEnum):
    """How the next values are chosen: all combinations, by chance, or from what the trials before have shown."""

    GRID = "grid"
    RANDOM = "random"
    TPE = "tpe"
    CMA_ES = "cma-es"


class Direction(StrEnum):
    """Whether more of the objective is better, or less."""

    MAXIMIZE = "maximize"
    MINIMIZE = "minimize"


class Objective(Record):
    """The scalar that is judged, by its name on the monitor page.

    ``value``: its best point, or its last one.
    """

    tag: str = Field(min_length=1, max_length=200)
    direction: Direction
    value: Literal["best", "last"] = "best"


class Pruning(Record):
    """Asynchronous successive halving (ASHA): trials that are behind are stopped early.

    A trial is looked at when it has reported the objective ``first`` times, and again after ``factor`` times as many reports;
    each time about one in ``factor`` of those that came so far goes on.
    """

    first: int = Field(default=1, ge=1, le=1_000_000)
    factor: int = Field(default=3, ge=2, le=100)


class NewSearch(Record):
    """A search to begin. ``training`` is what every trial runs; its name is the search's, trials are ``<name>-t<number>``.

    ``space`` maps names of parameters (dots lead inside) to what they may be; each trial's values stand over
    ``training.parameters`` in its ``params/default.json``. ``hours`` limit the search as a whole, counted from its begin or
    its latest resumption. With the same ``seed`` a search asks the same of the same results. After ``failures`` trials in a
    row that failed it ends.
    """

    training: NewTraining
    space: dict[str, Dimension] = Field(min_length=1, max_length=MOST_VARIED)
    objective: Objective
    sampler: Sampler = Sampler.TPE
    pruning: Pruning | None = None
    trials: int = Field(default=20, ge=1, le=MOST_TRIALS)
    parallel: int = Field(default=2, ge=1, le=MOST_AT_ONCE)
    hours: float = Field(default=72, gt=0, le=24 * 366)
    seed: int = Field(default=0, ge=0, lt=2**32)
    failures: int = Field(default=3, ge=1, le=MOST_TRIALS)


class SearchState(StrEnum):
    """running → paused | finished | failed | stopped; every one of these may go on to running."""

    RUNNING = "running"
    PAUSED = "paused"
    FINISHED = "finished"
    FAILED = "failed"
    STOPPED = "stopped"


_S = SearchState
NEXT: dict[SearchState, frozenset[SearchState]] = {
    _S.RUNNING: frozenset({_S.PAUSED, _S.FINISHED, _S.FAILED, _S.STOPPED}),
    _S.PAUSED: frozenset({_S.RUNNING, _S.STOPPED}),
    _S.FINISHED: frozenset({_S.RUNNING}),
    _S.FAILED: frozenset({_S.RUNNING}),
    _S.STOPPED: frozenset({_S.RUNNING}),
}


class ResumeSearch(Record):
    """What to change before a search goes on; what is left out stays. ``trials`` counts those that were made already."""

    trials: int | None = Field(default=None, ge=1, le=MOST_TRIALS)
    parallel: int | None = Field(default=None, ge=1, le=MOST_AT_ONCE)
    hours: float | None = Field(default=None, gt=0, le=24 * 366)


class TrialState(StrEnum):
    """running → complete | pruned | failed | stopped. A trial that waits in the queue counts as running."""

    RUNNING = "running"
    COMPLETE = "complete"
    PRUNED = "pruned"
    FAILED = "failed"
    STOPPED = "stopped"


class Trial(Record):
    """One trial: a training with values of its own. ``number`` counts from 1.

    ``parameters`` are the values that were chosen, by dotted name. ``value`` is the objective (of one that runs, so far);
    ``reports`` counts how often it was reported. ``training`` is None once that was deleted; ``job`` is its job's state.
    """

    number: int
    state: TrialState
    parameters: dict[str, Any]
    value: float | None
    reports: int = 0
    why: str = ""
    training: str | None
    name: str
    job: JobState | None = None
    created: datetime
    ended: datetime | None
    best: bool = False


class Search(Record):
    """A search with what came of it so far. ``counts`` are trials by state; ``why`` says why it ended, or why it waits."""

    id: str
    name: str
    description: str
    owner: Person
    group: str
    state: SearchState
    why: str = ""
    asked: NewSearch
    counts: dict[TrialState, int]
    total: int
    best: Trial | None
    created: datetime
    ended: datetime | None
    deadline: datetime | None
    may_change: bool

    def best_training(self, name: str) -> NewTraining:
        """The training of every trial with the values of the best one, under a name of its own.

        Raises:
            Conflict: no trial is complete yet.
        """
        if self.best is None:
            raise Conflict("search-no-best", N_("The search {name} has no complete trial yet."), name=self.name)
        base = self.asked.training
        parameters = with_values(base.parameters, self.best.parameters)
        return base.model_copy(update={"name": display_name(name), "parameters": parameters})


class Importance(Record):
    """How much of what makes a trial good is due to a parameter; the parts of all parameters add up to 1."""

    parameter: str
    part: float


class Importances(Record):
    """Importances, the greatest first; ``why_not`` says why there are none yet."""

    parameters: list[Importance] = []
    trials: int
    why_not: str = ""


class RegisterBest(Record):
    """The model of the best trial, to be kept under a name of its own; ``group``: whose members may use it."""

    name: Name
    description: Description = ""
    group: str | None = None


def with_values(parameters: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """``parameters`` with ``values`` by dotted name put in; objects that are missing on the way are made.

    Raises:
        Invalid: what stands on the way is no object.
    """
    result = dict(parameters)
    for name, value in values.items():
        *way, last = name.split(".")
        place = result
        for part in way:
            inside = place.get(part, {})
            if not isinstance(inside, dict):
                sentence = N_("{name} cannot be varied: {part} is a value in the parameters, not an object.")
                raise Invalid("search-space", sentence, field=f"space.{name}", name=name, part=part)
            place[part] = dict(inside)
            place = place[part]
        place[last] = value
    return result
