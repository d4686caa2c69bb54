"""``trainyard workspace``: start, stop, renew and show the own workspace."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from trainyard.cli.call import Json, signed_in
from trainyard.cli.jobs import ending_rows, last_lines
from trainyard.cli.show import as_fields, as_json, word
from trainyard.words import N_

if TYPE_CHECKING:
    from trainyard.client import Client
    from trainyard.records.jobs import WorkspaceView

workspace = typer.Typer(no_args_is_help=True)
Wait = Annotated[bool, typer.Option("--wait", help="Until it has happened.")]
Minutes = Annotated[float, typer.Option(min=0.1, help="Wait no longer than so many minutes.")]


@workspace.command("status")
@workspace.command("show", hidden=True)
def status(json: Json = False) -> None:
    """Your workspace: its state, its end, its address."""
    with signed_in() as client:
        _show(client, client.workspace(), json=json)


@workspace.command()
def start(
    group: Annotated[str | None, typer.Option(help="The group that is charged.")] = None,
    image: Annotated[str, typer.Option(help="See `trainyard images`.")] = "",
    package: Annotated[str, typer.Option(help="Resources, see `trainyard packages GROUP`.")] = "",
    dataset: Annotated[list[str] | None, typer.Option(help="A formatted set to have inside; may be repeated.")] = None,
    wait: Wait = False,
    minutes: Minutes = 5.0,
    json: Json = False,
) -> None:
    """Start it; what is not given is as the last time."""
    with signed_in() as client:
        view = client.start_workspace(group, image, package, dataset or ())
        _show(client, _until(client, "running", minutes) if wait else view, json=json)


@workspace.command()
def stop(wait: Wait = False, minutes: Minutes = 5.0, json: Json = False) -> None:
    """Stop it; files stay."""
    with signed_in() as client:
        view = client.stop_workspace()
        _show(client, _until(client, "stopped", minutes) if wait else view, json=json)


@workspace.command()
def renew(json: Json = False) -> None:
    """Begin its time limit anew."""
    with signed_in() as client:
        _show(client, client.renew_workspace(), json=json)


def _until(client: Client, state: str, minutes: float) -> WorkspaceView:
    """The workspace once it is in ``state``.

    Raises:
        Conflict: it stopped instead; the sentence says why.
    """
    from trainyard.cli.steps import Steps
    from trainyard.errors import Conflict

    with Steps(minutes * 60, out=sys.stderr).step(N_("Wait for the workspace")) as step:

        def ask() -> WorkspaceView | None:
            now = client.workspace()
            step.now(now.waiting or word(now.state))
            if now.state == "stopped" != state:
                why = now.ending.text if now.ending else ""
                raise Conflict("workspace-ended", N_("The workspace did not start. {why}"), why=why)
            return now if now.state == state else None

        found = step.steps.wait(ask)
        step.result = word(found.state)
    return found


def _show(client: Client, view: WorkspaceView, *, json: bool) -> None:
    if json:
        return as_json(view)
    address = client.root + view.address if view.address.startswith("/") else view.address
    as_fields(
        [
            ("state", word(view.state)), ("waits for", view.waiting or None),
            ("group", view.group), ("image", view.image), ("package", view.package),
            ("started", view.started), ("ends", view.ends), ("address", address),
            ("sets", ", ".join(view.datasets)), *ending_rows(view.ending),
        ]
    )  # fmt: skip
    if view.ending and view.ending.error_class:
        typer.echo("\n" + last_lines(view.ending))
    return None
