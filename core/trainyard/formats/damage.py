"""What a reader says about files that are not what their format asks for, or that end too early."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from trainyard.errors import Invalid
from trainyard.words import N_, quoted

LONGEST_RECORD = (1 << 28) + (1 << 24)
"""A record of more than 272 MiB is taken for damage: a picture has at most 256, and labels are not that many."""


class Damaged(Invalid):
    """The bytes of a set, or of one record, are not what the format asks for; the message says how."""

    def __init__(self, message: str, /, **values: Any) -> None:
        hint = N_("Write or upload the set again; what is damaged cannot be repaired.")
        super().__init__("set-damaged", message, hint=hint, **values)


def damaged_record(error: Damaged, number: int, path: Path) -> Damaged:
    """``error`` together with the place it was found at."""
    reason = quoted(error.message, error.values)
    return Damaged(N_("Record {number} of {file} cannot be read: {reason}"), number=number, file=path.name, reason=reason)


def missing_file(path: Path) -> Damaged:
    """The set has no file ``path``."""
    return Damaged(N_("The set has no file {file}, or it cannot be opened."), file=path.name)
