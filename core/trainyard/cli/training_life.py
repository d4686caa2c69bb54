"""``trainyard train start``, ``pause``, ``resume`` and ``clone``: the same training again, changed, later, or beside itself."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trainyard.cli.call import Json, find, signed_in
from trainyard.cli.training import Which, read_parameters, show_training, train
from trainyard.words import N_

if TYPE_CHECKING:
    from trainyard.records.jobs import RestartPolicy
    from trainyard.records.trainings import Training

Package = Annotated[str | None, typer.Option(help="Other resources, see `trainyard packages`.")]
Entry = Annotated[str | None, typer.Option(help="Another program with its arguments.")]
Image = Annotated[str | None, typer.Option(help="Another image.")]
Parameters = Annotated[Path | None, typer.Option(help="A JSON file with other hyper-parameters.")]
Hours = Annotated[float | None, typer.Option(help="Another time limit.")]
Description = Annotated[str | None, typer.Option(help="What it is.")]
TrainSet = Annotated[str | None, typer.Option(help="Another formatted set; empty: none.")]
ValSet = Annotated[str | None, typer.Option(help="Another formatted set; empty: none.")]
TestSet = Annotated[str | None, typer.Option(help="Another formatted set; empty: none.")]
Cluster = Annotated[str | None, typer.Option(help="Another virtual cluster; empty: none.")]
Priority = Annotated[int | None, typer.Option(help="100 is usual, up to 200; higher goes first.")]
Preemptible = Annotated[
    bool | None, typer.Option("--preemptible/--not-preemptible", help="Whether it uses what is idle, and gives way.")
]
Retries = Annotated[int | None, typer.Option(min=0, max=100, help="Start it again by itself at most so often.")]
RetryOn = Annotated[str | None, typer.Option(help="After what: transient, unknown, permanent; with commas.")]
GoOn = Annotated[bool | None, typer.Option("--go-on/--no-go-on", help="With --retries: go on also after the time limit.")]
LogPattern = Annotated[list[str] | None, typer.Option(help="Other patterns of what it prints, see `train submit`.")]


@train.command()
def start(
    training: Which,
    package: Package = None,
    entry: Entry = None,
    image: Image = None,
    parameters: Parameters = None,
    hours: Hours = None,
    description: Description = None,
    train_set: TrainSet = None,
    val_set: ValSet = None,
    test_set: TestSet = None,
    cluster: Cluster = None,
    priority: Priority = None,
    preemptible: Preemptible = None,
    retries: Retries = None,
    retry_on: RetryOn = None,
    go_on: GoOn = None,
    log_pattern: LogPattern = None,
    twice_the_memory: Annotated[bool, typer.Option("--twice-the-memory", help="In the next package with so much.")] = False,
    anew: Annotated[bool | None, typer.Option("--anew/--resume", help="From the beginning, or from a checkpoint.")] = None,
    json: Json = False,
) -> None:
    """Start an ended training again, as it was or with what is given here."""
    from trainyard.records.trainings import StartTraining

    with signed_in() as client:
        found = client.training(find(client, "trainings", training))
        wished = {
            "package": _offered(found) if twice_the_memory else package,
            "entry": entry, "image": image, "hours": hours, "description": description,
            "train_set": train_set, "val_set": val_set, "test_set": test_set,
            "cluster": cluster, "priority": priority, "preemptible": preemptible, "log_patterns": log_pattern or None,
            "parameters": read_parameters(parameters) if parameters else None,
            "restart": _policy(found, {"max_retries": retries, "on": _words(retry_on), "after_time_limit": go_on}),
            "resume": None if anew is None else not anew,
        }  # fmt: skip
        show_training(client.start_training(found.id, StartTraining.model_validate(wished)), json=json)


def _words(text: str | None) -> list[str] | None:
    return text.split(",") if text else None


def _policy(found: Training, wished: dict[str, Any]) -> RestartPolicy | None:
    """The training's policy with what is wished; None where nothing is."""
    from trainyard.records.jobs import RestartPolicy

    given = {name: value for name, value in wished.items() if value is not None}
    before = found.job.restart or RestartPolicy()
    return RestartPolicy.model_validate({**before.model_dump(), **given}) if given else None


def _offered(training: Training) -> str:
    """The package with twice the memory that its end offers.

    Raises:
        Conflict: it offers none.
    """
    from trainyard.errors import Conflict

    ending = training.job.ending
    if ending is None or ending.offer is None:
        sentence = N_("The training {name} offers no package with twice the memory: it lacked none, or none fits.")
        raise Conflict("no-offer", sentence, hint=N_("Choose one with --package."), name=training.name)
    return ending.offer.package


@train.command()
def restart(training: Which, json: Json = False) -> None:
    """Stop a training, wait until it has ended, and start it again."""
    with signed_in() as client:
        identifier = find(client, "trainings", training)
        client.wait_for_job(client.stop_training(identifier).job.id)
        show_training(client.start_training(identifier), json=json)


@train.command()
def pause(training: Which, json: Json = False) -> None:
    """Ask a training to save and to end, to go on later from its last checkpoint."""
    with signed_in() as client:
        show_training(client.pause_training(find(client, "trainings", training)), json=json)


@train.command()
def resume(training: Which, json: Json = False) -> None:
    """Go on from the newest complete checkpoint."""
    with signed_in() as client:
        show_training(client.resume_training(find(client, "trainings", training)), json=json)


@train.command()
def clone(
    training: Which,
    name: Annotated[str, typer.Argument(help="The name of the copy.")],
    package: Package = None,
    entry: Entry = None,
    image: Image = None,
    parameters: Parameters = None,
    hours: Hours = None,
    description: Description = None,
    train_set: TrainSet = None,
    val_set: ValSet = None,
    test_set: TestSet = None,
    cluster: Cluster = None,
    priority: Priority = None,
    preemptible: Preemptible = None,
    retries: Retries = None,
    retry_on: RetryOn = None,
    go_on: GoOn = None,
    log_pattern: LogPattern = None,
    json: Json = False,
) -> None:
    """Submit a new training like another one, but for what is given here."""
    with signed_in() as client:
        found = client.training(find(client, "trainings", training))
        wished: dict[str, Any] = {
            "package": package, "entry": entry, "image": image, "hours": hours, "description": description,
            "train_set": train_set, "val_set": val_set, "test_set": test_set,
            "cluster": cluster, "priority": priority, "preemptible": preemptible, "log_patterns": log_pattern or None,
            "parameters": read_parameters(parameters) if parameters else None,
            "restart": _policy(found, {"max_retries": retries, "on": _words(retry_on), "after_time_limit": go_on}),
        }  # fmt: skip
        given = {field: value for field, value in wished.items() if value is not None}
        without = {field: given[field] or None for field in ("train_set", "val_set", "test_set", "cluster") if field in given}
        show_training(client.submit(found.as_new(name, **given | without)), json=json)
