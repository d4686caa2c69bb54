"""``trainyard format`` and ``trainyard batches``: datasets in the formats that training frameworks read."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from trainyard.cli.call import MOST, Json, find, signed_in
from trainyard.cli.show import as_fields, as_json, as_table, done, say_aside, size, word
from trainyard.cli.usage import WronglyUsed
from trainyard.words import N_

if TYPE_CHECKING:
    from trainyard.client import Client
    from trainyard.records.datasets import Batch

batches = typer.Typer(no_args_is_help=True)
Which = Annotated[str, typer.Argument(help="Identifier of a batch.")]
SetId = Annotated[str, typer.Argument(help="Identifier of a formatted set.")]


def format_dataset(
    dataset: Annotated[str, typer.Argument(help="Name or identifier of a dataset.")],
    formats: Annotated[
        str, typer.Option("--formats", help="recordio, lmdb, roidb, pictures, webdataset, tfrecord; several with commas.")
    ] = "recordio",
    split: Annotated[str, typer.Option(help="Parts of 1 for train, val and test.")] = "0.8,0.2,0",
    label_set: Annotated[
        str, typer.Option(help="Which labels, as `trainyard datasets stats` names them; none: pictures without labels.")
    ] = "",
    shuffle: Annotated[bool, typer.Option(help="Mix the order before the split.")] = True,
    seed: Annotated[int, typer.Option(help="The same seed mixes in the same order.")] = 0,
    stratified: Annotated[bool, typer.Option(help="Split every class by the same parts.")] = False,
    min_per_class: Annotated[int, typer.Option(help="Leave classes with fewer pictures out.")] = 0,
    max_per_class: Annotated[int, typer.Option(help="Take no more pictures of a class; 0: all.")] = 0,
    resize: Annotated[str, typer.Option(help="Shorter edge (256) or exact (224x224).")] = "",
    quality: Annotated[int, typer.Option(help="Of JPEG, 1 to 100.")] = 95,
    colour: Annotated[str, typer.Option(help="keep, colour or grey.")] = "keep",
    full_decode: Annotated[bool, typer.Option(help="Decode also what passes through unchanged, to find broken data.")] = False,
    bad_limit: Annotated[float, typer.Option(help="Stop above this part of bad pictures.")] = 0.05,
    lmdb_values: Annotated[str, typer.Option(help="In LMDB: encoded pictures, or raw BGR pixels.")] = "encoded",
    frames_per_second: Annotated[float, typer.Option(help="Frames taken of videos; 0: leave videos out.")] = 0.0,
    shards: Annotated[int, typer.Option(help="How many jobs share the work; 0: by the number of pictures.")] = 0,
    group: Annotated[str | None, typer.Option(help="The group that is charged.")] = None,
    wait: Annotated[bool, typer.Option(help="Until all sets are ready; Ctrl-C leaves the job to itself.")] = True,
    json: Json = False,
) -> None:
    """Write a dataset in the chosen formats, split and shuffled."""
    from trainyard.records.datasets import NewBatch

    asked = dict(locals())
    train, val, test = _parts(split)
    chosen = {name: value for name, value in asked.items() if name in NewBatch.model_fields}
    chosen |= {"formats": [name.strip() for name in formats.split(",")], "train": train, "val": val, "test": test}
    with signed_in() as client:
        batch = client.format(find(client, "datasets", dataset), NewBatch.model_validate(chosen))
        _show(_until_ready(client, batch.id) if wait else batch, json=json)


def _parts(split: str) -> tuple[float, float, float]:
    try:
        train, val, test = (*map(float, split.split(",")), 0.0, 0.0)[:3]
    except ValueError:
        raise WronglyUsed(N_("Write --split like 0.8,0.2,0; {given} is not."), given=split) from None
    return train, val, test


def _until_ready(client: Client, batch: str) -> Batch:
    """The batch once all its sets are ready; an interrupt ends the waiting, not the job.

    Raises:
        Conflict: it failed or was cancelled.
    """
    try:
        return _watched(client, batch)
    except KeyboardInterrupt:
        aside = N_("Formatting goes on without you; `trainyard batches wait {id}` waits again, `… cancel {id}` ends it.")
        say_aside(aside, id=batch)
        raise


def _watched(client: Client, batch: str) -> Batch:
    from trainyard.cli.steps import Steps
    from trainyard.errors import Conflict
    from trainyard.jobs.states import ENDED, JobState

    with Steps(7 * 86_400, out=sys.stderr).step(N_("Format the dataset")) as step:

        def ask() -> Batch | None:
            now = client.batch(batch)
            step.progress(now.progress)
            return now if now.state in ENDED or all(one.ready for one in now.sets) else None

        made = step.steps.wait(ask)
        if made.state in ENDED and made.state != JobState.FINISHED:
            hint = N_("`trainyard batches resume {id}` goes on with it.")
            sentence = N_("Formatting ended as {state}: {why}")
            raise Conflict("format-failed", sentence, hint=hint, state=made.state, why=made.error, id=batch)
        step.result = ", ".join(f"{one.format} {one.split} {one.samples}" for one in made.sets)
    return made


@batches.command("list")
def list_sets(
    dataset: Annotated[str, typer.Option(help="Only those of this dataset.")] = "",
    json: Json = False,
) -> None:
    """Formatted sets, the newest batch first."""
    with signed_in() as client:
        found = client.formatted(dataset=find(client, "datasets", dataset) if dataset else None, limit=MOST).items
    if json:
        return as_json(found)
    return as_table(
        ("set", "batch", "dataset", "format", "split", "samples", "size", "ready"),
        [
            (one.id, one.batch, one.dataset_name, one.format, one.split, one.samples, size(one.bytes), "✓" if one.ready else "")
            for one in found
        ],
    )


@batches.command()
def show(batch: Which, json: Json = False) -> None:
    """One batch with its sets."""
    with signed_in() as client:
        _show(client.batch(batch), json=json)


@batches.command()
def wait(batch: Which, json: Json = False) -> None:
    """Wait until all sets of a batch are ready."""
    with signed_in() as client:
        _show(_until_ready(client, batch), json=json)


@batches.command()
def manifest(batch: Which, json: Json = False) -> None:
    """What a finished batch says of itself: classes and sets with their ranges; all of it with --json."""
    with signed_in() as client:
        told = client.batch_manifest(batch)
    if json:
        return as_json(told)
    rows = [(one["name"], "–".join(map(str, one["range"])), one["samples"], size(one["bytes"])) for one in told["sets"]]
    return as_table(("set", "range", "samples", "size"), rows)


@batches.command()
def skipped(batch: Which, json: Json = False) -> None:
    """The pictures that were left out of a finished batch, and why."""
    with signed_in() as client:
        found = client.skipped(batch, limit=MOST).items
    if json:
        return as_json(found)
    return as_table(("line", "url", "reason"), [(one.line, one.url, one.reason) for one in found])


@batches.command()
def cancel(batch: Which, json: Json = False) -> None:
    """Stop formatting; it can be resumed."""
    with signed_in() as client:
        _show(client.cancel_batch(batch), json=json)


@batches.command()
def resume(batch: Which, json: Json = False) -> None:
    """Go on with a batch that was cancelled or failed."""
    with signed_in() as client:
        _show(client.resume_batch(batch), json=json)


@batches.command()
def delete(batch: Which, json: Json = False) -> None:
    """Delete a batch with its sets, unless one is used."""
    with signed_in() as client:
        client.delete_batch(batch)
    done(N_("Deleted {deleted}."), json=json, deleted=batch)


@batches.command("delete-set")
def delete_set(formatted: SetId, json: Json = False) -> None:
    """Delete one set of a batch, unless it is used."""
    with signed_in() as client:
        client.delete_set(formatted)
    done(N_("Deleted {deleted}."), json=json, deleted=formatted)


@batches.command()
def loader(formatted: SetId, json: Json = False) -> None:
    """Lines of Python that read a set, for each framework."""
    with signed_in() as client:
        found = client.loader(formatted)
    if json:
        return as_json(found)
    return typer.echo("\n".join(f"# {framework}\n{snippet}" for framework, snippet in found.items()))


def _show(batch: Batch, *, json: bool) -> None:
    if json:
        return as_json(batch)
    as_fields([("batch", batch.id), ("state", word(batch.state))])
    rows = [(one.id, one.format, one.split, one.samples, size(one.bytes)) for one in batch.sets]
    return as_table(("set", "format", "split", "samples", "size"), rows)
