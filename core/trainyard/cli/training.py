"""``trainyard train``: submit trainings and look after them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trainyard.cli.call import MOST, Json, find, signed_in
from trainyard.cli.jobs import Follow, Tail, why, write_log
from trainyard.cli.show import as_fields, as_json, as_table, done, say_aside, word
from trainyard.words import N_

if TYPE_CHECKING:
    from trainyard.client import Client
    from trainyard.records.trainings import Training

train = typer.Typer(no_args_is_help=True)
Which = Annotated[str, typer.Argument(help="Name or identifier of a training.")]
Wait = Annotated[bool, typer.Option("--wait", help="Until it has ended; exit code 1 unless it finished.")]


@train.command("list")
def list_trainings(
    search: Annotated[str, typer.Option(help="Words that are in the name.")] = "",
    mine: Annotated[bool, typer.Option("--mine", help="Only your own.")] = False,
    json: Json = False,
) -> None:
    """Trainings you may see, the newest first."""
    with signed_in() as client:
        found = client.trainings(search=search, mine=mine, limit=MOST).items
    if json:
        return as_json(found)
    rows = [(one.id, one.name, one.job.state, one.job.owner.name, one.job.image, one.job.package) for one in found]
    return as_table(("id", "name", "state", "owner", "image", "package"), rows)


@train.command()
def submit(
    name: str,
    batch: Annotated[str, typer.Option(help="A batch: its train, val and test sets are taken.")] = "",
    set_format: Annotated[str, typer.Option("--format", help="With --batch: recordio or lmdb.")] = "recordio",
    train_set: Annotated[str | None, typer.Option(help="A formatted set, see `trainyard batches list`.")] = None,
    val_set: Annotated[str | None, typer.Option(help="A formatted set.")] = None,
    test_set: Annotated[str | None, typer.Option(help="A formatted set.")] = None,
    group: Annotated[str, typer.Option(help="The group that is charged; your first by default.")] = "",
    image: Annotated[str, typer.Option(help="See `trainyard images`.")] = "mxnet",
    package: Annotated[str, typer.Option(help="Resources; by default the largest that fits and has no GPU.")] = "",
    entry: Annotated[str, typer.Option(help="A program with its arguments; the image's example by default.")] = "",
    parameters: Annotated[Path | None, typer.Option(help="A JSON file with hyper-parameters.")] = None,
    hours: Annotated[float, typer.Option(help="At most so many hours.")] = 72,
    description: Annotated[str, typer.Option(help="What it is.")] = "",
    wait: Wait = False,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Show its output until it has ended.")] = False,
    json: Json = False,
) -> None:
    """Submit a training on formatted sets."""
    from trainyard.cli.choices import Choices

    given = {"train_set": train_set, "val_set": val_set, "test_set": test_set}
    with signed_in() as client:
        choices = Choices(client, group, image)
        sets = choices.sets(batch, set_format) | {name: value for name, value in given.items() if value}
        wanted = choices.training(
            {**sets, "name": name, "description": description, "parameters": _read(parameters), "hours": hours},
            package=package,
            entry=entry,
        )
        training = client.submit(wanted)
        if wait or follow:
            training = _ended(client, training, follow=follow, aside=json)
        _show(training, json=json)
        _must_have_finished(training, waited=wait or follow)


def _read(path: Path | None) -> dict[str, Any]:
    import json

    from trainyard.errors import Invalid

    if path is None:
        return {}
    try:
        read = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(read, dict):
            raise ValueError("it is not a JSON object")
    except (OSError, ValueError) as error:
        sentence = N_("The hyper-parameters in {file} cannot be used: {reason}")
        raise Invalid("parameters-unusable", sentence, field="parameters", file=str(path), reason=str(error)) from None
    return read


def _ended(client: Client, training: Training, *, follow: bool, aside: bool) -> Training:
    """The training once it has ended; an interrupt ends the watching, not the training."""
    from trainyard.cli.steps import Steps
    from trainyard.jobs.states import ENDED

    with Steps(30 * 86_400, out=sys.stderr).step(N_("Train")) as step:

        def ask() -> Training | None:
            now = client.training(training.id)
            step.now(now.job.waiting.text if now.job.waiting else word(now.job.state))
            return now if now.job.state in ENDED else None

        try:
            if follow:
                write_log(client, training.job.id, follow=True, aside=aside)
            found = step.steps.wait(ask)
        except KeyboardInterrupt:
            words = N_("The training goes on without you; `trainyard train wait {id}` waits, `… logs -f {id}` shows more.")
            say_aside(words, id=training.id)
            raise
        step.result = word(found.job.state)
    return found


def _must_have_finished(training: Training, *, waited: bool) -> None:
    from trainyard.errors import Conflict

    if waited and training.job.state != "finished":
        sentence = N_("The training ended as {state}: {why}")
        raise Conflict("training-failed", sentence, state=training.job.state.value, why=why(training.job))


@train.command()
def wait(training: Which, json: Json = False) -> None:
    """Wait until a training has ended; exit code 1 unless it finished."""
    with signed_in() as client:
        found = _ended(client, client.training(find(client, "trainings", training)), follow=False, aside=False)
    _show(found, json=json)
    _must_have_finished(found, waited=True)


@train.command()
def show(training: Which, json: Json = False) -> None:
    """One training: how far it is, what it runs with, how it ended."""
    with signed_in() as client:
        found = client.training(find(client, "trainings", training))
    if json:
        return as_json(found)
    _show(found, json=False)
    rows = [(one.id, one.state, f"{one.epoch or ''}/{one.epochs or ''}", one.started, one.stopped) for one in found.instances]
    return as_table(("instance", "state", "epoch", "started", "ended"), rows) if rows else None


@train.command()
def stop(training: Which, json: Json = False) -> None:
    """Ask a training to end; it may save first."""
    with signed_in() as client:
        _show(client.stop_training(find(client, "trainings", training)), json=json)


@train.command()
def start(training: Which, json: Json = False) -> None:
    """Start an ended training again with the same configuration."""
    with signed_in() as client:
        _show(client.start_training(find(client, "trainings", training)), json=json)


@train.command()
def restart(training: Which, json: Json = False) -> None:
    """Stop a training, wait until it has ended, and start it again."""
    with signed_in() as client:
        identifier = find(client, "trainings", training)
        client.wait_for_job(client.stop_training(identifier).job.id)
        _show(client.start_training(identifier), json=json)


@train.command()
def delete(training: Which, json: Json = False) -> None:
    """Delete an ended training; its models and its log stay."""
    with signed_in() as client:
        identifier = find(client, "trainings", training)
        client.delete_training(identifier)
    done(N_("Deleted {deleted}."), json=json, deleted=identifier)


@train.command()
def logs(training: Which, follow: Follow = False, tail: Tail = 0) -> None:
    """The output of a training."""
    with signed_in() as client:
        write_log(client, client.training(find(client, "trainings", training)).job.id, follow=follow, tail=tail)


@train.command()
def tensorboard(training: Which, json: Json = False) -> None:
    """Start a TensorBoard on a training and print its address, for a browser that is signed in."""
    with signed_in() as client:
        address = client.tensorboard(find(client, "trainings", training))
    return as_json({"address": address}) if json else typer.echo(address)


def _show(training: Training, *, json: bool) -> None:
    if json:
        return as_json(training)
    job = training.job
    return as_fields(
        [
            ("id", training.id), ("name", training.name), ("description", training.description), ("state", job.state),
            ("waits for", job.waiting.text if job.waiting else None), ("owner", job.owner.name), ("group", job.group),
            ("image", job.image), ("package", job.package), ("entry", training.entry),
            ("sets", ", ".join(f"{split} {one.dataset_name} {one.format}" for split, one in training.sets.items())),
            ("started", job.started), ("ended", job.ended), ("how", job.ending.text if job.ending else None),
            ("log", training.log),
        ]
    )  # fmt: skip
