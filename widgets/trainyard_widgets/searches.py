"""Searches for hyper-parameters: the list, and one with its trials, plots and what becomes of the best."""

from __future__ import annotations

from typing import Any

from pydantic import TypeAdapter
from trainyard.records.accounts import Me
from trainyard.records.base import Page as Listing
from trainyard.records.searches import Importances, RegisterBest, ResumeSearch, Search, Trial
from trainyard.records.trainings import Model

from trainyard_widgets.forms import filled_in
from trainyard_widgets.page import Page, View, action
from trainyard_widgets.views.searches import detail_view, list_query, list_view

_MOST = 500


class SearchesPage(Page):
    """All searches the viewer may see, or the one that the URL names."""

    bundle = "searches"
    topics = frozenset({"search"})
    _watched: frozenset[str] = frozenset()

    def load(self) -> View:
        """The list, or one search with its trials."""
        if chosen := self.query.get("id"):
            return self._one(chosen)
        asked = list_query(dict(self.query))
        listing = self.client.get("/searches", Listing[Search], **{key: value for key, value in asked.items() if value != ""})
        return list_view(listing, asked, self.language)

    def happened(self, topic: str, which: str | None) -> None:
        """Also what changes in a trial that runs is worth a look."""
        if topic == "training" and which in self._watched:
            self.reload()
        super().happened(topic, which)

    def _one(self, chosen: str) -> View:
        search = self.client.get(f"/searches/{chosen}", Search)
        trials = self._trials(chosen)
        self._watched = frozenset(one.training for one in trials if one.training and one.ended is None)
        importances = self.client.get(f"/searches/{chosen}/importances", Importances)
        groups = [group.name for group in self.client.get("/me", Me).groups]
        return detail_view(search, trials, importances, self.language) | {"groups": groups}

    def _trials(self, chosen: str) -> list[Trial]:
        found: list[Trial] = []
        while True:
            page = self.client.get(f"/searches/{chosen}/trials", Listing[Trial], offset=len(found), limit=_MOST)
            found += page.items
            if len(found) >= page.total or not page.items:
                return found

    @action
    def pause(self, search: str) -> None:
        """Begin no more trials."""
        self.client.post(f"/searches/{search}/pause", Search)

    @action
    def resume(self, search: str, form: dict[str, Any]) -> None:
        """Go on, with what the form changes."""
        change = {key: value for key, value in form.items() if value not in ("", None)}
        self.client.post(f"/searches/{search}/resume", Search, filled_in(TypeAdapter(ResumeSearch), change))

    @action
    def stop(self, search: str) -> None:
        """End it and every trial under way."""
        self.client.post(f"/searches/{search}/stop", Search)

    @action(reloads=False)
    def delete(self, search: str, trials: bool) -> None:
        """Delete it, and with ``trials`` its trainings."""
        self.client.delete(f"/searches/{search}", trials=trials)

    @action(reloads=False)
    def register(self, search: str, form: dict[str, Any]) -> str:
        """Keep the best trial's model; its id."""
        return self.client.post(f"/searches/{search}/register", Model, filled_in(TypeAdapter(RegisterBest), form)).id
