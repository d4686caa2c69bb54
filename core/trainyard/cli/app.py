"""The commands; heavy libraries are imported when a command runs, so that help and completion are quick."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from trainyard import __version__
from trainyard.cli import account, contents, fetching, machine, metrics, monitoring, training_life
from trainyard.cli.admin import admin
from trainyard.cli.call import Json, find, signed_in
from trainyard.cli.datasets import datasets
from trainyard.cli.formatting import batches, format_dataset
from trainyard.cli.graph import graph
from trainyard.cli.groups import groups
from trainyard.cli.jobs import jobs
from trainyard.cli.kubernetes import kubernetes
from trainyard.cli.models import models
from trainyard.cli.parameter_sets import parameters
from trainyard.cli.people import accounts
from trainyard.cli.resources import clusters, package
from trainyard.cli.searching import search
from trainyard.cli.storage import bucket, storage
from trainyard.cli.tokens import tokens
from trainyard.cli.training import train
from trainyard.cli.workspace import workspace

app = typer.Typer(name="trainyard", no_args_is_help=True, pretty_exceptions_enable=False)
app.command()(account.apply)
app.command()(account.login)
app.command()(account.logout)
app.command()(account.whoami)
app.command()(account.password)
app.command("language")(account.change_language)
app.add_typer(tokens, name="tokens", help="Personal access tokens.")
app.add_typer(storage, name="storage", help="Your bound storage space.")
app.add_typer(bucket, name="bucket", help="What is in your bucket.")
app.add_typer(workspace, name="workspace", help="Your workspace.")
datasets.command()(fetching.fetch)
datasets.command()(fetching.failures)
app.add_typer(datasets, name="datasets", help="Datasets.")
app.command("format")(format_dataset)
app.add_typer(batches, name="batches", help="Formatted batches and sets.")
app.add_typer(graph, name="graph", help="Preprocessing graphs.")
app.add_typer(train, name="train", help="Trainings.")
app.add_typer(search, name="search", help="Searches for hyper-parameters.")
app.add_typer(parameters, name="parameters", help="Hyper-parameters that are kept.")
app.add_typer(models, name="models", help="Kept models.")
app.add_typer(jobs, name="jobs", help="Everything that takes long.")
for command_ in (machine.images, machine.packages, machine.usage, machine.disk, machine.notices, machine.doctor):
    app.command()(command_)
app.add_typer(accounts, name="accounts", help="People (administrators).")
app.add_typer(package, name="package", help="Resource packages (administrators).")
app.add_typer(clusters, name="clusters", help="Virtual clusters.")
app.add_typer(groups, name="groups", help="Groups and quotas.")
app.command()(machine.audit)
app.command()(machine.findings)
app.add_typer(admin, name="admin", help="The platform itself (administrators).")
app.add_typer(kubernetes, name="kubernetes", help="The platform on a cluster.")
PARTS = (contents, metrics, monitoring, training_life)  # they add to groups of commands above


def command() -> Any:
    """The whole command, in the terminal's language."""
    from trainyard.cli.show import language
    from trainyard.cli.translation import translated

    return translated(typer.main.get_command(app), language())


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"trainyard {__version__}")
        raise typer.Exit


@app.callback()
def trainyard(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and end.")
    ] = False,
) -> None:
    """Train models on Trainyard."""


@app.command()
def demo(
    dataset: Annotated[str, typer.Option(help="A public dataset.")] = "digits",
    group: Annotated[str, typer.Option(help="The group that is charged; made if there is none.")] = "demo",
    image: Annotated[str, typer.Option(help="See `trainyard images`.")] = "mxnet",
    entry: Annotated[str, typer.Option(help="A program with its arguments; the image's example by default.")] = "",
    minutes: Annotated[float, typer.Option(min=0.1, help="Give up after so many minutes.")] = 30.0,
    keep: Annotated[Path | None, typer.Option(dir_okay=False, help="Keep the model as this file.")] = None,
    json: Json = False,
) -> None:
    """The whole chain on this machine's platform: format, train, read the accuracy, download the model."""
    from trainyard.cli.demo import Wishes
    from trainyard.cli.demo import demo as run

    run(Wishes(dataset=dataset, group=group, image=image, entry=entry, minutes=minutes, target=keep, json=json))


@app.command()
def console(
    training: Annotated[str, typer.Argument(help="Name or identifier of a running training.")],
    argv: Annotated[list[str] | None, typer.Argument(help="A program instead of a shell, after --.")] = None,
) -> None:
    """A terminal inside a running training."""
    from trainyard.cli.console import console as join

    with signed_in() as client:
        join(client, client.training(find(client, "trainings", training)).job.id, argv or [])
