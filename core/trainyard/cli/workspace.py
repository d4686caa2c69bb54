"""``trainyard workspace``: start, stop and show the own workspace."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from trainyard.cli.call import Json, signed_in
from trainyard.cli.show import as_json, as_table

if TYPE_CHECKING:
    from trainyard.records.jobs import WorkspaceView

workspace = typer.Typer(no_args_is_help=True)


@workspace.command()
def show(json: Json = False) -> None:
    """Your workspace."""
    from trainyard.records.jobs import WorkspaceView

    with signed_in() as client:
        _show(client.one(WorkspaceView, "GET", "workspace"), json=json)


@workspace.command()
def start(
    group: Annotated[str | None, typer.Option(help="The group that is charged.")] = None,
    image: str = "",
    package: str = "",
    dataset: Annotated[list[str] | None, typer.Option(help="A formatted set to have inside; may be repeated.")] = None,
    json: Json = False,
) -> None:
    """Start it; what is not given is as the last time."""
    from trainyard.records.jobs import WorkspaceView

    options = {"group": group, "image": image, "package": package, "datasets": dataset or []}
    with signed_in() as client:
        _show(client.one(WorkspaceView, "POST", "workspace/start", json=options), json=json)


@workspace.command()
def stop(json: Json = False) -> None:
    """Stop it; files stay."""
    from trainyard.records.jobs import WorkspaceView

    with signed_in() as client:
        _show(client.one(WorkspaceView, "POST", "workspace/stop"), json=json)


def _show(view: WorkspaceView, *, json: bool) -> None:
    if json:
        return as_json(view)
    row = (view.state, view.group, view.image, view.package, view.ends, view.address)
    return as_table(("state", "group", "image", "package", "ends", "address"), [row])
