"""What all records share."""

from __future__ import annotations

from typing import Annotated, Generic, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationInfo

from trainyard.names import display_name

T = TypeVar("T")


class Record(BaseModel):
    """A frozen record that refuses fields it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")


STORED = "stored"
"""The context in which a record that is kept, or was answered, is read: its names kept the rules of their time."""


def _name(text: str, info: ValidationInfo) -> str:
    return text if info.context == STORED else display_name(text)


Name = Annotated[str, AfterValidator(_name)]
Description = Annotated[str, Field(max_length=500)]


class Page(Record, Generic[T]):
    """One page of a list. ``total`` counts all that match; ``offset`` is where this page begins."""

    items: list[T]
    total: int
    offset: int = 0


class Person(Record):
    """Whoever is named in a list: an owner, a sharer, a member."""

    id: int
    name: str
