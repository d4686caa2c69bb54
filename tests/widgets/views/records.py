"""Records as the service would answer them, made short for the tests of views."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from trainyard.jobs.states import JobState
from trainyard.records.base import Person
from trainyard.records.datasets import Batch, Dataset, DatasetState, Format, FormattedSet, LabelSetSummary, Visibility
from trainyard.records.jobs import Image, Job, JobKind, Package
from trainyard.records.trainings import Instance, InstanceState, Training

THEN = datetime(2026, 11, 21, 4, 0, tzinfo=UTC)
ANA = Person(id=3, name="安娜")


def a_dataset(**changes: Any) -> Dataset:
    """A ready dataset of Ana's that nobody uses."""
    plain = {
        "id": "d" * 16, "name": "digits", "description": "", "state": DatasetState.READY, "visibility": Visibility.MINE,
        "owner": ANA, "source": "upload", "created": THEN, "completed": THEN, "may_change": True,
    }  # fmt: skip
    return Dataset(**plain | changes)


def a_label_set(kind: str, name: str) -> LabelSetSummary:
    """A label set with one class."""
    return LabelSetSummary(name=name, type=kind, images=1, objects=1, classes={"car": 1}, objects_by_class={"car": 1})


def a_set(split: str, batch: str = "b" * 16, form: Format = Format.RECORDIO, **changes: Any) -> FormattedSet:
    """A ready formatted set; its id says what it is."""
    ratio = {"train": 0.8, "val": 0.2, "test": 0.0}[split]
    plain = {
        "id": f"{batch[0]}-{form.value}-{split}", "batch": batch, "dataset": "d" * 16, "dataset_name": "digits", "format": form,
        "split": split, "ratio": ratio, "range": (0, 4000), "samples": 4000, "bytes": 1024, "ready": True,
    }  # fmt: skip
    return FormattedSet(**plain | changes)


def a_batch(sets: list[FormattedSet], **changes: Any) -> Batch:
    """A finished batch."""
    plain = {
        "id": "b" * 16, "dataset": "d" * 16, "dataset_name": "digits", "label_set": "classification.digits", "shuffle": True,
        "seed": 7, "resize": "", "quality": 95, "created": THEN, "creator": ANA, "job": "j" * 16, "state": "finished",
        "progress": None, "sets": sets,
    }  # fmt: skip
    return Batch(**plain | changes)


def a_job(state: JobState, **changes: Any) -> Job:
    """A training's job of Ana's in the group vision."""
    plain = {
        "id": "j" * 16, "kind": JobKind.TRAIN, "name": "digits", "owner": ANA, "group": "vision", "state": state,
        "wanted": "run", "attempt": 1, "image": "mxnet:1.9.1", "package": "2Core4G", "created": THEN, "queued": THEN,
        "started": THEN, "ended": None, "deadline": None,
    }  # fmt: skip
    return Job(**plain | changes)


def an_instance(started: datetime = THEN, **changes: Any) -> Instance:
    """A running instance."""
    plain = {
        "id": "1" * 24,
        "training": "t" * 16,
        "state": InstanceState.RUNNING,
        "started": started,
        "stopped": None,
        "elapsed": 30.0,
    }
    return Instance(**plain | changes)


def a_training(state: JobState = JobState.RUNNING, **changes: Any) -> Training:
    """A training of Ana's on a pair of sets."""
    job = a_job(state, **changes.pop("job", {}))
    plain = {
        "id": "t" * 16, "name": "digits", "description": "", "job": job, "sets": {"train": a_set("train"), "val": a_set("val")},
        "entry": "/workspace/examples/trainings/mxnet/simple/start.sh", "parameters": {}, "hours": 72,
        "log": "/workspace/mnt/group/vision/安娜/run/train_digits_out.log", "may_change": True,
    }  # fmt: skip
    return Training(**plain | changes)


def an_image(state: str = "ready") -> Image:
    """The MXNet image."""
    return Image(
        name="mxnet", version="1.9.1", title="MXNet", description="", kind="training", framework="mxnet", state=state,
        entries=["/workspace/examples/trainings/mxnet/simple/start.sh"],
    )  # fmt: skip


def a_package(name: str = "2Core4G", **changes: Any) -> Package:
    """A package that fits."""
    return Package(**{"name": name, "cpu": 2, "memory": 4 << 30, "gpu": 0} | changes)
