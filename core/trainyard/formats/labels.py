"""``labels.csv``: one line per class, ``index,name``; the number of classes is the number of lines."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path

LABELS = "labels.csv"


def write_labels(folder: Path, labels: Mapping[str, int]) -> None:
    """Write the table beside a set; names with commas or quotes are quoted as CSV does it, lines end with LF."""
    with (folder / LABELS).open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerows((index, name) for name, index in labels.items())


def read_labels(folder: Path) -> list[str]:
    """The class names of a set in the order of their indices."""
    with (folder / LABELS).open(encoding="utf-8", newline="") as file:
        return [name for _, name in csv.reader(file)]
