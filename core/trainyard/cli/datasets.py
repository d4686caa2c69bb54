"""``trainyard datasets``: make them of a labelled list, look into them, share, copy and delete them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trainyard.cli.call import MOST, Json, find, segment, send_file, signed_in
from trainyard.cli.show import as_json, as_table
from trainyard.words import N_

if TYPE_CHECKING:
    from trainyard.client import Client
    from trainyard.records.datasets import BucketSource, Dataset, ShareSource, UploadSource

datasets = typer.Typer(no_args_is_help=True)
Which = Annotated[str, typer.Argument(help="Name or identifier of a dataset.")]


@datasets.command("list")
def list_datasets(
    visibility: Annotated[str, typer.Option(help="mine, group or public; all by default.")] = "",
    search: str = "",
    json: Json = False,
) -> None:
    """Datasets you may use."""
    query = {"search": search, "limit": MOST, **({"visibility": visibility} if visibility else {})}
    with signed_in() as client:
        _show(client.datasets(**query).items, json=json)


@datasets.command()
def show(dataset: Which) -> None:
    """One dataset with its formatted batches, as JSON."""
    with signed_in() as client:
        as_json(client.dataset(find(client, "datasets", dataset)))


@datasets.command()
def create(
    name: str,
    file: Annotated[Path | None, typer.Option(help="A list on this machine; it is uploaded.")] = None,
    pictures: Annotated[Path | None, typer.Option(help="An archive with the pictures that the list names.")] = None,
    bucket_key: Annotated[str, typer.Option(help="A list in your bucket.")] = "",
    share: Annotated[str, typer.Option(help="A list on a group's share, as GROUP:PATH.")] = "",
    description: str = "",
    wait: Annotated[bool, typer.Option(help="Until it is ready.")] = True,
    json: Json = False,
) -> None:
    """Make a dataset of a labelled list."""
    from trainyard.records.datasets import Dataset, NewDataset

    if sum(map(bool, (file, bucket_key, share))) != 1:
        raise typer.BadParameter("give one of --file, --bucket-key and --share")
    with signed_in() as client:
        source = _uploaded(client, file, pictures) if file else _lying(bucket_key, share)
        new = NewDataset(name=name, description=description, source=source)
        made = client.one(Dataset, "POST", "datasets", json=new.model_dump(mode="json"))
        _show([_until_ready(client, made.id) if wait else made], json=json)


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
        raise typer.BadParameter("write --share as GROUP:PATH")
    return ShareSource(group=group, path=path)


def _until_ready(client: Client, dataset: str) -> Dataset:
    from trainyard.cli.steps import Steps
    from trainyard.errors import Conflict
    from trainyard.records.datasets import DatasetState

    steps = Steps(86_400, out=sys.stderr)

    with steps.step(N_("Make the dataset")) as step:

        def ask() -> Dataset | None:
            now = client.dataset(dataset)
            step.progress(now.progress)
            return None if now.state is DatasetState.CREATING else now

        done = steps.wait(ask)
        if done.state is DatasetState.FAILED:
            raise Conflict("dataset-failed", N_("The dataset {name} could not be made: {why}"), name=done.name, why=done.error)
    return done


@datasets.command()
def stats(dataset: Which, json: Json = False) -> None:
    """Pictures and objects of each class, and the lines that break a rule."""
    with signed_in() as client:
        found = client.dataset(find(client, "datasets", dataset))
    if json or found.statistics is None:
        return as_json(found.statistics or {})
    as_table(
        ("label set", "class", "pictures"),
        [(one.name, name, count) for one in found.statistics.label_sets for name, count in one.classes.items()],
    )
    if found.statistics.problems:
        rows = [(one.line, one.column, one.field, one.reason) for one in found.statistics.problems]
        as_table(("line", "column", "field", "problem"), rows)
    return None


@datasets.command()
def samples(dataset: Which, offset: int = 0, limit: int = 20, json: Json = False) -> None:
    """Lines of the list."""
    from trainyard.records.base import Page
    from trainyard.records.datasets import SampleView

    with signed_in() as client:
        path = f"datasets/{find(client, 'datasets', dataset)}/samples"
        found = client.one(Page[SampleView], "GET", path, params={"offset": offset, "limit": limit}).items
    if json:
        return as_json(found)
    return as_table(("line", "url", "labels"), [(one.line, one.url, one.labels) for one in found])


@datasets.command()
def share(dataset: Which, group: str, json: Json = False) -> None:
    """Let every member of a group use a dataset."""
    _change(dataset, "PUT", f"shares/{segment(group)}", None, json=json)


@datasets.command()
def unshare(dataset: Which, group: str, json: Json = False) -> None:
    """Take a share back."""
    _change(dataset, "DELETE", f"shares/{segment(group)}", None, json=json)


@datasets.command()
def copy(dataset: Which, name: str, json: Json = False) -> None:
    """Make an independent dataset with the same content."""
    _change(dataset, "POST", "copy", {"name": name}, json=json)


@datasets.command()
def delete(dataset: Which) -> None:
    """Delete a dataset nobody uses."""
    with signed_in() as client:
        client.send("DELETE", f"datasets/{find(client, 'datasets', dataset)}")


def _change(dataset: str, method: str, path: str, body: dict[str, Any] | None, *, json: bool) -> None:
    from trainyard.records.datasets import Dataset

    with signed_in() as client:
        identifier = find(client, "datasets", dataset)
        request = {"json": body} if body is not None else {}
        _show([client.one(Dataset, method, f"datasets/{identifier}/{path}", **request)], json=json)


def _show(found: list[Dataset], *, json: bool) -> None:
    if json:
        return as_json(found)
    return as_table(
        ("id", "name", "state", "pictures", "owner", "shared with"),
        [
            (one.id, one.name, one.state, one.images, one.owner.name, ", ".join(to.group or "*" for to in one.shares))
            for one in found
        ],
    )
