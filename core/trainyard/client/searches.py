"""Searches for hyper-parameters and their trials, and sets of parameters that are kept."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from trainyard.client.transport import Transport, segment
from trainyard.errors import Invalid
from trainyard.names import LONGEST
from trainyard.records.base import Page
from trainyard.records.parameter_sets import NewParameterSet, ParameterSet, ParameterSetChange
from trainyard.records.searches import Importances, NewSearch, RegisterBest, ResumeSearch, Search, SearchState, Trial
from trainyard.records.trainings import Model, TrainingCheck
from trainyard.training.params import read
from trainyard.words import N_

POLL_SECONDS = 1.0
_PAGE = 500


class Searches(Transport):
    """``/searches``."""

    def search_parameters(self, new: NewSearch) -> Search:
        """Begin a search for hyper-parameters; refused with the reason before anything starts."""
        return self.one(Search, "POST", "searches", json=new)

    def check_search(self, new: NewSearch) -> TrainingCheck:
        """Everything that would keep a search from beginning; nothing is made."""
        return self.one(TrainingCheck, "POST", "searches/check", json=new)

    def searches(self, **query: object) -> Page[Search]:
        """The caller's searches and those of their groups; ``state``, ``search``, ``offset``, ``limit``."""
        return self.one(Page[Search], "GET", "searches", params=query)

    def search(self, search: str) -> Search:
        """One search with the best of its trials."""
        return self.one(Search, "GET", f"searches/{segment(search)}")

    def trials(self, search: str) -> list[Trial]:
        """All trials of a search, by number."""
        found: list[Trial] = []
        while True:
            query = {"offset": len(found), "limit": _PAGE}
            page = self.one(Page[Trial], "GET", f"searches/{segment(search)}/trials", params=query)
            found += page.items
            if len(found) >= page.total or not page.items:
                return found

    def importances(self, search: str) -> Importances:
        """How much of what makes a trial good is due to each parameter."""
        return self.one(Importances, "GET", f"searches/{segment(search)}/importances")

    def pause_search(self, search: str) -> Search:
        """Begin no more trials; those under way run to their end."""
        return self.one(Search, "POST", f"searches/{segment(search)}/pause")

    def resume_search(self, search: str, change: ResumeSearch | None = None) -> Search:
        """Go on, also after its end, also with more trials, more at once, or more hours."""
        return self.one(Search, "POST", f"searches/{segment(search)}/resume", json=change or ResumeSearch())

    def stop_search(self, search: str) -> Search:
        """End a search and every trial of it that is under way."""
        return self.one(Search, "POST", f"searches/{segment(search)}/stop")

    def delete_search(self, search: str, *, trials: bool = False) -> None:
        """Delete a search that has ended; its trials go with it, or stay as ordinary trainings."""
        self.send("DELETE", f"searches/{segment(search)}", params={"trials": trials})

    def register_best(self, search: str, new: RegisterBest) -> Model:
        """Keep the best trial's model under a name of its own."""
        return self.one(Model, "POST", f"searches/{segment(search)}/register", json=new)

    def draw_search(self, search: str, target: Path) -> None:
        """The trials as ``.csv``, or the search as ``.png`` or ``.svg``, by the suffix of ``target``."""
        for _ in self.download(f"searches/{segment(search)}/file", target, format=target.suffix.lstrip(".")):
            pass

    def wait_for_search(self, search: str, told: Callable[[Search], None] = lambda search: None) -> Search:
        """The search once it has ended; ``told`` is called with what is known meanwhile, whenever that may have changed."""
        for _ in self._chances("search", search, POLL_SECONDS):
            if (now := self.search(search)).state not in (SearchState.RUNNING, SearchState.PAUSED):
                return now
            told(now)
        raise AssertionError("chances never end")


class ParameterSets(Transport):
    """``/parameter-sets``."""

    def parameter_sets(self, search: str = "") -> list[ParameterSet]:
        """The sets of parameters the caller may use, by name."""
        return self.many(ParameterSet, "parameter-sets", params={"search": search})

    def parameter_set(self, identifier: str) -> ParameterSet:
        """One set."""
        return self.one(ParameterSet, "GET", f"parameter-sets/{segment(identifier)}")

    def keep_parameters(self, new: NewParameterSet) -> ParameterSet:
        """Keep parameters under a name."""
        return self.one(ParameterSet, "POST", "parameter-sets", json=new)

    def change_parameter_set(self, identifier: str, change: ParameterSetChange) -> ParameterSet:
        """Change a set's name, description, readers or parameters."""
        body = change.model_dump(mode="json", exclude_none=True)
        return self.one(ParameterSet, "PATCH", f"parameter-sets/{segment(identifier)}", json=body)

    def delete_parameter_set(self, identifier: str) -> None:
        """Delete a set; trainings made with it keep their parameters."""
        self.send("DELETE", f"parameter-sets/{segment(identifier)}")

    def export_parameter_set(self, identifier: str, target: Path) -> None:
        """Write a set to a file that ``import_parameter_set`` reads, here or on another platform."""
        for _ in self.download(f"parameter-sets/{segment(identifier)}/file", target):
            pass

    def import_parameter_set(self, source: Path, name: str = "") -> ParameterSet:
        """Keep what a file holds: an exported set, or plain parameters, then called ``name`` or as the file is.

        Raises:
            UserError: no JSON object, or one that is too large or too deep; or what ``keep_parameters`` refuses.
        """
        return self.keep_parameters(read_parameter_set(source, name))


def read_parameter_set(source: Path, name: str = "") -> NewParameterSet:
    """What a file holds: an exported set, or plain parameters.

    Raises:
        UserError: no JSON object, or one that is too large or too deep.
    """
    found = read(source)
    if not found and not source.is_file():
        raise Invalid("no-such-file", N_("There is no file {file}."), file=str(source))
    if isinstance(found.get("parameters"), dict) and found.keys() <= {"name", "description", "parameters"}:
        return NewParameterSet.model_validate({"name": source.stem[:LONGEST], **found, **({"name": name} if name else {})})
    return NewParameterSet(name=name or source.stem[:LONGEST], parameters=json.loads(json.dumps(found)))
