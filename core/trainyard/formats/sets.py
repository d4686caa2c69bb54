"""The sets of a batch while they are written: every format × every split, and what each says of itself at the end."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import lmdb

from trainyard.datasets.folder import write_json
from trainyard.formats.checkpoint import Checkpoint, Syncing
from trainyard.formats.choice import Choice
from trainyard.formats.flow import moment
from trainyard.formats.labels import write_labels
from trainyard.formats.loose import IMAGES
from trainyard.formats.manifest import (
    SPECIFICATION,
    BatchManifest,
    ClassCounts,
    SetManifest,
    Skipped,
    set_specification,
)
from trainyard.formats.pipeline import Formatted, Result
from trainyard.formats.record import Record, SetWriter, State
from trainyard.formats.registry import FORMATS, index_table


class Sets:
    """Writes the chosen samples below ``part``; see ``flow.Sink``."""

    def __init__(self, part: Path, choice: Choice) -> None:
        self._part, self._choice = part, choice
        self._formats = choice.plan.formats
        self._writers: dict[tuple[str, str], SetWriter] = {}
        self._checksums: dict[tuple[str, str], dict[str, str]] = {}

    def open(self, at: Checkpoint) -> None:
        """See ``Sink``."""
        for split in self._choice.ranges:
            for name in self._formats:
                folder = self._part / f"{name}-{split}"
                folder.mkdir(exist_ok=True)
                state = at.sets.get(folder.name)
                self._writers[name, split] = FORMATS[name].writer(folder, state, self._choice.options)

    def take(self, at: Checkpoint, result: Result) -> None:
        """See ``Sink``."""
        if isinstance(result, Skipped):
            return
        split = self._choice.split_at(at.position)
        number = at.written.get(split, 0)
        picture = result.picture
        shape = picture.channels, picture.height, picture.width
        record = Record(number, result.name, result.labels, picture.data, *shape, result.pixels)
        for name in self._formats:
            self._writers[name, split].add(record)
        at.written[split] = number + 1
        self._count(at, split, result)

    def reaches(self, name: str, state: State) -> bool:
        """See ``Sink``."""
        writer = FORMATS[name.rpartition("-")[0]].writer
        return writer.reaches(self._part / name, state)

    def checkpoint(self) -> dict[str, State]:
        """See ``Sink``."""
        return {f"{name}-{split}": writer.checkpoint() for (name, split), writer in self._writers.items()}

    def files(self) -> Iterable[Syncing]:
        """See ``Sink``."""
        return list(self._writers.values())

    @property
    def bytes_written(self) -> int:
        """See ``Sink``."""
        return sum(writer.bytes_written for writer in self._writers.values())

    def end(self) -> None:
        """See ``Sink``."""
        for writer in self._writers.values():
            writer.finish()
        while self._writers:
            key, writer = self._writers.popitem()
            writer.close()
            self._checksums[key] = writer.checksums()

    def close(self) -> None:
        """See ``Sink``."""
        for writer in self._writers.values():
            with suppress(OSError, lmdb.Error):
                writer.close()

    def finish(self, at: Checkpoint) -> BatchManifest:
        """Label tables, checksums and specifications beside the sets; the batch's manifest."""
        completed, sets = moment(), []
        for split, bounds in self._choice.ranges.items():
            for name in self._formats:
                sets.append(self._finish_set(at, name, split, bounds, completed))
        return self._manifest(at, sets, completed)

    def _finish_set(self, at: Checkpoint, name: str, split: str, bounds: tuple[int, int], completed: str) -> SetManifest:
        folder, labels = self._part / f"{name}-{split}", self._choice.selection.labels
        write_labels(folder, index_table(name, self._choice.selection.kind, labels))
        files = checksums(folder, IMAGES if FORMATS[name].loose else "", self._checksums.get((name, split)))
        size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file() and path.name != SPECIFICATION)
        one = SetManifest(folder.name, name, split, bounds, at.written.get(split, 0), size, files)
        write_json(folder / SPECIFICATION, set_specification(self._choice.plan, one, len(labels), (at.created, completed)))
        return one

    def _manifest(self, at: Checkpoint, sets: list[SetManifest], completed: str) -> BatchManifest:
        choice, plan, selection = self._choice, self._choice.plan, self._choice.selection
        with plan.list_path.open("rb") as file:
            listed = hashlib.file_digest(file, "sha256").hexdigest()
        return BatchManifest(
            batch=plan.batch,
            label_set=plan.label_set,
            classes=list(selection.labels),
            multi_label=selection.multi_label,
            ratios=plan.ratios,
            shuffle=plan.shuffle,
            seed=plan.seed,
            recipe=plan.recipe,
            planned=len(choice),
            written=sum(at.written.values()),
            skipped_total=at.skipped_total,
            skipped=at.skipped,
            sets=sets,
            created=at.created,
            completed=completed,
            lineage={**plan.lineage, "list_sha256": listed},
            kind=selection.kind,
            stratified=plan.stratified,
            min_per_class=plan.min_per_class,
            max_per_class=plan.max_per_class,
            left_out=choice.left_out,
            left_out_classes=choice.left_out_classes,
            frames_per_second=plan.frames_per_second,
            videos=selection.videos,
            lmdb_values=plan.lmdb_values,
            counts=at.counts,
        )

    def _count(self, at: Checkpoint, split: str, one: Formatted) -> None:
        if one.labels.kind == "none":
            return
        classes = len(self._choice.selection.labels)
        counts = at.counts.get(split) or at.counts.setdefault(split, _no_counts(classes, one))
        for label in one.labels.indices:
            counts.pictures[label] += 1
        for box in one.labels.boxes:
            counts.objects[box.label] += 1


def _no_counts(classes: int, one: Formatted) -> ClassCounts:
    return ClassCounts([0] * classes, [0] * classes if one.labels.kind == "boxes" else [])


def checksums(folder: Path, apart: str = "", known: Mapping[str, str] | None = None) -> dict[str, str]:
    """SHA-256 of every file of a set, by path. The files are on the disk on return: it writes while the digest is computed.

    What lies below ``apart`` is left out: a million loose pictures, whose checksums stand in the set's own list. Those that
    are ``known`` are not computed.
    """
    found = dict(known or {})
    with ThreadPoolExecutor(1) as disk:
        for path in sorted(files_below(folder, apart)):
            if path.name != SPECIFICATION:
                name = str(path.relative_to(folder))
                with path.open("rb") as file:
                    synced = disk.submit(os.fsync, file.fileno())
                    found[name] = found.get(name) or hashlib.file_digest(file, "sha256").hexdigest()
                    synced.result()
    return dict(sorted(found.items()))


def files_below(folder: Path, apart: str) -> Iterator[Path]:
    """The files of a set, without those below its folder ``apart``."""
    for path in folder.iterdir():
        if path.is_file():
            yield path
        elif path.name != apart:
            yield from (one for one in path.rglob("*") if one.is_file())
