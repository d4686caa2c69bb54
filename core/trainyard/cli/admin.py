"""``trainyard admin``: commands on the platform's own machine, done by the platform's programs there."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from typing import Annotated

import typer

from trainyard.errors import Unavailable
from trainyard.words import N_

admin = typer.Typer(no_args_is_help=True)


@admin.callback()
def main() -> None:
    """Only on the machine the platform runs on, as the user it runs as."""


@admin.command("move-database")
def move_database(
    url: Annotated[str, typer.Argument(help="The URL of an empty database for the service.")],
    hub: Annotated[str, typer.Option(help="One for the Hub; by default the same URL with _hub after the name.")] = "",
) -> None:
    """Copy the service's and the Hub's databases and compare the counts; stop the platform first."""
    if find_spec("trainyard_service") is None:
        sentence = N_("The platform is not installed here.")
        raise Unavailable("no-platform", sentence, hint=N_("Run this in the platform's own environment on its machine."))
    argv = [sys.executable, "-m", "trainyard_service", "move-database", url]
    raise typer.Exit(subprocess.run([*argv, *(["--hub-target", hub] if hub else [])], check=False).returncode)
