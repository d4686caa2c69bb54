"""``trainyard datasets fetch`` and ``failures``: bring pictures on the web into one's bucket, and what could not be had."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from trainyard.cli.call import Json, find, receive_file, signed_in
from trainyard.cli.datasets import Which, show_dataset, until_ready
from trainyard.cli.show import as_json, as_table, done
from trainyard.words import N_

Megabytes = Annotated[int, typer.Option(min=1, max=256, help="Larger pictures are left out (MiB).")]
_SHOWN = 200


def fetch(
    dataset: Which,
    name: Annotated[str, typer.Argument(help="The new dataset's name.")],
    prefix: Annotated[str, typer.Option(help="The folder of your bucket they go to.")] = "fetched/",
    at_once: Annotated[int, typer.Option(min=1, max=32, help="So many at the same time.")] = 16,
    per_host: Annotated[int, typer.Option(min=1, max=16, help="So many of them from one host.")] = 4,
    largest: Megabytes = 64,
    description: Annotated[str, typer.Option(help="What it is.")] = "",
    group: Annotated[str | None, typer.Option(help="The group that is charged.")] = None,
    wait: Annotated[bool, typer.Option(help="Until it is ready; Ctrl-C leaves it to itself.")] = True,
    json: Json = False,
) -> None:
    """Fetch the pictures a list names on the web into your bucket; makes a dataset that names them there."""
    from trainyard.records.datasets import NewFetch

    new = NewFetch(
        name=name, description=description, group=group, prefix=prefix, at_once=at_once, per_host=per_host,
        max_bytes=largest << 20,
    )  # fmt: skip
    with signed_in() as client:
        made = client.fetch(find(client, "datasets", dataset), new)
        made = until_ready(client, made.id) if wait else made
        show_dataset(made, json=json)


def failures(
    dataset: Which,
    output: Annotated[Path | None, typer.Option(help="Write all of them into this file.")] = None,
    json: Json = False,
) -> None:
    """The lines that a fetch left out, and why."""
    with signed_in() as client:
        identifier = find(client, "datasets", dataset)
        if output is not None:
            receive_file(output.name, None, client.download_failures(identifier, output))
            return done(N_("Wrote {file}."), json=json, file=str(output))
        found = client.failures(identifier)
    if json:
        return as_json(found)
    return as_table(("line", "url", "reason"), [(one.line, one.url, one.reason) for one in found[:_SHOWN]])
