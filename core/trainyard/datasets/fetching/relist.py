"""The list of what was fetched: each line with its new url, without the lines whose picture could not be had."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from trainyard.datasets.fetching.journal import Ended, Journal, is_remote, key_of
from trainyard.datasets.folder import LIST, write_json
from trainyard.datasets.jsonlist import ListReader
from trainyard.datasets.lines import Line, read_lines
from trainyard.datasets.sample import Sample
from trainyard.decoding import prepared
from trainyard.words import N_, quoted

FAILURES = "failures.jsonl"
COUNTS = "fetch.json"
OPS = "download()"
_BROKEN = Ended("", "failed", code="line-broken", message=N_("The line breaks a rule: {reason}"))


@prepared
class Failure(msgspec.Struct):
    """A line that was left out; ``message`` is the key of a sentence, ``values`` what stands in it."""

    line: int
    url: str
    code: str
    message: str
    values: dict[str, Any] = {}


class Counts(msgspec.Struct):
    """Lines whose picture was ``fetched`` into the bucket (``bytes`` in all), ``failed`` ones, those ``kept`` as they were."""

    fetched: int = 0
    failed: int = 0
    kept: int = 0
    bytes: int = 0


class Place(msgspec.Struct):
    """Where pictures went, and how the other urls are read from the new dataset: ``beside`` is put before relative ones."""

    bucket: str
    prefix: str
    beside: str = ""


def remote_urls(source: Path) -> Iterator[str]:
    """The urls on the web that a list names, each as often as it does."""
    reader = ListReader()
    with source.open("rb") as file:
        for line in read_lines(file):
            found = reader.parse(line)
            if isinstance(found, Sample) and is_remote(found.url):
                yield found.url


def write_list(source: Path, folder: Path, place: Place, journal: Journal) -> Counts:
    """Write the new list, what failed and the counts into ``folder``; the list last, by rename."""
    counts, part = Counts(bytes=journal.bytes), folder / f".{LIST}.part"
    reader = ListReader()
    with source.open("rb") as file, part.open("wb") as new, (folder / FAILURES).open("wb") as failures:
        for line in read_lines(file):
            found = reader.parse(line)
            if not isinstance(found, Sample):
                broken = {"reason": quoted(found.message, found.values)}
                failures.write(_failure(found.line, "", msgspec.structs.replace(_BROKEN, values=broken)))
                counts.failed += 1
            elif (failed := journal.failure(found.url)) is not None:
                failures.write(_failure(found.line, found.url, failed))
                counts.failed += 1
            else:
                new.write(_line(line, found.url, place, journal.suffix(found.url)))
                counts.fetched += is_remote(found.url)
                counts.kept += not is_remote(found.url)
        new.flush()
        os.fsync(new.fileno())
    write_json(folder / COUNTS, counts)
    part.replace(folder / LIST)
    return counts


def _line(line: Line, url: str, place: Place, suffix: str | None) -> bytes:
    """A line as it was, but for its url (and where that came from)."""
    data = line.data or b""
    if suffix is None and not (place.beside and _is_relative(url)):
        return data + b"\n"
    content: dict[str, Any] = msgspec.json.decode(data)
    field = "url" if "url" in content else "source"
    if suffix is None:
        content[field] = f"{place.beside}/{url}"
    else:
        key = key_of(place.prefix, url, suffix)
        content = {**content, field: f"s3://{place.bucket}/{key}", "source_url": url, "ops": OPS}
    return msgspec.json.encode(content) + b"\n"


def _is_relative(url: str) -> bool:
    return "://" not in url and not url.startswith(("/", "pack:", "record:"))


def _failure(line: int, url: str, ended: Ended) -> bytes:
    return msgspec.json.encode(Failure(line, url, ended.code, ended.message, ended.values)) + b"\n"
