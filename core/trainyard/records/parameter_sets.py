"""Sets of hyper-parameters that are kept under a name, for oneself, a group or everybody."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from trainyard.records.base import Description, Name, Person, Record


class SetVisibility(StrEnum):
    """Who may use a set of parameters."""

    PRIVATE = "private"
    GROUP = "group"
    PUBLIC = "public"


class NewParameterSet(Record):
    """Hyper-parameters to keep. ``group`` names whose members may use them when ``visibility`` is ``group``.

    A person has one set of a name. Only administrators keep public ones. An exported file is one of these as JSON.
    """

    name: Name
    description: Description = ""
    visibility: SetVisibility = SetVisibility.PRIVATE
    group: str | None = None
    parameters: dict[str, Any]


class ParameterSetChange(Record):
    """What is to be changed; the rest stays."""

    name: Name | None = None
    description: Description | None = None
    visibility: SetVisibility | None = None
    group: str | None = None
    parameters: dict[str, Any] | None = None


class ParameterSet(Record):
    """A set that is kept; ``id`` is 16 hexadecimal digits."""

    id: str
    name: str
    description: str
    visibility: SetVisibility
    group: str | None
    parameters: dict[str, Any]
    owner: Person
    created: datetime
    changed: datetime
    may_change: bool
