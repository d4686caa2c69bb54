"""The formats there are: writer, reader, what they can hold, and how a training script reads them. A new one is one row."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple, Protocol

from trainyard.formats.labels import BACKGROUND
from trainyard.formats.lmdb.reader import LmdbReader
from trainyard.formats.lmdb.writer import LmdbWriter
from trainyard.formats.pictures.reader import PicturesReader
from trainyard.formats.pictures.writer import PicturesWriter
from trainyard.formats.record import Kind, SetOptions, SetReader, SetWriter, State
from trainyard.formats.recordio.reader import RecordIOReader
from trainyard.formats.recordio.writer import RecordIOWriter
from trainyard.formats.roidb.writer import RoidbWriter
from trainyard.formats.snippets import LOADERS, Loaders
from trainyard.formats.tfrecord.reader import TFRecordReader
from trainyard.formats.tfrecord.writer import TFRecordWriter
from trainyard.formats.webdataset.reader import WebDatasetReader
from trainyard.formats.webdataset.writer import WebDatasetWriter

ALL: frozenset[Kind] = frozenset(("class", "classes", "boxes", "none"))
BOXES: frozenset[Kind] = frozenset(("boxes",))


class WriterClass(Protocol):
    """What makes writers of one format, and tells whether files reach as far as a checkpoint says."""

    def __call__(self, folder: Path, state: State | None = None, options: SetOptions = SetOptions(), /) -> SetWriter: ...

    def reaches(self, folder: Path, state: State, /) -> bool: ...


class Format(NamedTuple):
    """One container format for labels of the kinds it ``accepts``.

    ``loaders`` tells for a kind of labels and a framework a few lines that read a set of it. ``background``: boxes are
    counted from 1 in its files, for its readers keep 0 for the background. ``loose``: its pictures are files of their own
    below ``images/``; their sizes and checksums stand in the set's ``samples.jsonl``.
    """

    name: str
    writer: WriterClass
    reader: Callable[[Path], SetReader]
    loaders: Loaders
    accepts: frozenset[Kind] = ALL
    background: bool = False
    loose: bool = False


FORMATS: Mapping[str, Format] = {
    one.name: one
    for one in (
        Format("recordio", RecordIOWriter, RecordIOReader, LOADERS["recordio"]),
        Format("lmdb", LmdbWriter, LmdbReader, LOADERS["lmdb"], background=True),
        Format("roidb", RoidbWriter, PicturesReader, LOADERS["roidb"], BOXES, background=True, loose=True),
        Format("pictures", PicturesWriter, PicturesReader, LOADERS["pictures"], loose=True),
        Format("webdataset", WebDatasetWriter, WebDatasetReader, LOADERS["webdataset"]),
        Format("tfrecord", TFRecordWriter, TFRecordReader, LOADERS["tfrecord"], background=True),
    )
}


def index_table(name: str, kind: Kind, labels: Mapping[str, int]) -> dict[str, int]:
    """The table for ``labels.csv`` of a set: class to the number that stands for it in the files of the format ``name``."""
    if kind != "boxes" or not FORMATS[name].background:
        return dict(labels)
    return {BACKGROUND: 0} | {label: index + 1 for label, index in labels.items()}
