"""``trainyard datasets``: make them of a labelled list, share, rename, copy, publish and delete them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trainyard.cli.call import MOST, Json, find, signed_in
from trainyard.cli.show import as_fields, as_json, as_table, done, say_aside, word
from trainyard.cli.storage import copied
from trainyard.words import N_

if TYPE_CHECKING:
    from trainyard.client import Client
    from trainyard.records.datasets import Dataset, DatasetDetail

datasets = typer.Typer(no_args_is_help=True)
Which = Annotated[str, typer.Argument(help="Name or identifier of a dataset.")]
_PLACE = "a file here, bucket:KEY, or share:GROUP:PATH."
_LAYOUTS = ("auto", "pictures", "class-folders", "voc", "coco", "yolo", "cifar10", "modelarts")
_LEFT_OUT_LINES = N_("{count} left out, the first in line {line}: {reason}. `trainyard datasets stats {id}` shows more.")
_LEFT_OUT = N_("{count} left out, the first: {reason}. `trainyard datasets stats {id}` shows more.")
GroupName = Annotated[str, typer.Argument(help="A group you are in.")]


@datasets.command("list")
def list_datasets(
    visibility: Annotated[str, typer.Option(help="mine, group or public; all by default.")] = "",
    search: Annotated[str, typer.Option(help="Words in name, description, label sets or classes.")] = "",
    sort: Annotated[str, typer.Option(help="A column such as name, images or disk; -name turns it round.")] = "-created",
    offset: Annotated[int, typer.Option(min=0, help="Begin after so many.")] = 0,
    limit: Annotated[int, typer.Option(min=1, max=MOST, help="At most so many.")] = MOST,
    json: Json = False,
) -> None:
    """Datasets you may use."""
    query = {"search": search, "sort": sort, "offset": offset, "limit": limit}
    query |= {"visibility": visibility} if visibility else {}
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
    show_dataset(found, json=False)
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
    archive: Annotated[str, typer.Option(help=f"A zip or tar of pictures with their labels; {_PLACE}")] = "",
    layout: Annotated[str, typer.Option(help=f"How the archive is laid out: {', '.join(_LAYOUTS)}.")] = "auto",
    label_set: Annotated[str, typer.Option(help="What the archive's label set is called.")] = "",
    prefix: Annotated[str, typer.Option(help="Everything below bucket:PREFIX or share:GROUP:FOLDER, unlabelled.")] = "",
    data: Annotated[str, typer.Option(help=f"A set that is formatted already; {_PLACE}")] = "",
    index: Annotated[str, typer.Option(help=f"The index of --data (.idx); {_PLACE}")] = "",
    labels: Annotated[str, typer.Option(help=f"The labels.csv of --data; {_PLACE}")] = "",
    format: Annotated[str, typer.Option(help="What --data is: recordio or lmdb.")] = "",
    split: Annotated[str, typer.Option(help="What --data is used as: train, val or test.")] = "train",
    description: Annotated[str, typer.Option(help="What it is.")] = "",
    group: Annotated[str | None, typer.Option(help="The group that is charged.")] = None,
    wait: Annotated[bool, typer.Option(help="Until it is ready; Ctrl-C leaves it to itself.")] = True,
    json: Json = False,
) -> None:
    """Make a dataset: of a labelled list, an archive, everything below a prefix, or a formatted set."""
    from trainyard.cli.sources import Options, must_be_one, source_of
    from trainyard.records.datasets import NewDataset

    given = Options(file, pictures, bucket_key, share, archive, layout, label_set, prefix, data, index, labels, format, split)
    must_be_one(given)
    with signed_in() as client:
        new = NewDataset(name=name, description=description, source=source_of(client, given), group=group)
        made = client.create_dataset(new)
        show_dataset(until_ready(client, made.id) if wait else made, json=json)


def until_ready(client: Client, dataset: str) -> Dataset:
    """Wait until it is made, with its progress; then say what of its list was left out.

    Raises:
        Conflict: it could not be made, and why.
    """
    from trainyard.cli.steps import Steps
    from trainyard.errors import Conflict
    from trainyard.records.datasets import DatasetState

    with Steps(86_400, out=sys.stderr).step(N_("Make the dataset")) as step:

        def ask() -> DatasetDetail | None:
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
    _tell_left_out(made)
    return made


def _tell_left_out(made: DatasetDetail) -> None:
    told = made.statistics
    if told is None or not told.problems:
        return
    first = told.problems[0]
    sentence = _LEFT_OUT_LINES if first.line else _LEFT_OUT
    say_aside(sentence, count=told.problems_total, line=first.line, reason=first.reason.rstrip("."), id=made.id)


@datasets.command()
def wait(dataset: Which, json: Json = False) -> None:
    """Wait until a dataset is ready."""
    with signed_in() as client:
        show_dataset(until_ready(client, find(client, "datasets", dataset)), json=json)


@datasets.command()
def resume(
    dataset: Which,
    wait: Annotated[bool, typer.Option(help="Until it is ready; Ctrl-C leaves it to itself.")] = True,
    json: Json = False,
) -> None:
    """Go on with a dataset whose making was stopped or failed."""
    with signed_in() as client:
        made = client.resume_dataset(find(client, "datasets", dataset))
        show_dataset(until_ready(client, made.id) if wait else made, json=json)


@datasets.command()
def rename(dataset: Which, name: Annotated[str, typer.Argument(help="Its new name.")], json: Json = False) -> None:
    """Give a dataset another name."""
    from trainyard.records.datasets import DatasetChange

    with signed_in() as client:
        show_dataset(client.change_dataset(find(client, "datasets", dataset), DatasetChange(name=name)), json=json)


@datasets.command()
def describe(dataset: Which, text: Annotated[str, typer.Argument(help="What it is.")], json: Json = False) -> None:
    """Give a dataset another description."""
    from trainyard.records.datasets import DatasetChange

    with signed_in() as client:
        show_dataset(client.change_dataset(find(client, "datasets", dataset), DatasetChange(description=text)), json=json)


@datasets.command()
def share(dataset: Which, group: GroupName, json: Json = False) -> None:
    """Let every member of a group use a dataset."""
    with signed_in() as client:
        show_dataset(client.share_dataset(find(client, "datasets", dataset), group), json=json)


@datasets.command()
def unshare(dataset: Which, group: GroupName, json: Json = False) -> None:
    """Take a share back."""
    with signed_in() as client:
        show_dataset(client.unshare_dataset(find(client, "datasets", dataset), group), json=json)


@datasets.command()
def publish(dataset: Which, json: Json = False) -> None:
    """Let everybody use a dataset (administrators)."""
    with signed_in() as client:
        show_dataset(client.publish_dataset(find(client, "datasets", dataset)), json=json)


@datasets.command()
def unpublish(dataset: Which, json: Json = False) -> None:
    """Take a dataset back from everybody; its shares stay (administrators)."""
    with signed_in() as client:
        show_dataset(client.unpublish_dataset(find(client, "datasets", dataset)), json=json)


@datasets.command()
def copy(dataset: Which, name: Annotated[str, typer.Argument(help="The copy's name.")], json: Json = False) -> None:
    """Make an independent dataset with the same content."""
    with signed_in() as client:
        show_dataset(client.copy_dataset(find(client, "datasets", dataset), name), json=json)


@datasets.command()
def delete(dataset: Which, json: Json = False) -> None:
    """Delete a dataset nobody uses."""
    with signed_in() as client:
        identifier = find(client, "datasets", dataset)
        client.delete_dataset(identifier)
    done(N_("Deleted {deleted}."), json=json, deleted=identifier)


def show_dataset(one: Dataset, *, json: bool) -> None:
    """Its fields, or JSON."""
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
