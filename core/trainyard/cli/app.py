"""The commands; heavy libraries are imported when a command runs, so that help and completion are quick."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Annotated

import typer

from trainyard.cli.show import as_json, as_table

app = typer.Typer(name="trainyard", no_args_is_help=True, pretty_exceptions_enable=False, help="Train models on Trainyard.")
train = typer.Typer(no_args_is_help=True, help="Trainings.")
datasets = typer.Typer(no_args_is_help=True, help="Datasets.")
models = typer.Typer(no_args_is_help=True, help="Kept models.")
app.add_typer(train, name="train")
app.add_typer(datasets, name="datasets")
app.add_typer(models, name="models")

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
def login(address: str) -> None:
    """Keep an access token (asked for, or read from standard input) for the platform at ADDRESS."""
    from trainyard.client import Client
    from trainyard.connection import Connection, remember

    token = typer.prompt("Access token", hide_input=True) if sys.stdin.isatty() else sys.stdin.readline().strip()
    connection = Connection(address, token)
    with Client(connection) as client:
        me = client.me()
    typer.echo(f"Signed in as {me.name}; kept in {remember(connection)}.")


@app.command()
def whoami(json: Json = False) -> None:
    """Who you are, and in which groups."""
    from trainyard.client import Client

    with Client() as client:
        me = client.me()
    if json:
        return as_json(me)
    role = "administrator" if me.administrator else "user"
    return typer.echo(f"{me.name} ({role}), groups: {', '.join(group.name for group in me.groups) or 'none'}")


@app.command()
def demo(
    dataset: Annotated[str, typer.Option(help="A public dataset.")] = "digits",
    group: Annotated[str, typer.Option(help="The group that is charged; made if there is none.")] = "demo",
    minutes: Annotated[float, typer.Option(min=0.1, help="Give up after so many minutes.")] = 30.0,
    keep: Annotated[Path | None, typer.Option(dir_okay=False, help="Keep the model as this file.")] = None,
    json: Json = False,
) -> None:
    """The whole chain on this machine's platform: format, train, read the accuracy, download the model."""
    from trainyard.cli.demo import Wishes
    from trainyard.cli.demo import demo as run

    run(Wishes(dataset=dataset, group=group, minutes=minutes, target=keep, json=json))


@datasets.command("list")
def list_datasets(visibility: str = "mine", search: str = "", json: Json = False) -> None:
    """Datasets you may use."""
    from trainyard.client import Client

    with Client() as client:
        found = client.datasets(visibility=visibility, search=search).items
    if json:
        return as_json(found)
    return as_table(("id", "name", "state", "pictures"), [(one.id, one.name, one.state, one.images) for one in found])


@datasets.command("show")
def show_dataset(dataset: str) -> None:
    """One dataset with its formatted batches, as JSON."""
    from trainyard.client import Client

    with Client() as client:
        as_json(client.dataset(dataset))


@train.command("list")
def list_trainings(search: str = "", json: Json = False) -> None:
    """Your trainings."""
    from trainyard.client import Client

    with Client() as client:
        found = client.trainings(search=search).items
    if json:
        return as_json(found)
    return as_table(("id", "name", "state", "image"), [(one.id, one.name, one.job.state, one.job.image) for one in found])


@train.command()
def stop(training: str) -> None:
    """Ask a training to end; it may save first."""
    from trainyard.client import Client

    with Client() as client:
        typer.echo(client.stop_training(training).job.state)


@train.command()
def start(training: str) -> None:
    """Start an ended training again with the same configuration."""
    from trainyard.client import Client

    with Client() as client:
        typer.echo(client.start_training(training).job.state)


@train.command()
def delete(training: str) -> None:
    """Delete an ended training."""
    from trainyard.client import Client

    with Client() as client:
        client.delete_training(training)


@train.command()
def logs(training: str, follow: Annotated[bool, typer.Option("-f", "--follow", help="Until it ends.")] = False) -> None:
    """The output of a training."""
    from trainyard.client import Client
    from trainyard.jobs.states import ENDED

    position = 0
    with Client() as client:
        while True:
            job = client.training(training).job
            while data := client.log(job.id, position)[0]:
                sys.stdout.buffer.write(data)
                position += len(data)
            sys.stdout.flush()
            if not follow or job.state in ENDED:
                return
            time.sleep(1)


@models.command("list")
def list_models(search: str = "", json: Json = False) -> None:
    """Kept models."""
    from trainyard.client import Client

    with Client() as client:
        found = client.models(search=search).items
    if json:
        return as_json(found)
    return as_table(("id", "name", "epoch", "bytes"), [(one.id, one.name, one.epoch, one.size) for one in found])


@models.command("get")
def get_model(model: str, target: Annotated[Path, typer.Argument(dir_okay=False)] = Path("model.tar.gz")) -> None:
    """Download a model; its checksum is compared."""
    from rich.progress import Progress

    from trainyard.cli.demo import must_be_whole
    from trainyard.client import Client

    with Client() as client, Progress() as progress:
        about = client.model(model)
        task = progress.add_task(about.name, total=about.size)
        for done in client.download_model(model, target):
            progress.update(task, completed=done)
    must_be_whole(target, about)
    typer.echo(target)
