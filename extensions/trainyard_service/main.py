"""The service's command line: serve (default) and the administrator's commands on the machine itself."""

from __future__ import annotations

import gc
import os
from pathlib import Path
from typing import Annotated

import typer
import uvicorn
from trainyard.errors import UserError

from trainyard_service.app import create_app, create_context
from trainyard_service.bootstrap import bootstrap as make_administrator
from trainyard_service.database.engine import Database
from trainyard_service.database.move import beside, move, move_ours, refuse_while_running
from trainyard_service.observe import configure_logs
from trainyard_service.server import Server
from trainyard_service.settings import Settings
from trainyard_service.storage.keyring import Keyring, rotate

command = typer.Typer(add_completion=False, pretty_exceptions_enable=False, help="The Trainyard service.")
_GRACE_SECONDS = 5


@command.callback(invoke_without_command=True)
def default(called: typer.Context) -> None:
    """Serve when no other command is named."""
    if called.invoked_subcommand is None:
        serve()


@command.command()
def serve() -> None:
    """Listen on loopback until SIGTERM; what is under way gets five seconds."""
    settings = Settings()
    configure_logs(settings.log_level)
    context = create_context(settings)
    app = create_app(context)
    gc.freeze()  # routes and tables stay: a search for garbage among them takes 40 ms
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=_GRACE_SECONDS,
        ws_max_size=1 << 20,
    )
    try:
        Server(config).run()
    finally:
        context.database.close()


@command.command()
def bootstrap(
    password_file: Annotated[Path, typer.Option(help="A file with the first administrator's password.")],
    name: Annotated[str, typer.Option(help="The first administrator's name.")] = "admin",
) -> None:
    """Make the first administrator if there is none; prints the Hub's name of the oldest administrator."""
    try:
        typer.echo(f"u{make_administrator(Settings(), name, password_file)}")
    except UserError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from error


@command.command()
def move_database(
    target: Annotated[str, typer.Argument(help="The URL of an empty database for the service.")],
    hub_target: Annotated[str, typer.Option(help="One for the Hub; by default the same URL with _hub after the name.")] = "",
) -> None:
    """Copy the service's and the Hub's databases to other ones and compare the counts; stop the platform first."""
    settings = Settings()
    hub_file = settings.places.hub / "jupyterhub.sqlite"
    hub_source = os.environ.get("TRAINYARD_HUB_DATABASE_URL") or (f"sqlite:///{hub_file}" if hub_file.exists() else "")
    hub_target = hub_target or beside(target, "_hub")
    try:
        refuse_while_running(settings.places)
        counts = move_ours(settings.database, target)
        if hub_source:
            counts |= {f"hub {table}": rows for table, rows in move(hub_source, hub_target).items()}
    except UserError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from error
    for table, count in counts.items():
        typer.echo(f"{table}: {count} rows")
    typer.echo(
        "Every table has as many rows as before. Set TRAINYARD_SERVICE_DATABASE_URL and TRAINYARD_HUB_DATABASE_URL and start."
    )


@command.command()
def rotate_storage_key() -> None:
    """Encrypt the keys of every bound storage space with a new key."""
    settings = Settings()
    database = Database(settings.database)
    typer.echo(f"{rotate(database, Keyring(settings.storage_key))} storage spaces encrypted with a new key")
    database.close()


def main() -> None:
    """Run the command."""
    command()
