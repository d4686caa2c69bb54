"""Batches as a row for each format with its parts side by side, the pair marked, and what may be done with each."""

from __future__ import annotations

from typing import Any

from trainyard.jobs.states import ENDED, JobState
from trainyard.records.datasets import Batch, Format, FormattedSet
from trainyard.words import N_, translate

LETTERS = {"train": "T", "val": "V", "test": "E"}
ORDER = tuple(LETTERS)
FORMATS = tuple(Format)


def batch_view(batch: Batch, language: str, may_change: bool = True) -> dict[str, Any]:
    """One batch: its settings, a row for each format (training first in it) and the actions that are possible now."""
    plain = batch.model_dump(mode="json", exclude={"sets"})
    paired = pairs(batch.sets)
    present = {one.format for one in batch.sets}
    plain["rows"] = [
        {"format": name.value, "paired": name in paired, "sets": _parts(batch.sets, name, name in paired, language)}
        for name in FORMATS
        if name in present
    ]
    plain["actions"] = actions(batch, may_change)
    plain["refused"] = _refused(batch, language)
    return plain


def _parts(sets: list[FormattedSet], name: Format, paired: bool, language: str) -> list[dict[str, Any]]:
    own = sorted((one for one in sets if one.format is name), key=lambda one: ORDER.index(one.split))
    return [_set_view(one, paired, language) for one in own]


def pairs(sets: list[FormattedSet]) -> set[str]:
    """The formats of one batch that have both a training and a validation set."""
    by_format: dict[str, set[str]] = {}
    for one in sets:
        by_format.setdefault(one.format, set()).add(one.split)
    return {name for name, splits in by_format.items() if {"train", "val"} <= splits}


def actions(batch: Batch, may_change: bool) -> list[str]:
    """Which of ``cancel``, ``resume`` and ``delete`` fit the batch's state."""
    if not may_change:
        return []
    if batch.state not in set(ENDED):
        return ["cancel"]
    resumable = batch.state in {JobState.FAILED, JobState.STOPPED}
    return ["resume", "delete"] if resumable else ["delete"]


def _set_view(one: FormattedSet, paired: bool, language: str) -> dict[str, Any]:
    return one.model_dump(mode="json") | {
        "letter": LETTERS[one.split],
        "percent": round(one.ratio * 100, 1),
        "paired": paired and one.split != "test",
        "refused": _in_use(one.used_by, language),
    }


def _refused(batch: Batch, language: str) -> dict[str, str]:
    users = sorted({user for one in batch.sets for user in one.used_by})
    return {"delete": reason} if (reason := _in_use(users, language)) else {}


def _in_use(users: list[str], language: str) -> str:
    if not users:
        return ""
    return translate(
        N_("It is in use by {users}. Delete that first; then this set can be deleted."), language, users=", ".join(users)
    )
