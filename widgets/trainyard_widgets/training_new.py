"""The wizard for a new training: sets, image, resources; every choice stands in the URL, so that a reload keeps it."""

from __future__ import annotations

from pydantic import TypeAdapter
from trainyard.errors import Invalid
from trainyard.records.accounts import Me
from trainyard.records.base import Page as Listing
from trainyard.records.datasets import FormattedSet, Visibility
from trainyard.records.jobs import Image, Package, Usage
from trainyard.records.resources import Cluster
from trainyard.records.trainings import NewTraining, StartTraining, Training, TrainingCheck

from trainyard_widgets.forms import filled_in
from trainyard_widgets.page import View, action
from trainyard_widgets.parameter_sets import ParameterSetActions
from trainyard_widgets.views.wizard import Offer, draft_of, new_training, problems, wizard_view

_SETS = ("train_set", "val_set", "test_set")
MOST_SETS = 500


class TrainingNewPage(ParameterSetActions):
    """Three steps to a training."""

    bundle = "training_new"
    topics = frozenset({"batch", "dataset", "usage", "account"})

    def load(self) -> View:
        """All three steps with what the URL has chosen."""
        return wizard_view(self._offer(), dict(self.query), self.language)

    @action(reloads=False)
    def create(self) -> str:
        """Create the training as the URL describes it, or change the one that is edited and start it; answers its id."""
        new = self._filled_in()
        edited = self.query.get("edit")
        if not edited:
            return self.client.post("/trainings", Training, new).id
        fields = new.model_dump(include=set(StartTraining.model_fields) - {"resume"})
        taken_away = {name: fields[name] or "" for name in (*_SETS, "cluster", "distributed")}
        change = StartTraining.model_validate({**fields, **taken_away})
        return self.client.post(f"/trainings/{edited}/start", Training, change).id

    @action(reloads=False)
    def check(self) -> list[dict[str, str]]:
        """Everything that would keep it from running; nothing is made."""
        found = self.client.post("/trainings/check", TrainingCheck, self._filled_in()).problems
        own_name = "training-exists" if self.query.get("edit") else ""
        return [one.model_dump() for one in found if one.code != own_name]

    @action(reloads=False)
    def try_once(self) -> str:
        """Try one batch on the processor; answers the id of the try."""
        return self.client.post("/trainings", Training, self._filled_in().model_copy(update={"dry_run": True})).id

    def _filled_in(self) -> NewTraining:
        offer = self._offer()
        draft = draft_of(dict(self.query), offer)
        for field, message in problems(draft, offer, self.language).items():
            raise Invalid("form-invalid", "{message}", field=field, message=message)
        return filled_in(TypeAdapter(NewTraining), new_training(draft))

    def _offer(self) -> Offer:
        me = self.client.get("/me", Me)
        groups = [group.name for group in me.groups]
        group = self.query.get("group") or next(iter(groups), None)
        usage = self.client.get("/usage", Usage)
        return Offer(
            sets={tab.value: self._sets(tab.value) for tab in Visibility},
            images=self.client.get("/images", list[Image]),
            packages=self.client.get("/packages", list[Package], group=group, cluster=self.query.get("cluster") or None),
            groups=groups,
            person=me.name,
            clusters=self.client.get("/clusters", list[Cluster]),
            hours=usage.training_hours,
            try_seconds=usage.dry_run_seconds,
            administrator=me.administrator,
        )

    def _sets(self, tab: str) -> list[FormattedSet]:
        return self.client.get("/formatted", Listing[FormattedSet], visibility=tab, limit=MOST_SETS).items
