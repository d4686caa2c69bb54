"""The dataset list: one row a dataset, what may be done with it, and why not where it may not."""

from __future__ import annotations

from typing import Any

from trainyard.records.base import Page
from trainyard.records.datasets import Dataset, DatasetState, Visibility
from trainyard.words import N_, translate

PAGE_SIZE = 20
SORTS = tuple(sign + name for name in ("created", "name", "images", "owner", "state", "shared") for sign in ("-", ""))


def list_query(query: dict[str, str]) -> dict[str, Any]:
    """The parameters of ``GET /datasets`` from the page's own URL; what is not understood becomes the default."""
    tab = query.get("tab", "")
    sort = query.get("sort", "")
    number = query.get("page", "1")
    page = int(number) if number.isdigit() and number != "0" else 1
    return {
        "visibility": tab if tab in set(Visibility) else Visibility.MINE.value,
        "search": query.get("search", ""),
        "sort": sort if sort in SORTS else SORTS[0],
        "offset": (page - 1) * PAGE_SIZE,
        "limit": PAGE_SIZE,
    }


def list_view(page: Page[Dataset], asked: dict[str, Any], language: str) -> dict[str, Any]:
    """What the table shows: ``rows``, where it stands in the whole, and which empty state fits."""
    return {
        "rows": [row(dataset, language) for dataset in page.items],
        "total": page.total,
        "page": asked["offset"] // PAGE_SIZE + 1,
        "page_size": PAGE_SIZE,
        "tab": asked["visibility"],
        "search": asked["search"],
        "sort": asked["sort"],
        "empty": _empty(page, asked),
    }


def row(dataset: Dataset, language: str) -> dict[str, Any]:
    """One dataset as JSON, with ``refused``: for each action that cannot be taken, the sentence that says why."""
    plain = dataset.model_dump(mode="json", exclude={"label_sets"})
    plain["label_sets"] = [
        {"name": labels.name, "type": labels.type, "classes": len(labels.classes)} for labels in dataset.label_sets
    ]
    plain["refused"] = refusals(dataset, language)
    return plain


def refusals(dataset: Dataset, language: str) -> dict[str, str]:
    """Why ``delete``, ``change``, ``share``, ``copy`` or ``format`` cannot be done now; what can be done is absent."""
    refused: dict[str, str] = {}
    if not dataset.may_change:
        owner = translate(N_("Only {owner} and administrators may change this dataset."), language, owner=dataset.owner.name)
        refused.update(delete=owner, change=owner, share=owner)
    elif dataset.used_by:
        users = ", ".join(dataset.used_by)
        refused["delete"] = translate(
            N_("It is in use by {users}. Delete that first; then this dataset can be deleted."), language, users=users
        )
    if dataset.state is not DatasetState.READY:
        waiting = translate(N_("The dataset is not ready yet."), language)
        failed = translate(N_("The dataset could not be made, so there is nothing to use."), language)
        reason = failed if dataset.state is DatasetState.FAILED else waiting
        refused.update(copy=reason, format=reason)
        refused.setdefault("share", reason)
    return refused


def _empty(page: Page[Dataset], asked: dict[str, Any]) -> str:
    """``nothing-found`` when a search found nothing, the tab's name when the tab has nothing, else an empty string."""
    if page.total:
        return ""
    return "nothing-found" if asked["search"] else str(asked["visibility"])
