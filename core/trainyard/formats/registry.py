"""The formats there are: name, writer, reader, and how a training script reads them. A new format is one row here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from trainyard.formats.lmdb.reader import LmdbReader
from trainyard.formats.lmdb.writer import LmdbWriter
from trainyard.formats.record import SetReader, SetWriter, State
from trainyard.formats.recordio.reader import RecordIOReader
from trainyard.formats.recordio.writer import RecordIOWriter
from trainyard.formats.snippets import LMDB_SNIPPETS, RECORDIO_SNIPPETS


class Format(NamedTuple):
    """One container format. ``loaders`` maps a framework to a few lines that read a set of it."""

    name: str
    writer: Callable[[Path, State | None], SetWriter]
    reader: Callable[[Path], SetReader]
    loaders: Mapping[str, str]


FORMATS: Mapping[str, Format] = {
    "recordio": Format("recordio", RecordIOWriter, RecordIOReader, RECORDIO_SNIPPETS),
    "lmdb": Format("lmdb", LmdbWriter, LmdbReader, LMDB_SNIPPETS),
}
