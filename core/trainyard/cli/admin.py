"""``trainyard admin``: what only administrators do to the platform itself, some of it on its own machine."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from typing import Annotated

import typer

from trainyard.cli.call import Json, signed_in
from trainyard.cli.show import as_json
from trainyard.errors import Unavailable
from trainyard.words import N_

admin = typer.Typer(no_args_is_help=True)


@admin.callback()
def main() -> None:
    """For administrators: the platform's database, and whom it may reach."""


@admin.command("move-database")
def move_database(
    url: Annotated[str, typer.Argument(help="The URL of an empty database for the service.")],
    hub: Annotated[str, typer.Option(help="One for the Hub; by default the same URL with _hub after the name.")] = "",
) -> None:
    """On the platform's own machine: copy the service's and the Hub's databases and compare; stop the platform first."""
    if find_spec("trainyard_service") is None:
        sentence = N_("The platform is not installed here.")
        raise Unavailable("no-platform", sentence, hint=N_("Run this in the platform's own environment on its machine."))
    argv = [sys.executable, "-m", "trainyard_service", "move-database", url]
    raise typer.Exit(subprocess.run([*argv, *(["--hub-target", hub] if hub else [])], check=False).returncode)


@admin.command("allowed-hosts")
def allowed_hosts(
    allow: Annotated[
        list[str] | None, typer.Option("--allow", help="A name, an address or a network; may be repeated.")
    ] = None,
    forbid: Annotated[list[str] | None, typer.Option("--forbid", help="One that is allowed now; may be repeated.")] = None,
    json: Json = False,
) -> None:
    """Hosts of the private network on which people's pictures and buckets may lie; without options, those there are."""
    with signed_in() as client:
        hosts = client.allowed_hosts()
        if allow or forbid:
            gone = {one.strip().lower() for one in forbid or ()}
            hosts = client.set_allowed_hosts([*(one for one in hosts if one not in gone), *(allow or ())], hosts)
    if json:
        return as_json({"hosts": hosts})
    for host in hosts:
        typer.echo(host)
    return None
