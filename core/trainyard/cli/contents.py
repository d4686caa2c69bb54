"""What is in a dataset: ``trainyard datasets stats``, ``samples``, ``picture`` and ``download``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from trainyard.cli.call import Json, downloaded, find, receive_file, signed_in
from trainyard.cli.datasets import Which, datasets
from trainyard.cli.show import as_fields, as_json, as_table, say, shown
from trainyard.errors import Unavailable
from trainyard.words import N_


@datasets.command()
def stats(dataset: Which, json: Json = False) -> None:
    """Pictures and objects of each class, and the lines that break a rule."""
    with signed_in() as client:
        found = client.dataset(find(client, "datasets", dataset))
    if json:
        return as_json(found.statistics or {})
    if found.statistics is None:
        return say(N_("{name} has no statistics yet; its state is {state}."), name=found.name, state=found.state.value)
    as_table(
        ("label set", "class", "pictures", "objects"),
        [
            (one.name, name, count, one.objects_by_class.get(name, ""))
            for one in found.statistics.label_sets
            for name, count in one.classes.items()
        ],
    )
    if found.statistics.problems:
        rows = [(one.line, one.column, one.field, one.reason) for one in found.statistics.problems]
        as_table(("line", "column", "field", "problem"), rows)
    return None


@datasets.command()
def examine(dataset: Which, json: Json = False) -> None:
    """Look for missing, broken and equal pictures, and how large they are."""
    with signed_in() as client:
        identifier = find(client, "datasets", dataset)
        client.wait_for_job(client.examine(identifier).id)
        found = client.examination(identifier)
    if json:
        return as_json(found)
    if found.error:
        raise Unavailable("examination-failed", N_("The pictures could not be examined: {reason}"), reason=found.error)
    as_fields(
        [
            ("pictures", found.pictures), ("missing", found.missing), ("broken", found.broken),
            ("come again", found.duplicates), ("bytes", found.bytes), ("smallest", _size(found.smallest)),
            ("largest", _size(found.largest)), ("boxes outside", sum(found.boxes_outside.values()) or None),
        ]
    )  # fmt: skip
    if found.problems:
        as_table(("line", "url", "problem"), [(one.line, one.url, one.reason) for one in found.problems])
    if found.duplicate_groups:
        as_table(("lines with the same picture",), [(", ".join(map(str, lines)),) for lines in found.duplicate_groups])
    return None


def _size(edges: tuple[int, int] | None) -> str:
    return f"{edges[0]} × {edges[1]}" if edges else ""


@datasets.command()
def line(dataset: Which, number: Annotated[int, typer.Argument(min=1, help="Which line, from 1.")], json: Json = False) -> None:
    """A line of the list as it was written, also one that breaks a rule."""
    with signed_in() as client:
        found = client.source_line(find(client, "datasets", dataset), number)
    if json:
        return as_json(found)
    return print(shown(found.text))


@datasets.command()
def samples(
    dataset: Which,
    offset: Annotated[int, typer.Option(min=0, help="Begin after so many.")] = 0,
    limit: Annotated[int, typer.Option(min=1, max=500, help="At most so many.")] = 20,
    label_set: Annotated[str, typer.Option(help="As `stats` names it; needed with --class.")] = "",
    class_name: Annotated[list[str] | None, typer.Option("--class", help="Only this class; may be repeated.")] = None,
    json: Json = False,
) -> None:
    """Lines of the list."""
    with signed_in() as client:
        identifier = find(client, "datasets", dataset)
        found = client.samples(identifier, offset, limit, label_set, class_name or ()).items
    if json:
        return as_json(found)
    return as_table(("line", "url", "labels"), [(one.line, one.url, one.labels) for one in found])


@datasets.command()
def picture(
    dataset: Which,
    line: Annotated[int, typer.Argument(min=1, help="A line of the list.")],
    target: Annotated[Path | None, typer.Argument(dir_okay=False, help="The file to write.")] = None,
    size: Annotated[int, typer.Option(min=16, max=2048, help="At most so many pixels wide and high.")] = 2048,
    json: Json = False,
) -> None:
    """Write the picture of a line to a file."""
    with signed_in() as client:
        data = client.picture(find(client, "datasets", dataset), line, size)
    suffix = ".png" if data.startswith(b"\x89PNG") else ".jpg"
    target = target or Path(f"{line}{suffix}")
    target.write_bytes(data)
    downloaded(target, json=json, bytes=len(data))


@datasets.command()
def download(
    dataset: Which,
    target: Annotated[Path | None, typer.Argument(dir_okay=False, help="The file to write.")] = None,
    json: Json = False,
) -> None:
    """Write the list as it was given to a file."""
    with signed_in() as client:
        identifier = find(client, "datasets", dataset)
        target = target or Path(f"{identifier}.jsonl")
        receive_file(target.name, None, client.download_list(identifier, target))
    downloaded(target, json=json, bytes=target.stat().st_size)
