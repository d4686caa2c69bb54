"""What a training runs with where the person did not say: their group, a batch's sets, the package and example that fit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from trainyard.client import Client
from trainyard.errors import Conflict, NotFound
from trainyard.records.jobs import Image
from trainyard.records.trainings import NewTraining
from trainyard.words import N_


@dataclass
class Choices:
    """Choices for one training; ``given_group`` may be empty, ``image`` is ``name`` or ``name:version``."""

    client: Client
    given_group: str
    image: str

    @cached_property
    def group(self) -> str:
        """The group that is charged: the one that was given, or the person's first.

        Raises:
            Conflict: they are in none.
        """
        if self.given_group:
            return self.given_group
        mine = self.client.me().groups
        if not mine:
            hint = N_("Ask an administrator to put you into one.")
            raise Conflict("no-group", N_("A training is charged to a group, and you are in none."), hint=hint)
        return mine[0].name

    def sets(self, batch: str, format: str) -> dict[str, str]:
        """The sets of a batch in ``format``: ``train_set``, ``val_set`` and ``test_set``, those it has.

        Raises:
            NotFound: it has none in this format.
        """
        if not batch:
            return {}
        found = {f"{one.split}_set": one.id for one in self.client.batch(batch).sets if one.format == format}
        if not found:
            raise NotFound("no-such-set", N_("The batch {batch} has no sets in {format}."), batch=batch, format=format)
        return found

    def training(self, wishes: Mapping[str, Any], *, package: str, entry: str) -> NewTraining:
        """The training as it is submitted."""
        chosen = {**wishes, "group": self.group, "image": self.image, "entry": entry or self._example()}
        offered = [package] if package else fitting_packages(self.client, self.group, wishes.get("cluster"))
        wanted = [NewTraining.model_validate({**chosen, "package": one}) for one in offered]
        # what all processes of a distributed training take together only the platform knows
        return next((one for one in wanted[:-1] if not one.distributed or self._fits(one)), wanted[-1])

    def _fits(self, training: NewTraining) -> bool:
        return all(one.field != "package" for one in self.client.check_training(training).problems)

    def _example(self) -> str:
        found = next((one for one in self.client.images() if self.image in (one.name, f"{one.name}:{one.version}")), None)
        if found is None:
            hint = N_("`trainyard images` lists them.")
            raise NotFound("no-such-image", N_("There is no image {name}."), hint=hint, name=self.image)
        return example_of(found)


def example_of(image: Image) -> str:
    """The program that the image ships as its example.

    Raises:
        NotFound: it ships none.
    """
    if not image.entries:
        sentence = N_("The image {name} has no example of its own; say with --entry what to run.")
        raise NotFound("no-example", sentence, name=image.name)
    return image.entries[0]


def fitting_packages(client: Client, group: str, cluster: str | None = None) -> list[str]:
    """The packages that fit the group's quota, or its share of a virtual cluster: without GPUs first, the most cores first.

    Raises:
        Conflict: none fits, with what keeps the smallest from it.
    """
    packages = client.packages(group, cluster)
    offered = sorted((one for one in packages if one.available), key=lambda one: (one.gpu, -one.cpu, one.memory))
    if not offered:
        smallest = min(packages, key=lambda one: (one.gpu, one.cpu, one.memory), default=None)
        sentence = N_("No resource package fits the group {group}. {why}")
        raise Conflict("no-package", sentence, group=group, why=smallest.why_not if smallest else "")
    return [one.name for one in offered]
