"""A new search: what every trial runs, what is varied, what is judged; every choice stands in the URL."""

from __future__ import annotations

from pydantic import TypeAdapter
from trainyard.records.searches import NewSearch, Search

from trainyard_widgets.forms import filled_in
from trainyard_widgets.page import View, action
from trainyard_widgets.training_new import TrainingNewPage
from trainyard_widgets.views.search_new import KNOWN_TAGS, asked, form_of, suggestions
from trainyard_widgets.views.wizard import draft_of, problems


class SearchNewPage(TrainingNewPage):
    """The form of a search over the training that the wizard's part of the URL describes."""

    bundle = "search_new"

    def load(self) -> View:
        """The training as it is chosen so far, and the search's own fields."""
        offer, query = self._offer(), dict(self.query)
        draft = draft_of(query, offer)
        missing = {name: told for name, told in problems(draft, offer, self.language).items() if name != "name"}
        return {
            "draft": draft,
            "form": form_of(query),
            "missing": missing,
            "groups": offer.groups,
            "tags": list(KNOWN_TAGS),
            "suggestions": suggestions(draft["parameters"]),
        }

    @action(reloads=False)
    def begin(self) -> str:
        """Begin the search; answers its id."""
        fields = asked(form_of(dict(self.query)))
        new = filled_in(TypeAdapter(NewSearch), {**fields, "training": self._filled_in().model_dump()})
        return self.client.post("/searches", Search, new).id
