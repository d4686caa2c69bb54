"""The job that makes a dataset of a set somebody has formatted already: ``python -m trainyard.formats.intake spec.json``.

The specification (JSON): ``folder`` (the dataset's), ``format``, ``files`` with ``data`` and where given ``index`` and
``labels`` (each a ``path``, or a ``key`` of the owner's bucket), ``batch`` (the id of the batch to be), ``split``, ``owner``.
It leaves

- the set in ``pictures/<format>``, laid out as we write such sets, with an index made anew where there is none that fits;
- a list whose urls are ``record:<format>#<number>``, with its index and statistics, like any dataset's;
- ``batch/``: the same set (hard links) as a batch that can be trained on as it is.

Exit codes and ``progress.json`` are those of ``trainyard.datasets.job``.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import msgspec

from trainyard.datasets import job
from trainyard.datasets.folder import LIST, PICTURES, DatasetFolder, Stopped, write_json
from trainyard.datasets.importers.report import Report
from trainyard.datasets.jsonlist import write_list
from trainyard.datasets.sample import Entry, LabelSet, Sample
from trainyard.errors import Invalid
from trainyard.formats.damage import Damaged
from trainyard.formats.index import read_index
from trainyard.formats.labels import LABELS, read_table, write_labels
from trainyard.formats.manifest import MANIFEST, SPECIFICATION, BatchManifest, ClassCounts, SetManifest, set_specification
from trainyard.formats.plan import BatchPlan
from trainyard.formats.record import Description, Kind
from trainyard.formats.recordio.framing import index_of
from trainyard.formats.registry import FORMATS, index_table
from trainyard.formats.set_source import DATA, url_of
from trainyard.formats.sets import checksums
from trainyard.words import N_

LABEL_SET = "general"
BATCH = "batch"
_TOLD_EVERY = 1000
_TYPES: dict[Kind, str] = {"class": "classification", "classes": "classification", "boxes": "detection", "none": ""}


class File(msgspec.Struct):
    """Where a file lies: a path the job sees, or a key in the bucket."""

    path: str = ""
    key: str = ""


class IntakeSpec(msgspec.Struct):
    """What the service asks for; see the module."""

    folder: Path
    format: str
    files: dict[str, File]
    batch: str
    split: str = "train"
    owner: str = ""
    room: int = 0


class Seen(NamedTuple):
    """What the labels of a set are: their kind, the classes by index, and how often each occurs."""

    kind: Kind
    classes: list[str]
    pictures: Counter[int]
    objects: Counter[int]

    @property
    def label_set(self) -> str:
        """``classification.general``, ``detection.general``, or empty."""
        return f"{_TYPES[self.kind]}.{LABEL_SET}" if self.kind != "none" else ""


def main(argv: list[str]) -> int:
    """Do what the specification in ``argv[1]`` says; the exit code."""
    spec = msgspec.json.decode(Path(argv[1]).read_bytes(), type=IntakeSpec, dec_hook=lambda kind, value: kind(value))
    return job.guarded(spec.folder, lambda told, should_stop: take_in(spec, told, should_stop), lambda: _full(spec))


def take_in(spec: IntakeSpec, told: job.Told, should_stop: Callable[[], bool]) -> None:
    """Bring the files, read the labels, make list, statistics and batch. May be repeated after a crash.

    Raises:
        Damaged: the files are not what their format asks for. Invalid: records without a class table that fits, or none at all.
        Stopped: ``should_stop`` said so.
    """
    folder = spec.folder / PICTURES / spec.format
    report = Report(spec.format)
    bring(spec, folder, told)
    if spec.format == "recordio":
        mend_index(folder / DATA["recordio"], report)
    seen = _make_list(spec, folder, told, should_stop)
    report.save(spec.folder)
    DatasetFolder(spec.folder).prepare(told, should_stop, {"formatted": spec.format})
    make_batch(spec, folder, seen)


def bring(spec: IntakeSpec, folder: Path, told: job.Told) -> None:
    """Every file to its place in the set; what is there already stays."""
    data = folder / DATA[spec.format]
    places = {"data": data, "index": data.with_suffix(".idx"), "labels": folder / LABELS}
    data.parent.mkdir(parents=True, exist_ok=True)
    for part, file in spec.files.items():
        target = places[part]
        if target.exists() or (part == "index" and spec.format != "recordio"):
            continue  # LMDB's lock.mdb says who reads now, and nothing of the data
        temporary = target.with_name(f".{target.name}.part")
        if not file.key and Path(file.path).parent == spec.folder:
            Path(file.path).replace(target)  # in one step: the file is in one of the two places whenever the job is killed
            continue
        if file.key:
            job.copy_object(file.key, temporary, told)
        else:
            job.copy_file(Path(file.path), temporary)
        temporary.replace(target)


def mend_index(data: Path, report: Report) -> None:
    """Write ``data.idx`` anew unless it names every record of the file, each once.

    Raises:
        Damaged: the records themselves are broken or cut off.
    """
    index = data.with_suffix(".idx")
    with data.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        offsets = index_of(file, size)
    try:
        if index.is_file() and sorted(read_index(index, slice(1, 2), 64 * (len(offsets) + 1))[:, 0].tolist()) == list(offsets):
            return
    except Damaged:
        pass
    if index.is_file():
        report.remark("index-made", index.name)
    part = index.with_name(f".{index.name}.part")
    with part.open("w", encoding="ascii") as file_of_index:
        file_of_index.writelines(f"{number}\t{offset}\n" for number, offset in enumerate(offsets))
    part.replace(index)


def _make_list(spec: IntakeSpec, folder: Path, told: job.Told, should_stop: Callable[[], bool]) -> Seen:
    table = folder / LABELS
    names = read_table(table) if table.is_file() else None
    kinds: Counter[Kind] = Counter()
    pictures: Counter[int] = Counter()
    objects: Counter[int] = Counter()
    part = spec.folder / f".{LIST}.part"

    def samples() -> Iterator[Sample]:
        with FORMATS[spec.format].reader(folder) as reader:
            for number, one in enumerate(reader.describe()):
                if number % _TOLD_EVERY == 0:
                    if should_stop():
                        raise Stopped
                    told(number, max(len(reader), 1))
                kinds[one.labels.kind] += 1
                indices = one.labels.indices if one.labels.kind != "none" else ()
                pictures.update(indices)
                objects.update(box.label for box in one.labels.boxes)
                yield Sample(0, url_of(spec.format, number), labels=_labels(one, indices, names))

    with part.open("wb") as file:
        if not write_list(file, samples()):
            raise Invalid("set-empty", N_("The set holds no record."), field="source.data")
    part.replace(spec.folder / LIST)
    last = max(pictures, default=-1)
    classes = names or [str(index) for index in range(last + 1)]
    return Seen(_kind(kinds), classes, pictures, objects)


def _kind(kinds: Counter[Kind]) -> Kind:
    """The kind of all records; unlabelled ones among others are pictures without an object."""
    labelled: list[Kind] = [kind for kind in kinds if kind != "none"]
    if len(labelled) > 1:
        raise Invalid(
            "set-mixed",
            N_("The set has records with labels of several kinds: {kinds}."),
            hint=N_("Give one set with classes, and another one with boxes."),
            field="source.data",
            kinds=", ".join(sorted(labelled)),
        )
    return labelled[0] if labelled else "none"


def _labels(one: Description, indices: tuple[int, ...], names: list[str] | None) -> tuple[LabelSet, ...]:
    if one.labels.kind == "none":
        return ()
    if one.labels.kind == "boxes":
        entries = tuple(
            Entry(
                _name(box.label, one.number, names),
                bbox=((box.xmin, box.ymin), (box.xmax, box.ymax)),
                difficult=box.difficult or None,
            )
            for box in one.labels.boxes
        )
        return (LabelSet(LABEL_SET, "detection", entries),) if entries else ()
    entries = tuple(Entry(_name(index, one.number, names)) for index in indices)
    return (LabelSet(LABEL_SET, "classification", entries),) if entries else ()


def _name(index: int, record: int, names: list[str] | None) -> str:
    if names is None and index >= 0:
        return str(index)
    if names is None or not 0 <= index < len(names):
        raise Invalid(
            "set-classes",
            N_("Record {record} has the class {index}, and the table of classes has {count}, from 0."),
            hint=N_("Give the labels.csv that belongs to this set, or none."),
            field="source.labels",
            record=record,
            index=index,
            count=len(names or ()),
        )
    return names[index]


def make_batch(spec: IntakeSpec, folder: Path, seen: Seen) -> None:
    """``batch/``: hard links to the set with its class table, its specification and a manifest, visible when it is whole."""
    target, part = spec.folder / BATCH, spec.folder / f".{BATCH}.part"
    if target.exists():
        return
    shutil.rmtree(part, ignore_errors=True)
    name = f"{spec.format}-{spec.split}"
    shutil.copytree(folder, part / name, copy_function=os.link)
    (part / name / LABELS).unlink(missing_ok=True)
    write_labels(part / name, index_table(spec.format, seen.kind, {one: index for index, one in enumerate(seen.classes)}))
    now = datetime.now(UTC).isoformat(timespec="seconds")
    files = checksums(part / name)
    size = sum(path.stat().st_size for path in (part / name).rglob("*") if path.is_file())
    count = DatasetFolder(spec.folder).manifest().samples
    plan = _plan(spec, seen)
    one = SetManifest(name, spec.format, spec.split, (0, count), count, size, files)
    write_json(part / name / SPECIFICATION, set_specification(plan, one, len(seen.classes), (now, now)))
    write_json(part / MANIFEST, _manifest(spec, plan, one, seen))
    part.replace(target)


def _plan(spec: IntakeSpec, seen: Seen) -> BatchPlan:
    return BatchPlan(
        list_path=spec.folder / LIST,
        label_set=seen.label_set,
        formats=(spec.format,),
        ratios={spec.split: 1.0},
        shuffle=False,
        batch=spec.batch,
        owner=spec.owner,
    )


def _manifest(spec: IntakeSpec, plan: BatchPlan, one: SetManifest, seen: Seen) -> BatchManifest:
    whole = DatasetFolder(spec.folder).manifest()
    places = range(len(seen.classes))
    counts = ClassCounts([seen.pictures[i] for i in places], [seen.objects[i] for i in places] if seen.kind == "boxes" else [])
    return BatchManifest(
        batch=spec.batch, label_set=plan.label_set, classes=seen.classes, multi_label=seen.kind == "classes",
        ratios=plan.ratios, shuffle=False, seed=0, recipe=plan.recipe, planned=one.samples, written=one.samples,
        skipped_total=0, skipped=[], sets=[one], created=whole.created, completed=whole.created,
        lineage={"formatted": spec.format, "list_sha256": whole.list_sha256}, kind=seen.kind, counts={spec.split: counts},
    )  # fmt: skip


def _full(spec: IntakeSpec) -> None:
    """The disk is full: what was brought for nothing goes."""
    for path in (spec.folder / PICTURES, spec.folder / f".{BATCH}.part"):
        shutil.rmtree(path, ignore_errors=True)


if __name__ == "__main__":
    os.umask(0o022)
    sys.exit(main(sys.argv))
