"""``trainyard train``: submit, follow, stop, start and delete trainings."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trainyard.cli.call import MOST, Json, find, signed_in
from trainyard.cli.show import as_json, as_table

if TYPE_CHECKING:
    from trainyard.client import Client
    from trainyard.records.trainings import Training

train = typer.Typer(no_args_is_help=True)
Which = Annotated[str, typer.Argument(help="Name or identifier of a training.")]


@train.command("list")
def list_trainings(search: str = "", json: Json = False) -> None:
    """Trainings you may see, the newest first."""
    with signed_in() as client:
        found = client.trainings(search=search, limit=MOST).items
    if json:
        return as_json(found)
    rows = [(one.id, one.name, one.job.state, one.job.owner.name, one.job.image, one.job.package) for one in found]
    return as_table(("id", "name", "state", "owner", "image", "package"), rows)


@train.command()
def submit(
    name: str,
    group: Annotated[str, typer.Option(help="The group that is charged.")],
    train_set: Annotated[str, typer.Option(help="A formatted set.")],
    package: Annotated[str, typer.Option(help="Resources, see `trainyard packages GROUP`.")],
    entry: Annotated[str, typer.Option(help="A program inside the image or the group share, with its arguments.")],
    image: str = "mxnet",
    val_set: str | None = None,
    test_set: str | None = None,
    parameters: Annotated[Path | None, typer.Option(help="A JSON file with hyper-parameters.")] = None,
    hours: float = 72,
    description: str = "",
    wait: Annotated[bool, typer.Option("--wait", help="Until it has ended; exit code 1 unless it finished.")] = False,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Show its output until it has ended.")] = False,
    json: Json = False,
) -> None:
    """Submit a training; --train-set and --val-set are identifiers of formatted sets (`trainyard batches list`)."""
    from trainyard.records.trainings import NewTraining

    wanted = NewTraining(
        name=name,
        description=description,
        group=group,
        train_set=train_set,
        val_set=val_set,
        test_set=test_set,
        image=image,
        package=package,
        entry=entry,
        parameters=_read(parameters),
        hours=hours,
    )
    with signed_in() as client:
        training = client.submit(wanted)
        if follow:
            _follow(client, training)
        if wait or follow:
            training = _ended(client, training)
        _show(training, json=json)
    if (wait or follow) and training.job.state != "finished":
        raise typer.Exit(1)


def _read(path: Path | None) -> dict[str, Any]:
    import json

    from trainyard.errors import Invalid
    from trainyard.words import N_

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


def _ended(client: Client, training: Training) -> Training:
    from trainyard.cli.steps import Steps
    from trainyard.jobs.states import ENDED
    from trainyard.words import N_

    steps = Steps(30 * 86_400, out=sys.stderr)
    with steps.step(N_("Train")) as step:

        def ask() -> Training | None:
            now = client.training(training.id)
            step.now(now.job.waiting.text if now.job.waiting else now.job.state)
            return now if now.job.state in ENDED else None

        done = steps.wait(ask)
        step.result = done.job.state
    return done


@train.command()
def show(training: Which) -> None:
    """One training with its instances, as JSON."""
    with signed_in() as client:
        as_json(client.training(find(client, "trainings", training)))


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
def delete(training: Which) -> None:
    """Delete an ended training."""
    with signed_in() as client:
        client.delete_training(find(client, "trainings", training))


@train.command()
def logs(training: Which, follow: Annotated[bool, typer.Option("-f", "--follow", help="Until it ends.")] = False) -> None:
    """The output of a training."""
    with signed_in() as client:
        found = client.training(find(client, "trainings", training))
        if follow:
            _follow(client, found)
            return
        position = 0
        while data := client.log(found.job.id, position)[0]:
            sys.stdout.buffer.write(data)
            position += len(data)


def _follow(client: Client, training: Training) -> None:
    """Write the output as it comes until the job has ended; the service closes the socket then."""
    from trainyard.cli.sockets import open_socket, received

    with open_socket(client, f"jobs/{training.job.id}/log/follow?offset=0") as socket:
        for data in received(socket):
            sys.stdout.buffer.write(data)
            sys.stdout.buffer.flush()


def _show(training: Training, *, json: bool) -> None:
    if json:
        return as_json(training)
    return typer.echo(f"{training.id} {training.name} {training.job.state}")
