"""Pictures without annotation files: unlabelled, labelled by the folder they lie in, or by a text file beside each.

The last is ModelArts' "classification 1.0": ``1.jpg`` and ``1.txt`` with one label a line.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

from trainyard.datasets.importers.media import media_type, suffix_of
from trainyard.datasets.importers.report import Report
from trainyard.datasets.importers.tree import Tree, class_folder
from trainyard.datasets.sample import Entry, LabelSet, Sample

_LONGEST_TEXT = 64 * 1024


def pictures(tree: Tree, report: Report, label_set: str) -> Iterator[Sample]:
    """Every picture and video, unlabelled."""
    for path in tree.files():
        kind = media_type(path)
        if kind is None:
            report.problem(path, "no-picture")
        else:
            yield Sample(0, path, kind)


def class_folders(tree: Tree, report: Report, label_set: str) -> Iterator[Sample]:
    """Every picture with its folder as its class; folders such as ``train`` and ``val`` at the top are no classes."""
    for path in tree.files():
        kind = media_type(path)
        if kind is None:
            report.problem(path, "no-picture")
            continue
        name = class_folder(path.removeprefix(tree.base))
        if name is None:
            report.remark("unlabelled", path)
        labels = (LabelSet(label_set, "classification", (Entry(name),)),) if name else ()
        yield Sample(0, path, kind, labels)


def text_labels(tree: Tree, report: Report, label_set: str) -> Iterator[Sample]:
    """Every picture with the labels in the text file of its name."""
    for path in tree.media():
        text = tree.inside(f"{path[: len(path) - len(suffix_of(path))]}.txt")
        if text is None:
            report.remark("unlabelled", path)
            yield Sample(0, path, media_type(path) or "image")
            continue
        try:
            classes = _labels(tree, text)
        except ValueError as error:
            report.problem(text, "label-text", reason=str(error)[:80])
            continue
        entries = tuple(Entry(name) for name in classes)
        labels = (LabelSet(label_set, "classification", entries),) if entries else ()
        yield Sample(0, path, media_type(path) or "image", labels)


def _labels(tree: Tree, path: str) -> list[str]:
    """Each line once.

    Raises:
        ValueError: the text is too long, neither UTF-8 nor GB 18030, or has control characters.
    """
    with tree.path(path).open("rb") as file:
        data = file.read(_LONGEST_TEXT + 1)
    if len(data) > _LONGEST_TEXT:
        raise ValueError(f"more than {_LONGEST_TEXT} bytes")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("gb18030")
    found = list(dict.fromkeys(line.strip() for line in text.splitlines() if line.strip()))
    if bad := next((letter for letter in "".join(found) if unicodedata.category(letter) == "Cc"), ""):
        raise ValueError(f"it has the control character U+{ord(bad):04X}")
    return found
