"""What an importer could not take, file by file, and what it only has to remark on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from trainyard.datasets.sample import Problem, Remark
from trainyard.datasets.statistics import KEPT_PROBLEMS, Statistics
from trainyard.decoding import prepared
from trainyard.words import N_

FILE = "import.json"
_KEPT_PLACES = 10
REASONS = {
    "no-picture": N_("{field} is no picture or video by its name. Only such files become samples."),
    "name": N_("The name {field} is no text in any known encoding. Rename the file."),
    "picture-missing": N_("{field} names the picture {picture}, which is not there. Add the picture."),
    "picture-several": N_("{field} names the picture {picture}, and there are several of that name. Write its folder, too."),
    "picture-unnamed": N_("No annotation names the picture {field}. Delete it, or annotate it."),
    "picture-size": N_("The size of {field} cannot be read, so that its labels cannot be turned into pixels. Replace it."),
    "xml": N_("{field} is not valid XML: {reason}. Correct or delete it."),
    "xml-entities": N_("{field} declares entities, which annotations do not need. Delete the declaration."),
    "too-long": N_("{field} has {size} bytes; an annotation has at most {limit}. Split it."),
    "voc": N_("{field} is no VOC annotation: {reason}. Correct it."),
    "coco": N_("{field} is no COCO annotation: {reason}. Correct it."),
    "yolo": N_("{field}: {reason}. Write class, centre and size of each box as parts of 1: 0 0.5 0.5 0.2 0.3."),
    "label-text": N_("{field} is no text with one label a line: {reason}. Correct it."),
    "cifar": N_("{field} has {size} bytes, which is no multiple of {record}. Take the binary version of CIFAR-10."),
    "cifar-label": N_("{field}: picture {number} has the label {label}; there are 10 classes, 0 to 9."),
}
REMARKS = {
    "box-outside": N_("Boxes reach beyond their picture; they are clipped when the pictures are formatted."),
    "turned": N_("Exif turns these pictures; their boxes were taken to be of the picture as it is shown."),
    "linked": N_("Links were passed over: a link may lead anywhere."),
    "other-files": N_("Files that are neither pictures nor videos were passed over."),
    "unlabelled": N_("Pictures without an annotation came in without labels."),
    "index-made": N_("The index did not name every record once; it was made anew from the records."),
    "shape": N_("Objects that are points or lines have no box and were left out."),
}


@prepared
class Imported(msgspec.Struct):
    """What an importer made of an archive or a prefix."""

    layout: str
    problems_total: int = 0
    problems: list[Problem] = []
    remarks: list[Remark] = []


class Report:
    """Takes problems and remarks; keeps the first of each and counts all."""

    def __init__(self, layout: str) -> None:
        self.result = Imported(layout)
        self._remarks: dict[str, Remark] = {}

    def problem(self, field: str, code: str, **values: Any) -> None:
        """The file ``field`` was not taken."""
        self.result.problems_total += 1
        if len(self.result.problems) < KEPT_PROBLEMS:
            self.result.problems.append(Problem(0, 0, field, code, REASONS[code], {"field": field, **values}))

    def remark(self, code: str, place: str) -> None:
        """Something at ``place`` is worth a word and hinders nothing."""
        remark = self._remarks.get(code)
        if remark is None:
            remark = self._remarks[code] = Remark(code, REMARKS[code])
            self.result.remarks.append(remark)
        remark.count += 1
        if len(remark.places) < _KEPT_PLACES:
            remark.places.append(place)

    def save(self, folder: Path) -> None:
        """Write ``import.json`` beside the list."""
        (folder / FILE).write_bytes(msgspec.json.encode(self.result))


def read_report(folder: Path) -> Imported | None:
    """What the importer of this dataset told; None when its list came as a list."""
    try:
        return msgspec.json.decode((folder / FILE).read_bytes(), type=Imported)
    except (FileNotFoundError, msgspec.MsgspecError):
        return None


def add_report(statistics: Statistics, folder: Path) -> None:
    """Put what the importer told in front of what was found in its list."""
    told = read_report(folder)
    if told is not None:
        statistics.problems_total += told.problems_total
        statistics.problems = (told.problems + statistics.problems)[:KEPT_PROBLEMS]
        statistics.remarks = told.remarks + statistics.remarks
