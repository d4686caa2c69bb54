"""A dataset's folder: the list as it was given, what one pass over it found, and a manifest that is written last.

::

    index.jsonl       the list, byte for byte as it came
    samples.idx, classes.idx, classes.json, objects.idx    its index (see ``index``)
    statistics.json   counts and the first problems (see ``statistics``)
    pictures/         pictures that came with the list, or pictures.zip (see ``packed``)
    manifest.json     counts, sizes and checksums; without it there is no dataset
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from trainyard.datasets.importers.report import add_report
from trainyard.datasets.index import ListIndex
from trainyard.datasets.lines import read_lines, wide_encoding
from trainyard.datasets.mistaken import HEAD, hint_for, kind_of
from trainyard.datasets.scan import scan
from trainyard.datasets.statistics import Statistics
from trainyard.decoding import prepared
from trainyard.errors import Conflict, Invalid
from trainyard.words import N_, quoted

LIST = "index.jsonl"
STATISTICS = "statistics.json"
MANIFEST = "manifest.json"
PICTURES = "pictures"

Progress = Callable[[int, int], None]
"""Called with bytes done and bytes in all."""


class Stopped(Exception):
    """The caller asked to stop; nothing visible was left."""


@prepared
class Manifest(msgspec.Struct):
    """Says that a dataset is whole, and what it is made of. ``list_sha256`` identifies it in a lineage."""

    samples: int
    images: int
    objects: int
    problems: int
    list_bytes: int
    list_sha256: str
    created: str
    lineage: dict[str, Any] = {}
    version: int = 1


class DatasetFolder:
    """One dataset on disk."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def list_path(self) -> Path:
        """The list of pictures and labels."""
        return self.path / LIST

    @property
    def pictures(self) -> Path:
        """Where relative paths of the list lead."""
        return self.path / PICTURES

    @property
    def complete(self) -> bool:
        """Whether the manifest is there."""
        return (self.path / MANIFEST).is_file()

    def manifest(self) -> Manifest:
        """What the dataset is made of.

        Raises:
            Conflict: ``dataset-incomplete``, it is being made or its making failed.
        """
        try:
            return msgspec.json.decode((self.path / MANIFEST).read_bytes(), type=Manifest)
        except FileNotFoundError:
            raise Conflict(
                "dataset-incomplete",
                N_("The dataset is not complete yet."),
                hint=N_("Wait until it is ready, or look at why its preparation failed."),
            ) from None

    def statistics(self) -> Statistics:
        """What the pass over the list found."""
        return msgspec.json.decode((self.path / STATISTICS).read_bytes(), type=Statistics)

    def index(self) -> ListIndex:
        """Pages of samples."""
        return ListIndex(self.list_path, self.path)

    def source_line(self, line: int, longest: int) -> str | None:
        """A line (from 1) of the list as it was written, at most ``longest`` bytes of it; None behind the list's end."""
        number, offset = self.index().line_before(line)
        with self.list_path.open("rb") as file:
            file.seek(offset)
            for found in read_lines(file, first=number):
                if found.number == line:
                    file.seek(found.offset)
                    return file.read(min(found.length, longest)).decode("utf-8", "replace").rstrip("\r\n")
                if found.number > line:
                    return ""
        return None

    def prepare(
        self,
        progress: Progress = lambda done, total: None,
        should_stop: Callable[[], bool] = lambda: False,
        lineage: dict[str, Any] | None = None,
    ) -> Statistics:
        """Read ``index.jsonl`` once; write index, statistics and, last, the manifest. May be repeated after a crash.

        Raises:
            Invalid: ``list-empty`` or ``list-without-samples``; the statistics are written all the same.
                ``list-encoding`` or ``list-kind``: it is no list at all.
            Stopped: ``should_stop`` said so.
        """
        (self.path / MANIFEST).unlink(missing_ok=True)
        statistics, digest = self._read_list(progress, should_stop)
        add_report(statistics, self.path)
        write_json(self.path / STATISTICS, statistics)
        _refuse_empty(statistics, self._head())
        manifest = Manifest(
            samples=statistics.samples,
            images=statistics.images,
            objects=statistics.objects,
            problems=statistics.problems_total,
            list_bytes=statistics.bytes,
            list_sha256=digest,
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            lineage=lineage or {},
        )
        write_json(self.path / MANIFEST, manifest)
        return statistics

    def remove(self) -> None:
        """Delete the dataset, its manifest first, so that it is never seen half."""
        (self.path / MANIFEST).unlink(missing_ok=True)
        shutil.rmtree(self.path, ignore_errors=True)

    def _head(self) -> bytes:
        with self.list_path.open("rb") as file:
            return file.read(HEAD)

    def _read_list(self, progress: Progress, should_stop: Callable[[], bool]) -> tuple[Statistics, str]:
        total = self.list_path.stat().st_size

        def between(offset: int) -> None:
            if should_stop():
                raise Stopped
            progress(offset, total)

        _refuse_what_is_none(self._head())
        statistics = scan(self.list_path, self.path, between)
        with self.list_path.open("rb") as file:
            return statistics, hashlib.file_digest(file, "sha256").hexdigest()


def _refuse_what_is_none(head: bytes) -> None:
    if encoding := wide_encoding(head[:4]):
        raise Invalid(
            "list-encoding",
            N_("The list is written in {encoding}; lists are read as UTF-8."),
            hint=N_("Save it as UTF-8, in an editor or by: iconv -f {encoding} -t UTF-8 list.jsonl > utf8.jsonl"),
            field="source",
            encoding=encoding,
        )
    if kind := kind_of(head):
        raise Invalid(
            "list-kind",
            N_("The list is a file of type {kind}; a list is text, one JSON object a line."),
            hint=N_("Unpack a list that is packed; give pictures with annotations or class folders as an archive instead."),
            field="source",
            kind=kind,
        )


def _refuse_empty(statistics: Statistics, head: bytes) -> None:
    if not statistics.lines:
        raise Invalid(
            "list-empty",
            N_("The list is empty."),
            hint=N_("Give a list with one JSON object a line."),
            field="source",
        )
    if not statistics.samples:
        first = statistics.problems[0]
        raise Invalid(
            "list-without-samples",
            N_("None of the {lines} lines could be read; the first problem is in line {line}, column {column}: {reason}"),
            hint=hint_for(head),
            field="source",
            lines=statistics.lines,
            line=first.line,
            column=first.column,
            reason=quoted(first.message, first.values),
        )


def write_json(path: Path, content: Any) -> None:
    """Write ``content`` so that a reader sees the old file or the new one, never a part; it is on the disk on return."""
    part = path.with_name(f".{path.name}.part")
    with part.open("wb") as file:
        file.write(msgspec.json.encode(content))
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
