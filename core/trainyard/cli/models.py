"""``trainyard models``: list, download, upload and delete kept models."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from trainyard.cli.call import MOST, Json, find, receive_file, send_file, signed_in
from trainyard.cli.show import as_json, as_table, size

models = typer.Typer(no_args_is_help=True)
Which = Annotated[str, typer.Argument(help="Name or identifier of a model.")]


@models.command("list")
def list_models(search: str = "", json: Json = False) -> None:
    """Kept models, the newest first."""
    with signed_in() as client:
        found = client.models(search=search, limit=MOST).items
    if json:
        return as_json(found)
    rows = [(one.id, one.name, one.kind, one.epoch, size(one.size), one.owner.name) for one in found]
    return as_table(("id", "name", "kind", "epoch", "size", "owner"), rows)


@models.command()
def get(model: Which, target: Annotated[Path, typer.Argument(dir_okay=False)] = Path("model.tar.gz")) -> None:
    """Download a model; its checksum is compared."""
    from trainyard.cli.demo import must_be_whole

    with signed_in() as client:
        about = client.model(find(client, "models", model))
        receive_file(about.name, target, about.size, client.download_model(about.id, target))
    must_be_whole(target, about)
    typer.echo(target)


@models.command()
def put(
    file: Path,
    name: Annotated[str, typer.Option(help="Default: the file's name.")] = "",
    description: str = "",
    group: Annotated[str | None, typer.Option(help="Whose members may use it.")] = None,
    json: Json = False,
) -> None:
    """Keep a model of your own."""
    from trainyard.records.storage import UploadPurpose
    from trainyard.records.trainings import Model, NewModel

    with signed_in() as client:
        upload = send_file(client, file, UploadPurpose.MODEL)
        new = NewModel(name=name or file.name, description=description, upload=upload.id, group=group)
        model = client.one(Model, "POST", "models", json=new.model_dump(mode="json"))
    if json:
        return as_json(model)
    return typer.echo(model.id)


@models.command()
def delete(model: Which) -> None:
    """Delete a model."""
    with signed_in() as client:
        client.send("DELETE", f"models/{find(client, 'models', model)}")
