"""``trainyard demo``: the whole chain headless, from a public dataset to a model that is downloaded and sound."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from trainyard.cli.choices import example_of, fitting_packages
from trainyard.cli.jobs import why
from trainyard.cli.show import as_json, language
from trainyard.cli.steps import Steps
from trainyard.client import Client
from trainyard.connection import Connection, of_this_machine
from trainyard.errors import Conflict, NotFound, Unavailable, UserError
from trainyard.home import Home
from trainyard.jobs.states import ENDED, JobState
from trainyard.models.packed import contents
from trainyard.records.accounts import NewGroup
from trainyard.records.datasets import Batch, Dataset, DatasetState, Format, FormattedSet, NewBatch, Visibility
from trainyard.records.jobs import Image
from trainyard.records.trainings import Model, NewTraining, Training
from trainyard.training.snapshots import sha256_of
from trainyard.words import N_

ACCURACY = "accuracy/validation"


@dataclass(frozen=True)
class Wishes:
    """What the demo runs with; without ``entry`` the image's own example.

    ``target`` keeps the snapshot; without one it is downloaded into a folder that is removed.
    """

    dataset: str = "digits"
    image: str = "mxnet"
    entry: str = ""
    group: str = "demo"
    minutes: float = 30.0
    target: Path | None = None
    json: bool = False


def demo(wishes: Wishes) -> None:
    """Run the chain; returns only if a model was trained and its snapshot downloaded.

    Raises:
        UserError: the platform is not running, or a step failed; the sentence says which and why.
    """
    steps = Steps(wishes.minutes * 60, out=sys.stderr if wishes.json else sys.stdout)
    with Client(_connection(), language()) as client:
        with steps.step(N_("Sign in")) as step:
            me = client.me()
            step.result = f"{me.name}, {client.connection.url}"
        chain = Chain(client, wishes, steps)
        chain.join_group(me.id)
        image, dataset = chain.wait_for_image(), chain.wait_for_dataset()
        training = chain.train(image, chain.format(dataset))
        accuracy = chain.accuracy(training)
        model = chain.download(training)
    if wishes.json:
        as_json({"accuracy": accuracy, "training": training.id, "model": model.id, "sha256": model.sha256, "steps": steps.done})


def _connection() -> Connection:
    home = Home.from_environment()
    found = of_this_machine(home)
    if found is None:
        raise Unavailable(
            "not-running",
            N_("No platform has been started with its state in {home}."),
            hint=N_("Start it with `make run`, and set TRAINYARD_HOME if it keeps its state elsewhere."),
            home=str(home.root),
        )
    return found


@dataclass(frozen=True)
class Chain:
    """The steps, each over the same REST calls as the pages."""

    client: Client
    wishes: Wishes
    steps: Steps

    def join_group(self, account: int) -> None:
        """Make the group if there is none of this name, and be a member of it."""
        with self.steps.step(N_("Join a group")) as step:
            name = self.wishes.group
            known = {group.name: group for group in self.client.groups()}
            group = known.get(name) or self.client.create_group(NewGroup(name=name))
            if account not in {member.person.id for member in group.members}:
                self.client.add_member(name, account)
            step.result = name

    def wait_for_image(self) -> Image:
        """The image, once it is built."""
        with self.steps.step(N_("Wait for the image")) as step:

            def ask() -> Image | None:
                images = [one for one in self.client.images() if one.name == self.wishes.image]
                ready = [one for one in images if one.state == "ready"]
                if ready:
                    return ready[0]
                if not images or all(one.state == "failed" for one in images):
                    raise _no_image(self.wishes.image, images)
                step.now(images[0].state)
                return None

            image = self.steps.wait(ask)
            step.result = f"{image.name}:{image.version}"
        return image

    def wait_for_dataset(self) -> Dataset:
        """The public dataset, once it is ready."""
        with self.steps.step(N_("Wait for the dataset")) as step:

            def ask() -> Dataset | None:
                page = self.client.datasets(visibility=Visibility.PUBLIC.value, search=self.wishes.dataset)
                found = next((one for one in page.items if one.name == self.wishes.dataset), None)
                if found is not None and found.state is DatasetState.FAILED:
                    raise Conflict(
                        "dataset-failed", N_("The dataset {name} could not be made: {why}"), name=found.name, why=found.error
                    )
                if found is not None and found.state is DatasetState.READY:
                    return found
                step.progress(found.progress if found else None)
                return None

            dataset = self.steps.wait(ask)
            step.result = f"{dataset.name}, {dataset.images}"
        return dataset

    def format(self, dataset: Dataset) -> dict[str, FormattedSet]:
        """The dataset as RecordIO: four fifths to train with, one fifth to validate."""
        with self.steps.step(N_("Format the dataset")) as step:
            wanted = NewBatch(formats=[Format.RECORDIO], train=0.8, val=0.2, group=self.wishes.group)
            batch = self.client.format(dataset.id, wanted)

            def ask() -> Batch | None:
                now = self.client.batch(batch.id)
                if now.sets and all(one.ready for one in now.sets):
                    return now
                if now.state in ENDED and now.state != JobState.FINISHED:
                    raise self._failed("format-failed", N_("Formatting ended as {state}: {why}"), now.job or "")
                step.progress(now.progress)
                return None

            done = self.steps.wait(ask)
            step.result = ", ".join(f"{one.split} {one.samples}" for one in done.sets)
        return {one.split: one for one in done.sets}

    def train(self, image: Image, sets: dict[str, FormattedSet]) -> Training:
        """Train with the image's example until it has ended."""
        with self.steps.step(N_("Train")) as step:
            wanted = NewTraining(
                name=f"demo-{datetime.now(UTC):%Y%m%d-%H%M%S}",
                group=self.wishes.group,
                train_set=sets["train"].id,
                val_set=sets["val"].id,
                image=f"{image.name}:{image.version}",
                package=fitting_packages(self.client, self.wishes.group)[0],
                entry=self.wishes.entry or example_of(image),
                hours=1,
            )
            training = self.client.submit(wanted)
            with self._stopped_on_interrupt(training):
                done = self.steps.wait(lambda: self._ended(training, step.now))
            if done.job.state is not JobState.FINISHED:
                raise self._failed("training-failed", N_("The training ended as {state}: {why}"), done.job.id)
            step.result = done.name
        return done

    def accuracy(self, training: Training) -> float:
        """The last validation accuracy that was reported.

        Raises:
            Conflict: none was.
        """
        with self.steps.step(N_("Read the accuracy")) as step:
            found = [
                series.values[-1]
                for instance in training.instances
                for series in self.client.curves(instance.id).series
                if series.tag == ACCURACY and series.values
            ]
            if not found or found[-1] is None:
                raise Conflict("no-accuracy", N_("The training {name} reported no validation accuracy."), name=training.name)
            step.result = f"{found[-1]:.2%}"
        return found[-1]

    def download(self, training: Training) -> Model:
        """The newest snapshot, compared with its checksum and looked into; it must hold only plain files inside itself."""
        with self.steps.step(N_("Download the model")) as step, tempfile.TemporaryDirectory() as folder:
            kept = self.client.models(training=training.id).items
            if not kept:
                raise NotFound("no-model", N_("The training {name} kept no model."), name=training.name)
            model = max(kept, key=lambda one: (one.step or 0, one.created))
            target = self.wishes.target or Path(folder) / "model.tar.gz"
            for written in self.client.download_model(model.id, target):
                step.now(f"{written} / {model.size}")
            must_be_whole(target, model)
            files = contents(target)
            step.result = f"{model.name}, {len(files)}, sha256 {model.sha256[:12]}…"
        return model

    def _ended(self, training: Training, now: Callable[[str], None]) -> Training | None:
        seen = self.client.training(training.id)
        instance = seen.instances[0] if seen.instances else None
        if seen.job.state in ENDED:
            return seen
        if seen.job.waiting is not None:
            now(seen.job.waiting.text)
        elif instance is None or not instance.epochs:
            now(seen.job.state)
        else:
            now(f"{instance.epoch or 0}/{instance.epochs} · {instance.samples_per_second or 0:.0f}/s")
        return None

    @contextmanager
    def _stopped_on_interrupt(self, training: Training) -> Iterator[None]:
        try:
            yield
        except (KeyboardInterrupt, UserError):
            with suppress(UserError):
                self.client.stop_training(training.id)
            raise

    def _failed(self, code: str, sentence: str, job_id: str) -> UserError:
        job = self.client.job(job_id)
        return Conflict(code, sentence, state=job.state.value, why=why(job))


def must_be_whole(path: Path, model: Model) -> None:
    """Remove a download whose bytes are not the model's. What went into a pipe or a device is nowhere to be read.

    Raises:
        Conflict: they are not.
    """
    if path.is_file() and sha256_of(path) != model.sha256:
        if not path.is_symlink():
            path.unlink()
        raise Conflict("download-damaged", N_("The download of {name} is damaged."), hint=N_("Try again."), name=model.name)


def _no_image(name: str, found: list[Image]) -> NotFound:
    why = found[0].error if found else ""
    return NotFound(
        "no-image",
        N_("The image {name} is not there and is not being built. {why}"),
        hint=N_("`make run` builds it; <home>/images/{name}/*.log says why it failed."),
        name=name,
        why=why,
    )
