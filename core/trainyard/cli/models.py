"""``trainyard models``: list, show, download, upload and delete kept models."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from trainyard.cli.call import MOST, Json, downloaded, find, receive_file, send_file, signed_in
from trainyard.cli.show import as_fields, as_json, as_table, done, say, size
from trainyard.cli.storage import copied
from trainyard.words import N_

models = typer.Typer(no_args_is_help=True)
Which = Annotated[str, typer.Argument(help="Name or identifier of a model.")]


@models.command("list")
def list_models(
    search: Annotated[str, typer.Option(help="Words that are in the name.")] = "",
    training: Annotated[str, typer.Option(help="Only those of this training.")] = "",
    json: Json = False,
) -> None:
    """Kept models, the newest first."""
    with signed_in() as client:
        query = {"training": find(client, "trainings", training)} if training else {}
        found = client.models(search=search, limit=MOST, **query).items
    if json:
        return as_json(found)
    rows = [(one.id, one.name, one.kind, one.epoch, size(one.size), one.owner.name) for one in found]
    return as_table(("id", "name", "kind", "epoch", "size", "owner"), rows)


@models.command()
def show(model: Which, json: Json = False) -> None:
    """One model and where it comes from."""
    with signed_in() as client:
        found = client.model(find(client, "models", model))
    if json:
        return as_json(found)
    metrics = ", ".join(f"{name} {value:.4g}" for name, value in found.metrics.items())
    return as_fields(
        [
            ("id", found.id), ("name", found.name), ("kind", found.kind), ("description", found.description),
            ("owner", found.owner.name), ("group", found.group), ("training", found.training_name), ("epoch", found.epoch),
            ("metrics", metrics), ("size", size(found.size)), ("sha256", found.sha256), ("created", found.created),
            ("used by", ", ".join(found.used_by)), ("in bucket", copied(found.in_bucket)),
        ]
    )  # fmt: skip


@models.command()
def get(
    model: Which,
    target: Annotated[Path, typer.Argument(dir_okay=False, help="The file to write.")] = Path("model.tar.gz"),
    json: Json = False,
) -> None:
    """Download a model; its checksum is compared."""
    from trainyard.cli.demo import must_be_whole

    with signed_in() as client:
        about = client.model(find(client, "models", model))
        receive_file(about.name, about.size, client.download_model(about.id, target))
    must_be_whole(target, about)
    downloaded(target, json=json, bytes=about.size, sha256=about.sha256)


@models.command()
def put(
    file: Annotated[Path, typer.Argument(help="A file on this machine.")],
    name: Annotated[str, typer.Option(help="Default: the file's name.")] = "",
    description: Annotated[str, typer.Option(help="What it is.")] = "",
    group: Annotated[str | None, typer.Option(help="Whose members may use it.")] = None,
    json: Json = False,
) -> None:
    """Keep a model of your own."""
    from trainyard.records.storage import UploadPurpose
    from trainyard.records.trainings import NewModel

    with signed_in() as client:
        upload = send_file(client, file, UploadPurpose.MODEL)
        model = client.create_model(NewModel(name=name or file.name, description=description, upload=upload.id, group=group))
    if json:
        return as_json(model)
    return say(N_("Kept {name} as {id}."), name=model.name, id=model.id)


@models.command()
def delete(model: Which, json: Json = False) -> None:
    """Delete a model."""
    with signed_in() as client:
        identifier = find(client, "models", model)
        client.delete_model(identifier)
    done(N_("Deleted {deleted}."), json=json, deleted=identifier)
