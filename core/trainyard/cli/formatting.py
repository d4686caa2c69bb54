"""``trainyard format`` and ``trainyard batches``: datasets as RecordIO and LMDB."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from trainyard.cli.call import MOST, Json, find, segment, signed_in
from trainyard.cli.show import as_json, as_table, say, size
from trainyard.words import N_

if TYPE_CHECKING:
    from trainyard.client import Client
    from trainyard.records.datasets import Batch

batches = typer.Typer(no_args_is_help=True)


def format_dataset(
    dataset: Annotated[str, typer.Argument(help="Name or identifier of a dataset.")],
    formats: Annotated[str, typer.Option("--formats", help="recordio, lmdb or both with a comma.")] = "recordio",
    split: Annotated[str, typer.Option(help="Parts of 1 for train, val and test.")] = "0.8,0.2,0",
    label_set: str = "",
    shuffle: bool = True,
    seed: int = 0,
    resize: Annotated[str, typer.Option(help="Shorter edge (256) or exact (224x224).")] = "",
    quality: int = 95,
    group: Annotated[str | None, typer.Option(help="The group that is charged.")] = None,
    wait: Annotated[bool, typer.Option(help="Until all sets are ready; Ctrl-C cancels.")] = True,
    json: Json = False,
) -> None:
    """Write a dataset in the chosen formats, split and shuffled."""
    from trainyard.records.datasets import Batch, NewBatch

    train, val, test = _parts(split)
    chosen = {
        "formats": [name.strip() for name in formats.split(",")],
        "label_set": label_set,
        "shuffle": shuffle,
        "seed": seed,
    }
    size_of = {"resize": resize, "quality": quality, "group": group}
    wanted = NewBatch.model_validate({**chosen, **size_of, "train": train, "val": val, "test": test})
    with signed_in() as client:
        path = f"datasets/{find(client, 'datasets', dataset)}/batches"
        batch = client.one(Batch, "POST", path, json=wanted.model_dump(mode="json"))
        _show(_followed(client, batch) if wait else batch, json=json)


def _parts(split: str) -> tuple[float, float, float]:
    try:
        train, val, test = (*map(float, split.split(",")), 0.0, 0.0)[:3]
    except ValueError:
        raise typer.BadParameter("write --split like 0.8,0.2,0") from None
    return train, val, test


def _followed(client: Client, batch: Batch) -> Batch:
    """The batch once all its sets are ready; an interrupt cancels it (it can be resumed)."""
    from trainyard.cli.steps import Steps
    from trainyard.errors import Conflict
    from trainyard.jobs.states import ENDED, JobState
    from trainyard.records.datasets import Batch

    steps = Steps(7 * 86_400, out=sys.stderr)
    with steps.step(N_("Format the dataset")) as step:

        def ask() -> Batch | None:
            now = client.one(Batch, "GET", f"batches/{batch.id}")
            step.progress(now.progress)
            return now if now.state in ENDED or all(one.ready for one in now.sets) else None

        try:
            done = steps.wait(ask)
        except KeyboardInterrupt:
            client.send("POST", f"batches/{batch.id}/cancel")
            say(N_("Cancelled; `trainyard batches resume {id}` goes on."), id=batch.id)
            raise
        if done.state in ENDED and done.state != JobState.FINISHED:
            raise Conflict("format-failed", N_("Formatting ended as {state}: {why}"), state=done.state, why=done.error)
    return done


@batches.command("list")
def list_sets(dataset: str = "", json: Json = False) -> None:
    """Formatted sets, the newest batch first."""
    from trainyard.records.base import Page
    from trainyard.records.datasets import FormattedSet

    with signed_in() as client:
        query = {"limit": MOST, **({"dataset": find(client, "datasets", dataset)} if dataset else {})}
        found = client.one(Page[FormattedSet], "GET", "formatted", params=query).items
    if json:
        return as_json(found)
    return as_table(
        ("set", "batch", "dataset", "format", "split", "samples", "size", "ready"),
        [
            (one.id, one.batch, one.dataset_name, one.format, one.split, one.samples, size(one.bytes), one.ready)
            for one in found
        ],
    )


@batches.command()
def show(batch: str, json: Json = False) -> None:
    """One batch with its sets."""
    _act(batch, "GET", "", json=json)


@batches.command()
def cancel(batch: str, json: Json = False) -> None:
    """Stop formatting; it can be resumed."""
    _act(batch, "POST", "/cancel", json=json)


@batches.command()
def resume(batch: str, json: Json = False) -> None:
    """Go on with a batch that was cancelled or failed."""
    _act(batch, "POST", "/resume", json=json)


@batches.command()
def delete(batch: str) -> None:
    """Delete a batch with its sets, unless one is used."""
    with signed_in() as client:
        client.send("DELETE", f"batches/{segment(batch)}")


def _act(batch: str, method: str, action: str, *, json: bool) -> None:
    from trainyard.records.datasets import Batch

    with signed_in() as client:
        _show(client.one(Batch, method, f"batches/{segment(batch)}{action}"), json=json)


def _show(batch: Batch, *, json: bool) -> None:
    if json:
        return as_json(batch)
    rows = [(batch.id, one.id, one.format, one.split, one.samples, size(one.bytes), batch.state) for one in batch.sets]
    return as_table(("batch", "set", "format", "split", "samples", "size", "state"), rows)
