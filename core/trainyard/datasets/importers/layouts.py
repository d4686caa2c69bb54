"""Which layout an unpacked archive has, and the list that is made of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from trainyard.datasets.folder import LIST, PICTURES, Progress, Stopped
from trainyard.datasets.importers import cifar10, coco, folders, voc, yolo
from trainyard.datasets.importers.media import PICTURES as PICTURE_SUFFIXES
from trainyard.datasets.importers.media import media_type
from trainyard.datasets.importers.report import Report
from trainyard.datasets.importers.tree import Tree
from trainyard.datasets.importers.walk import files_below
from trainyard.datasets.jsonlist import write_list
from trainyard.datasets.sample import Sample
from trainyard.errors import Invalid
from trainyard.words import N_, quoted

AUTO = "auto"
LABEL_SET = "general"
_TOLD_EVERY = 1000
_YOLO_LINE = re.compile(rb"\s*\d+(\s+[-+.\deE]+){4,}\s*")


class Layout(NamedTuple):
    """One way to lay out pictures and labels. ``found`` says whether a tree looks like it."""

    name: str
    found: Callable[[Tree], bool]
    samples: Callable[[Tree, Report, str], Iterator[Sample]]


def _is_voc(tree: Tree) -> bool:
    return any(b"<annotation" in _head(tree, path) for path in tree.survey.first.get(".xml", [])[:5])


def _is_yolo(tree: Tree) -> bool:
    texts = tree.survey.first.get(".txt", [])
    return bool(texts) and (yolo.names(tree) is not None or any(_YOLO_LINE.match(_head(tree, path)) for path in texts[:20]))


def _is_text_labels(tree: Tree) -> bool:
    """Most of the first text files have a picture of their name beside them."""
    texts = tree.survey.first.get(".txt", [])
    return sum(any(tree.inside(path[:-4] + end) for end in PICTURE_SUFFIXES) for path in texts) * 2 > len(texts)


def _is_class_folders(tree: Tree) -> bool:
    return len(tree.survey.folders) > 1 and not tree.survey.loose


LAYOUTS = (
    Layout("cifar10", lambda tree: bool(cifar10.batches(tree)), cifar10.samples),
    Layout("coco", lambda tree: bool(coco.documents(tree)), coco.samples),
    Layout("voc", _is_voc, voc.samples),
    Layout("yolo", _is_yolo, yolo.samples),
    Layout("modelarts", _is_text_labels, folders.text_labels),
    Layout("class-folders", _is_class_folders, folders.class_folders),
    Layout("pictures", lambda tree: True, folders.pictures),
)
"""In the order in which they are looked for: the first that fits is taken."""
_MISSING = {
    "cifar10": N_("files named data_batch_1.bin or test_batch.bin"),
    "coco": N_("a JSON file with images and annotations"),
    "voc": N_("XML files that begin with <annotation>"),
    "yolo": N_("text files with a class and four numbers a line"),
}


def make_list(folder: Path, layout: str, label_set: str, progress: Progress, should_stop: Callable[[], bool]) -> str:
    """Write ``index.jsonl`` and ``import.json`` of what was unpacked into ``pictures``; the name of the layout.

    Afterwards ``pictures`` holds pictures and videos only: what the labels said is in the list.

    Raises:
        Invalid: the archive has nothing of the layout that was asked for, or no picture at all.
        Stopped: ``should_stop`` said so.
    """
    tree = Tree(folder / PICTURES)
    cifar10.refuse_pickle(tree)
    chosen = _chosen(tree, layout)
    report, total = Report(chosen.name), sum(tree.survey.suffixes.values())
    part = folder / f".{LIST}.part"
    with part.open("wb") as file:
        found = chosen.samples(tree, report, label_set or LABEL_SET)
        count = write_list(file, _watched(found, total, progress, should_stop))
    if not count:
        raise _nothing(tree, report)
    report.save(folder)
    part.replace(folder / LIST)
    return chosen.name


def tidy(folder: Path) -> None:
    """Delete what was unpacked and is neither picture nor video nor pack."""
    root = folder / PICTURES
    for path in files_below(root):
        if not media_type(path) and path != cifar10.PACK:
            (root / path).unlink()


def _chosen(tree: Tree, asked: str) -> Layout:
    if asked == AUTO:
        return next(one for one in LAYOUTS if one.found(tree))
    chosen = next(one for one in LAYOUTS if one.name == asked)
    if asked in _MISSING and not chosen.found(tree):
        raise Invalid(
            "layout",
            N_("The archive has not the layout {layout}: it lacks {missing}."),
            hint=N_("Choose another layout, or let it be found."),
            field="source.layout",
            layout=asked,
            missing=quoted(_MISSING[asked], {}),
        )
    return chosen


def _watched(samples: Iterator[Sample], total: int, progress: Progress, should_stop: Callable[[], bool]) -> Iterator[Sample]:
    for number, sample in enumerate(samples):
        if number % _TOLD_EVERY == 0:
            if should_stop():
                raise Stopped
            progress(min(number, total), max(total, 1))
        yield sample


def _nothing(tree: Tree, report: Report) -> Invalid:
    told = report.result.problems
    if told and (tree.survey.loose or tree.survey.folders):
        return Invalid(
            "archive-without-samples",
            N_("Nothing in the archive could be taken, read as {layout}. The first of {count} problems: {reason}"),
            hint=N_("Correct the files, or choose another layout."),
            field="source.layout",
            layout=report.result.layout,
            count=report.result.problems_total,
            reason=quoted(told[0].message, told[0].values),
        )
    held = ", ".join(f"{count} × {suffix or '–'}" for suffix, count in tree.survey.suffixes.most_common(5)) or "0"
    return Invalid(
        "archive-without-pictures",
        N_("The archive holds no picture and no video: {held}."),
        hint=N_("Pack files such as .jpg or .png; an archive inside an archive is not opened."),
        field="source.file",
        held=held,
    )


def _head(tree: Tree, path: str) -> bytes:
    with tree.path(path).open("rb") as file:
        return file.read(65536)
