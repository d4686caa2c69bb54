"""The commands; heavy libraries are imported when a command runs, so that help and completion are quick."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from trainyard.cli import machine
from trainyard.cli.admin import admin
from trainyard.cli.call import Json, find, signed_in
from trainyard.cli.datasets import datasets
from trainyard.cli.formatting import batches, format_dataset
from trainyard.cli.models import models
from trainyard.cli.people import accounts, groups
from trainyard.cli.show import as_json, say
from trainyard.cli.storage import bucket, storage
from trainyard.cli.tokens import tokens
from trainyard.cli.training import train
from trainyard.cli.workspace import workspace
from trainyard.words import N_

app = typer.Typer(name="trainyard", no_args_is_help=True, pretty_exceptions_enable=False, help="Train models on Trainyard.")
app.add_typer(datasets, name="datasets", help="Datasets.")
app.command("format")(format_dataset)
app.add_typer(batches, name="batches", help="Formatted batches and sets.")
app.add_typer(train, name="train", help="Trainings.")
app.add_typer(models, name="models", help="Kept models.")
app.add_typer(workspace, name="workspace", help="Your workspace.")
app.add_typer(storage, name="storage", help="Your bound storage space.")
app.add_typer(bucket, name="bucket", help="What is in your bucket.")
app.add_typer(tokens, name="tokens", help="Personal access tokens.")
app.add_typer(admin, name="admin", help="On the platform's own machine.")
app.add_typer(accounts, name="accounts", help="People (administrators).")
app.add_typer(groups, name="groups", help="Groups and quotas.")
for command in (machine.images, machine.packages, machine.usage, machine.audit, machine.notices, machine.doctor):
    app.command()(command)


@app.command()
def login(address: str) -> None:
    """Keep an access token (asked for, or read from standard input) for the platform at ADDRESS."""
    from trainyard.cli.show import language
    from trainyard.client import Client
    from trainyard.connection import Connection, remember

    token = typer.prompt("Access token", hide_input=True) if sys.stdin.isatty() else sys.stdin.readline().strip()
    connection = Connection(address, token)
    with Client(connection, language()) as client:
        me = client.me()
    say(N_("Signed in as {name}; kept in {file}."), name=me.name, file=str(remember(connection)))


@app.command()
def apply(address: str, name: str, email: str = "", affiliation: str = "", reason: str = "") -> None:
    """Apply for an account at ADDRESS; the password is asked for, or read from standard input."""
    from trainyard.cli.apply import apply as send
    from trainyard.cli.show import language
    from trainyard.records.accounts import Application

    asked = sys.stdin.isatty()
    secret = typer.prompt("Password", hide_input=True, confirmation_prompt=True) if asked else sys.stdin.readline().rstrip("\n")
    about = {"email": email, "affiliation": affiliation, "reason": reason, "language": language()}
    send(address, Application(name=name, password=secret, **about))
    say(N_("Applied as {name}. An administrator decides; then you can sign in."), name=name)


@app.command()
def whoami(json: Json = False) -> None:
    """Who you are, and in which groups."""
    with signed_in() as client:
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


@app.command()
def console(
    training: Annotated[str, typer.Argument(help="Name or identifier of a running training.")],
    argv: Annotated[list[str] | None, typer.Argument(help="A program instead of a shell, after --.")] = None,
) -> None:
    """A terminal inside a running training."""
    from trainyard.cli.console import console as join

    with signed_in() as client:
        join(client, client.training(find(client, "trainings", training)).job.id, argv or [])
