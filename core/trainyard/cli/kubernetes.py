"""``trainyard kubernetes …``: the platform itself on a cluster. The work is the hub room's, reached by its name."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Annotated, Any

import typer

from trainyard.cli.show import word
from trainyard.words import N_

DEPLOYMENT = "trainyard_hub.kubernetes.main"
kubernetes = typer.Typer(no_args_is_help=True)
File = Annotated[Path, typer.Argument(dir_okay=False, help="The deployment's file.")]
Kubeconfig = Annotated[Path | None, typer.Option(dir_okay=False, help="The cluster's kubeconfig; KUBECONFIG by default.")]
Context = Annotated[str | None, typer.Option(help="Another context of the kubeconfig than its current one.")]
USUAL = Path("deployment.yaml")


@kubernetes.command()
def example() -> None:
    """Print a deployment's file to begin with."""
    typer.echo(_room().example(), nl=False)


@kubernetes.command()
def render(
    file: File = USUAL,
    helm: Annotated[Path | None, typer.Option(file_okay=False, help="Write a chart for Helm into this folder instead.")] = None,
) -> None:
    """Print every object of the platform, secrets left out."""
    room = _room()
    if helm is None:
        typer.echo(room.render(file), nl=False)
        return
    written, linted = room.write_chart(file, helm)
    typer.echo(word(N_("{count} files are in {folder}.")).format(count=len(written), folder=helm))
    typer.echo(linted or word(N_("helm is not on this machine, so the chart was not checked by it.")))


@kubernetes.command()
def apply(
    file: File = USUAL,
    force: Annotated[bool, typer.Option("--force", help="Overwrite what other tools changed.")] = False,
    kubeconfig: Kubeconfig = None,
    context: Context = None,
) -> None:
    """Bring the platform onto the cluster, or change what differs; secrets are made once."""
    room = _room()
    _count(room.apply(room.Where(file, kubeconfig, context), _tell, force=force))


@kubernetes.command()
def diff(file: File = USUAL, kubeconfig: Kubeconfig = None, context: Context = None) -> None:
    """Print what apply would change; the exit status is 1 when that is anything."""
    room = _room()
    found = room.diff(room.Where(file, kubeconfig, context))
    typer.echo(found, nl=False)
    raise typer.Exit(int(bool(found)))


@kubernetes.command()
def delete(
    file: File = USUAL,
    with_data: Annotated[bool, typer.Option("--with-data", help="Volumes and secrets too: all files are lost.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    kubeconfig: Kubeconfig = None,
    context: Context = None,
) -> None:
    """Take the platform off the cluster; volumes and secrets stay."""
    room = _room()
    question = N_("Delete the platform and everybody's files?") if with_data else N_("Delete the platform? Volumes stay.")
    if not yes:
        typer.confirm(word(question), abort=True)
    _count(room.delete(room.Where(file, kubeconfig, context), _tell, with_data=with_data))


def _room() -> Any:
    """The hub room's module.

    Raises:
        NotFound: this installation has no hub room (``no-deployment-room``).
    """
    from trainyard.errors import NotFound

    try:
        return importlib.import_module(DEPLOYMENT)
    except ModuleNotFoundError as error:
        if error.name is None or not DEPLOYMENT.startswith(error.name):
            raise
        raise NotFound(
            "no-deployment-room",
            N_("This installation cannot deploy: the room trainyard_hub is missing."),
            hint=N_("Run it in the clone that `make run` uses, or install `trainyard[hub]`."),
        ) from None


def _tell(change: Any) -> None:
    inside = f" ({change.namespace})" if change.namespace else ""
    typer.echo(f"{word(change.action):12} {change.kind} {change.name}{inside}")


def _count(counts: dict[str, int]) -> None:
    typer.echo(", ".join(f"{count} {word(action)}" for action, count in sorted(counts.items())))
