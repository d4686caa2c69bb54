"""The numbers of a RecordIO record's header, and the labels they stand for.

One class: the index alone. Several classes: 0 or 1 for each. Unlabelled: -1. Boxes, as GluonCV and MXNet's
``ImageDetIter`` read them: ``2, B, (class, xmin, ymin, xmax, ymax[, difficult]) × n`` with B = 5 or 6 and edges as parts of 1.
"""

from __future__ import annotations

import math

from trainyard.formats.record import UNLABELLED, Box, Labels, Record, one_class, several_classes, some_boxes
from trainyard.formats.recordio.framing import BadRecord
from trainyard.words import N_

HEAD = 2
PLAIN, WITH_DIFFICULT = 5, 6
NO_LABEL = -1.0


def to_numbers(record: Record, *, difficult: bool) -> tuple[float, ...]:
    """What stands in the record; ``difficult`` gives every box of the set a sixth number."""
    labels = record.labels
    if labels.kind != "boxes":
        return labels.numbers or (NO_LABEL,)
    width, height = max(1, record.width), max(1, record.height)
    numbers = [float(HEAD), float(WITH_DIFFICULT if difficult else PLAIN)]
    for box in labels.boxes:
        numbers += (box.label, box.xmin / width, box.ymin / height, box.xmax / width, box.ymax / height)
        if difficult:
            numbers.append(float(box.difficult))
    return tuple(numbers)


def to_labels(numbers: tuple[float, ...], size: tuple[int, int], *, alone: bool) -> Labels:
    """The labels that ``numbers`` stand for in a picture of ``size`` (width, height); ``alone``: the header's own label.

    Raises:
        BadRecord: a number is infinite or none.
    """
    if not all(map(math.isfinite, numbers)):
        raise BadRecord(N_("A label is infinite or no number."))
    if alone:
        return UNLABELLED if numbers[0] < 0 else one_class(int(numbers[0]))
    if not _has_boxes(numbers):
        return several_classes(numbers)
    head, wide = int(numbers[0]), int(numbers[1])
    return some_boxes(_box(numbers[at : at + wide], size) for at in range(head, len(numbers), wide))


def _has_boxes(numbers: tuple[float, ...]) -> bool:
    """Whether ``numbers`` are boxes: they say their own layout in front, which a vector of 0 and 1 cannot."""
    if len(numbers) < HEAD or numbers[0] < HEAD or numbers[1] < PLAIN:
        return False
    return len(numbers) >= numbers[0] and (len(numbers) - int(numbers[0])) % int(numbers[1]) == 0


def _box(numbers: tuple[float, ...], size: tuple[int, int]) -> Box:
    width, height = size
    label, xmin, ymin, xmax, ymax = numbers[:PLAIN]
    difficult = len(numbers) > PLAIN and numbers[PLAIN] == 1.0
    return Box(int(label), xmin * width, ymin * height, xmax * width, ymax * height, difficult)
