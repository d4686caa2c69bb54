"""Searches for hyper-parameters as their pages draw them: rows, one with its trials, and the addresses that lead on."""

from __future__ import annotations

import json
from typing import Any

from trainyard.records.base import Page
from trainyard.records.searches import Importances, Search, SearchState, Trial
from trainyard.records.trainings import NewTraining
from trainyard.words import N_, translate

PAGE_SIZE = 20


def list_query(query: dict[str, str]) -> dict[str, Any]:
    """The parameters of ``GET /searches`` from the page's own URL."""
    number = query.get("page", "1")
    page = int(number) if number.isdigit() and number != "0" else 1
    return {"search": query.get("search", ""), "offset": (page - 1) * PAGE_SIZE, "limit": PAGE_SIZE}


def list_view(page: Page[Search], asked: dict[str, Any], language: str) -> dict[str, Any]:
    """What the table shows, the newest first."""
    return {
        "rows": [row(one, language) for one in page.items],
        "total": page.total,
        "page": asked["offset"] // PAGE_SIZE + 1,
        "page_size": PAGE_SIZE,
        "empty": "" if page.total else ("nothing-found" if asked["search"] else "none"),
    }


def detail_view(search: Search, trials: list[Trial], importances: Importances, language: str) -> dict[str, Any]:
    """One search with everything that is drawn of it."""
    return {
        "one": row(search, language),
        "trials": [one.model_dump(mode="json") for one in trials],
        "importances": importances.model_dump(mode="json"),
    }


def row(search: Search, language: str) -> dict[str, Any]:
    """One search: its numbers, what may be done with it now, and where its copy and its best trial lead."""
    plain = search.model_dump(mode="json", exclude={"asked": {"training"}})
    training = search.asked.training
    made = sum(search.counts.values())
    return (
        plain
        | {
            "ended_trials": made - search.counts.get("running", 0),  # type: ignore[call-overload]
            "made": made,
            "image": training.image,
            "package": training.package,
            "entry": training.entry,
            "actions": actions(search),
            "refused": ""
            if search.may_change
            else translate(N_("Only {owner} may do this."), language, owner=search.owner.name),
            "copy": copy_query(search),
            "again": draft_query(search.best_training(f"{training.name[:58]}-best")) if search.best else None,
        }
    )


def actions(search: Search) -> list[str]:
    """Which of ``pause``, ``resume``, ``more``, ``stop`` and ``delete`` fit the state; ``more``: it made all its trials."""
    if not search.may_change:
        return []
    if search.state is SearchState.RUNNING:
        return ["pause", "stop"]
    if search.state is SearchState.PAUSED:
        return ["resume", "stop"]
    complete = sum(search.counts.values()) >= search.total
    under_way = search.counts.get("running", 0) > 0  # type: ignore[call-overload]
    return ["more" if complete else "resume", *([] if under_way else ["delete"])]


def draft_query(new: NewTraining) -> dict[str, str]:
    """The URL parameters that open the wizard filled in with a training."""
    query = {
        "name": new.name, "description": new.description, "group": new.group, "image": new.image, "package": new.package,
        "entry": new.entry, "hours": f"{new.hours:g}", "cluster": new.cluster or "",
        "train": new.train_set or "", "val": new.val_set or "", "test": new.test_set or "",
        "parameters": json.dumps(new.parameters, ensure_ascii=False) if new.parameters else "",
    }  # fmt: skip
    return {key: value for key, value in query.items() if value}


def copy_query(search: Search) -> dict[str, str]:
    """The URL parameters that open the form of a new search filled in like this one."""
    asked = search.asked
    rows = [
        {"name": name, **{key: value for key, value in one.model_dump(mode="json").items() if value is not None}}
        for name, one in asked.space.items()
    ]
    query = {
        **draft_query(asked.training.model_copy(update={"name": f"{search.name[:60]}-2"})),
        "space": json.dumps(rows, ensure_ascii=False),
        "tag": asked.objective.tag, "direction": asked.objective.direction.value, "judge": asked.objective.value,
        "sampler": asked.sampler.value, "trials": str(asked.trials), "parallel": str(asked.parallel),
        "search_hours": f"{asked.hours:g}", "seed": str(asked.seed), "failures": str(asked.failures),
    }  # fmt: skip
    if asked.pruning:
        query |= {"prune": "1", "first": str(asked.pruning.first), "factor": str(asked.pruning.factor)}
    return query
