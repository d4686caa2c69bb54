"""The wizard for a new training: sets, image, resources; every choice stands in the URL, so that a reload keeps it."""

from __future__ import annotations

from pydantic import TypeAdapter
from trainyard.errors import Invalid
from trainyard.records.accounts import Me
from trainyard.records.base import Page as Listing
from trainyard.records.datasets import FormattedSet, Visibility
from trainyard.records.jobs import Image, Package
from trainyard.records.trainings import NewTraining, Training

from trainyard_widgets.forms import filled_in
from trainyard_widgets.page import Page, View, action
from trainyard_widgets.views.wizard import Offer, draft_of, new_training, problems, wizard_view

MOST_SETS = 500


class TrainingNewPage(Page):
    """Three steps to a training."""

    bundle = "training_new"
    topics = frozenset({"batch", "dataset", "usage", "account"})

    def load(self) -> View:
        """All three steps with what the URL has chosen."""
        return wizard_view(self._offer(), dict(self.query), self.language)

    @action(reloads=False)
    def create(self) -> str:
        """Create the training as the URL describes it; answers its id."""
        offer = self._offer()
        draft = draft_of(dict(self.query), offer)
        for field, message in problems(draft, offer, self.language).items():
            raise Invalid("form-invalid", "{message}", field=field, message=message)
        return self.client.post("/trainings", Training, filled_in(TypeAdapter(NewTraining), new_training(draft))).id

    def _offer(self) -> Offer:
        me = self.client.get("/me", Me)
        groups = [group.name for group in me.groups]
        group = self.query.get("group") or next(iter(groups), None)
        return Offer(
            sets={tab.value: self._sets(tab.value) for tab in Visibility},
            images=self.client.get("/images", list[Image]),
            packages=self.client.get("/packages", list[Package], group=group),
            groups=groups,
            person=me.name,
        )

    def _sets(self, tab: str) -> list[FormattedSet]:
        return self.client.get("/formatted", Listing[FormattedSet], visibility=tab, limit=MOST_SETS).items
