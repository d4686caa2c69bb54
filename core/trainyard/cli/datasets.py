"""``trainyard datasets``: make them of a labelled list, share, rename, copy, publish and delete them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trainyard.cli.call import MOST, Json, find, send_file, signed_in
from trainyard.cli.show import as_fields, as_json, as_table, done, say_aside, word
from trainyard.cli.storage import copied
from trainyard.cli.usage import WronglyUsed
from trainyard.words import N_

if TYPE_CHECKING:
    from trainyard.client import Client
    from trainyard.records.datasets import BucketSource, Dataset, ShareSource, UploadSource

datasets = typer.Typer(no_args_is_help=True)
Which = Annotated[str, typer.Argument(help="Name or identifier of a dataset.")]
GroupName = Annotated[str, typer.Argument(help="A group you are in.")]


@datasets.command("list")
def list_datasets(
    visibility: Annotated[str, typer.Option(help="mine, group or public; all by default.")] = "",
    search: Annotated[str, typer.Option(help="Words that are in the name.")] = "",
    json: Json = False,
) -> None:
    """Datasets you may use."""
    query = {"search": search, "limit": MOST, **({"visibility": visibility} if visibility else {})}
    with signed_in() as client:
        found = client.datasets(**query).items
    if json:
        return as_json(found)
    rows = [(one.id, one.name, one.state, one.images, one.owner.name, _shared_with(one)) for one in found]
    return as_table(("id", "name", "state", "pictures", "owner", "shared with"), rows)


@datasets.command()
def show(dataset: Which, json: Json = False) -> None:
    """One dataset with its formatted batches."""
    with signed_in() as client:
        found = client.dataset(find(client, "datasets", dataset))
    if json:
        return as_json(found)
    _show(found, json=False)
    rows = [
        (one.id, ", ".join(sorted({s.format for s in one.sets})), word(one.state), one.creator.name) for one in found.batches
    ]
    return as_table(("batch", "formats", "state", "by"), rows) if rows else None


@datasets.command()
def create(
    name: str,
    file: Annotated[Path | None, typer.Option(help="A list on this machine; it is uploaded.")] = None,
    pictures: Annotated[Path | None, typer.Option(help="An archive with the pictures that the list names.")] = None,
    bucket_key: Annotated[str, typer.Option(help="A list in your bucket.")] = "",
    share: Annotated[str, typer.Option(help="A list on a group's share, as GROUP:PATH.")] = "",
    description: Annotated[str, typer.Option(help="What it is.")] = "",
    wait: Annotated[bool, typer.Option(help="Until it is ready; Ctrl-C leaves it to itself.")] = True,
    json: Json = False,
) -> None:
    """Make a dataset of a labelled list."""
    from trainyard.records.datasets import NewDataset

    if sum(map(bool, (file, bucket_key, share))) != 1:
        raise WronglyUsed(N_("Give one of --file, --bucket-key and --share."))
    with signed_in() as client:
        source = _uploaded(client, file, pictures) if file else _lying(bucket_key, share)
        made = client.create_dataset(NewDataset(name=name, description=description, source=source))
        _show(_until_ready(client, made.id) if wait else made, json=json)


def _uploaded(client: Client, file: Path, pictures: Path | None) -> UploadSource:
    from trainyard.records.datasets import UploadSource
    from trainyard.records.storage import UploadPurpose

    archive = send_file(client, pictures, UploadPurpose.PICTURES).id if pictures else None
    return UploadSource(upload=send_file(client, file, UploadPurpose.LIST).id, pictures=archive)


def _lying(bucket_key: str, share: str) -> BucketSource | ShareSource:
    from trainyard.records.datasets import BucketSource, ShareSource

    if bucket_key:
        return BucketSource(key=bucket_key)
    group, colon, path = share.partition(":")
    if not colon:
        raise WronglyUsed(N_("Write --share as GROUP:PATH; {given} has no colon."), given=share)
    return ShareSource(group=group, path=path)


def _until_ready(client: Client, dataset: str) -> Dataset:
    from trainyard.cli.steps import Steps
    from trainyard.errors import Conflict
    from trainyard.records.datasets import DatasetState

    with Steps(86_400, out=sys.stderr).step(N_("Make the dataset")) as step:

        def ask() -> Dataset | None:
            now = client.dataset(dataset)
            step.progress(now.progress)
            return None if now.state is DatasetState.CREATING else now

        try:
            made = step.steps.wait(ask)
        except KeyboardInterrupt:
            say_aside(N_("It is made without you; `trainyard datasets wait {id}` waits for it again."), id=dataset)
            raise
        if made.state is DatasetState.FAILED:
            raise Conflict("dataset-failed", N_("The dataset {name} could not be made: {why}"), name=made.name, why=made.error)
        step.result = f"{made.images}"
    return made


@datasets.command()
def wait(dataset: Which, json: Json = False) -> None:
    """Wait until a dataset is ready."""
    with signed_in() as client:
        _show(_until_ready(client, find(client, "datasets", dataset)), json=json)


@datasets.command()
def rename(dataset: Which, name: Annotated[str, typer.Argument(help="Its new name.")], json: Json = False) -> None:
    """Give a dataset another name."""
    from trainyard.records.datasets import DatasetChange

    with signed_in() as client:
        _show(client.change_dataset(find(client, "datasets", dataset), DatasetChange(name=name)), json=json)


@datasets.command()
def describe(dataset: Which, text: Annotated[str, typer.Argument(help="What it is.")], json: Json = False) -> None:
    """Give a dataset another description."""
    from trainyard.records.datasets import DatasetChange

    with signed_in() as client:
        _show(client.change_dataset(find(client, "datasets", dataset), DatasetChange(description=text)), json=json)


@datasets.command()
def share(dataset: Which, group: GroupName, json: Json = False) -> None:
    """Let every member of a group use a dataset."""
    with signed_in() as client:
        _show(client.share_dataset(find(client, "datasets", dataset), group), json=json)


@datasets.command()
def unshare(dataset: Which, group: GroupName, json: Json = False) -> None:
    """Take a share back."""
    with signed_in() as client:
        _show(client.unshare_dataset(find(client, "datasets", dataset), group), json=json)


@datasets.command()
def publish(dataset: Which, json: Json = False) -> None:
    """Let everybody use a dataset (administrators)."""
    with signed_in() as client:
        _show(client.publish_dataset(find(client, "datasets", dataset)), json=json)


@datasets.command()
def unpublish(dataset: Which, json: Json = False) -> None:
    """Take a dataset back from everybody; its shares stay (administrators)."""
    with signed_in() as client:
        _show(client.unpublish_dataset(find(client, "datasets", dataset)), json=json)


@datasets.command()
def copy(dataset: Which, name: Annotated[str, typer.Argument(help="The copy's name.")], json: Json = False) -> None:
    """Make an independent dataset with the same content."""
    with signed_in() as client:
        _show(client.copy_dataset(find(client, "datasets", dataset), name), json=json)


@datasets.command()
def delete(dataset: Which, json: Json = False) -> None:
    """Delete a dataset nobody uses."""
    with signed_in() as client:
        identifier = find(client, "datasets", dataset)
        client.delete_dataset(identifier)
    done(N_("Deleted {deleted}."), json=json, deleted=identifier)


def _show(one: Dataset, *, json: bool) -> None:
    if json:
        return as_json(one)
    return as_fields(
        [
            ("id", one.id), ("name", one.name), ("description", one.description), ("state", one.state),
            ("pictures", one.images), ("objects", one.objects or None), ("owner", one.owner.name), ("source", one.source),
            ("shared with", _shared_with(one)), ("used by", ", ".join(one.used_by)), ("error", one.error),
            ("in bucket", copied(one.in_bucket)),
        ]
    )  # fmt: skip


def _shared_with(one: Dataset) -> str:
    return ", ".join(share.group or "*" for share in one.shares)
