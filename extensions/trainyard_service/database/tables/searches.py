"""Searches for hyper-parameters with their trials, and sets of parameters that are kept."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column, relationship
from trainyard.records.parameter_sets import SetVisibility
from trainyard.records.searches import SearchState, TrialState

from trainyard_service.database.base import Table, now
from trainyard_service.database.tables.accounts import AccountRow, GroupRow


class SearchRow(Table):
    """A search. ``asked`` is a ``NewSearch``; ``why`` a sentence with its values; ``until`` is when its hours are over.

    ``counted_from`` is the trial after which failures in a row are counted: a person who resumes begins anew.
    """

    __tablename__ = "searches"

    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(index=True)
    owner_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), index=True)
    group_id: Mapped[int] = mapped_column(ForeignKey("groups.id"), index=True)
    state: Mapped[str] = mapped_column(default=SearchState.RUNNING, index=True)
    asked: Mapped[dict[str, Any]]
    why: Mapped[dict[str, Any] | None]
    counted_from: Mapped[int] = mapped_column(default=0)
    created: Mapped[datetime] = mapped_column(default=now)
    until: Mapped[datetime | None]
    ended: Mapped[datetime | None]
    owner: Mapped[AccountRow] = relationship()
    group: Mapped[GroupRow] = relationship()
    trials: Mapped[list[TrialRow]] = relationship(cascade="all, delete-orphan", order_by="TrialRow.number")


class TrialRow(Table):
    """One trial; search and number are unique, and are written together with its training: none is made twice.

    ``parameters`` by dotted name. ``rungs`` are the values at ASHA's rungs so far, ``pruned`` that it was stopped there;
    ``memory`` is what Optuna's sampler keeps with a trial. The training may be deleted; the trial stays, the study needs it.
    """

    __tablename__ = "search_trials"

    search_id: Mapped[str] = mapped_column(ForeignKey("searches.id", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    training_id: Mapped[str] = mapped_column(index=True)
    name: Mapped[str]
    state: Mapped[str] = mapped_column(default=TrialState.RUNNING, index=True)
    parameters: Mapped[dict[str, Any]]
    memory: Mapped[dict[str, Any]] = mapped_column(default=dict)
    rungs: Mapped[list[float]] = mapped_column(default=list)
    reports: Mapped[int] = mapped_column(default=0)
    value: Mapped[float | None]
    pruned: Mapped[bool] = mapped_column(default=False)
    why: Mapped[dict[str, Any] | None]
    created: Mapped[datetime] = mapped_column(default=now)
    ended: Mapped[datetime | None]


class ParameterSetRow(Table):
    """Parameters somebody keeps. Its owner sees it, the members of ``group_id`` if it has one, everybody if it is public."""

    __tablename__ = "parameter_sets"

    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(index=True)
    description: Mapped[str] = mapped_column(default="")
    visibility: Mapped[str] = mapped_column(default=SetVisibility.PRIVATE)
    owner_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), index=True)
    group_id: Mapped[int | None] = mapped_column(ForeignKey("groups.id"), index=True)
    parameters: Mapped[dict[str, Any]]
    created: Mapped[datetime] = mapped_column(default=now)
    changed: Mapped[datetime] = mapped_column(default=now)
    owner: Mapped[AccountRow] = relationship()
    group: Mapped[GroupRow | None] = relationship()
