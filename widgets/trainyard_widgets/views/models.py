"""The list of models: snapshots with the training they come from, and files people brought themselves."""

from __future__ import annotations

from typing import Any

from trainyard.records.base import Page
from trainyard.records.trainings import Model, ModelKind
from trainyard.words import N_, translate

PAGE_SIZE = 20


def list_query(query: dict[str, str]) -> dict[str, Any]:
    """The parameters of ``GET /models`` from the page's own URL."""
    kind, number = query.get("tab", ""), query.get("page", "1")
    page = int(number) if number.isdigit() and number != "0" else 1
    return {
        "kind": kind if kind in set(ModelKind) else ModelKind.SNAPSHOT.value,
        "search": query.get("search", ""),
        "offset": (page - 1) * PAGE_SIZE,
        "limit": PAGE_SIZE,
    }


def list_view(page: Page[Model], asked: dict[str, Any], language: str) -> dict[str, Any]:
    """What the table shows: snapshots of one training stand together, the newest first."""
    return {
        "rows": [row(model, language) for model in page.items],
        "total": page.total,
        "page": asked["offset"] // PAGE_SIZE + 1,
        "page_size": PAGE_SIZE,
        "tab": asked["kind"],
        "search": asked["search"],
        "empty": "" if page.total else ("nothing-found" if asked["search"] else asked["kind"]),
    }


def row(model: Model, language: str) -> dict[str, Any]:
    """One model with its best-known numbers and why it cannot be deleted, if so."""
    plain = model.model_dump(mode="json")
    plain["metrics"] = [{"name": name, "value": float(f"{value:.5g}")} for name, value in sorted(model.metrics.items())]
    plain["refused"] = _refused(model, language)
    return plain


def _refused(model: Model, language: str) -> str:
    if not model.may_change:
        return translate(N_("Only {owner} may do this."), language, owner=model.owner.name)
    if model.used_by:
        sentence = N_("It is in use by {users}. Delete that first; then this model can be deleted.")
        return translate(sentence, language, users=", ".join(model.used_by))
    return ""
