"""``labels.csv``: one line per class, ``index,name``, with the index that stands in the set's files.

Where boxes are counted from 1 the first line is ``0,__background__``; elsewhere the number of classes is the number of lines.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path

from trainyard.formats.damage import Damaged
from trainyard.words import N_

LABELS = "labels.csv"
BACKGROUND = "__background__"
MOST_CLASSES = 100_000
_LONGEST = 1 << 26


def write_labels(folder: Path, labels: Mapping[str, int]) -> None:
    """Write the table beside a set; names with commas or quotes are quoted as CSV does it, lines end with LF."""
    with (folder / LABELS).open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerows((index, name) for name, index in labels.items())


def read_labels(folder: Path) -> list[str]:
    """The class names of a set in the order of a record's indices, without the background.

    Raises:
        Damaged: a line is no index with a name, or there are too many.
        FileNotFoundError: there is no table.
    """
    return read_table(folder / LABELS)


def read_table(path: Path) -> list[str]:
    """The class names of the table ``path``, as ``read_labels``."""
    if path.stat().st_size > _LONGEST:
        raise Damaged(N_("The table {file} has more than {limit} classes."), file=path.name, limit=MOST_CLASSES)
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = {int(index): name for index, name in csv.reader(file)}
    except (ValueError, csv.Error):
        raise Damaged(N_("The table {file} does not have an index and a name in every line."), file=path.name) from None
    if len(rows) > MOST_CLASSES:
        raise Damaged(N_("The table {file} has more than {limit} classes."), file=path.name, limit=MOST_CLASSES)
    if rows and sorted(rows) != list(range(len(rows))):
        raise Damaged(N_("The indices in the table {file} are not 0, 1, 2 and so on."), file=path.name)
    names = [rows[index] for index in sorted(rows)]
    return names[1:] if names[:1] == [BACKGROUND] else names
