"""A check before submission: everything that would keep a training from running, each with a sentence of its own.

The steps are those of ``create`` and ``kind``; where ``create`` stops at the first refusal, all are made here.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TypeVar

from sqlalchemy.orm import Session
from trainyard.errors import Conflict, UserError
from trainyard.records.jobs import Image
from trainyard.records.trainings import NewTraining, Problem
from trainyard.training.patterns import compiled
from trainyard.words import N_

from trainyard_service import images
from trainyard_service.context import Context
from trainyard_service.database.tables.datasets import FormattedSetRow
from trainyard_service.datasets.formatting import set_folder
from trainyard_service.identity import Caller
from trainyard_service.jobs.ledger import Ledger
from trainyard_service.trainings import claims, create, entry

T = TypeVar("T")


@dataclass
class Steps:
    """Does one step after the other and keeps what each refuses."""

    refusals: list[UserError] = field(default_factory=list)

    def make(self, step: Callable[[], T]) -> T | None:
        """What a step gives; None where it refuses."""
        try:
            return step()
        except UserError as refusal:
            self.refusals.append(refusal)
            return None


def problems(session: Session, context: Context, ledger: Ledger, caller: Caller, new: NewTraining) -> list[UserError]:
    """Every reason for which ``new`` would be refused, or could not start; empty when it may be submitted."""
    steps = Steps()
    group_id = steps.make(lambda: create.member_of(caller, new.group))
    image = steps.make(lambda: images.find(context.home, new.image))
    sets = steps.make(lambda: create.sets_of(session, caller, new)) or {}
    steps.make(lambda: create.checked_parameters(new.parameters))
    steps.make(lambda: compiled(new.log_patterns))
    if group_id is not None:
        steps.make(lambda: create.refuse_same_name(session, caller.id, group_id, new.name))
        claimant = claims.Claimant(caller.id, group_id, caller.administrator)
        steps.make(lambda: claims.checked(session, ledger, claimant, new))
        if image is not None:
            steps.make(lambda: _entry(context, image, group_id, new))
    for part, one in sets.items():
        steps.make(lambda part=part, one=one: _mount(context, f"{part}_set", one))  # type: ignore[misc]
    return steps.refusals


def _entry(context: Context, image: Image, group_id: int, new: NewTraining) -> None:
    roots = create.roots_of(context, image, group_id, new.group)
    words = entry.check(new.entry, roots)
    entry.check_program(words, roots, images.environment_of(context.settings, image), new.image)


def _mount(context: Context, name: str, one: FormattedSetRow) -> None:
    """The folder that is to be mounted is there and whole."""
    folder = set_folder(context, one)
    with suppress(OSError):
        if any(folder.iterdir()):
            return
    raise Conflict(
        "mount-missing",
        N_("The folder of the formatted set {id} is not there any more, so that it cannot be mounted."),
        hint=N_("Format the dataset again, and choose the new set."),
        field=name,
        id=one.id,
    )


def problem_view(refusal: UserError, language: str) -> Problem:
    """A refusal as the answer tells it."""
    hint = refusal.hint_text(language)
    return Problem(code=refusal.code, message=refusal.text(language), hint=hint, field=refusal.field or "")
