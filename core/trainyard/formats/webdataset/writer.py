"""Write tar shards whose samples are ``00000042.jpg``, ``00000042.cls`` and ``00000042.json``."""

from __future__ import annotations

from pathlib import Path

from trainyard.formats.containers import ShardWriter, shards_reach
from trainyard.formats.header import extension_of
from trainyard.formats.listing import encode
from trainyard.formats.record import Record, SetOptions, State
from trainyard.formats.webdataset.tar import END, member

SUFFIX = "tar"


class WebDatasetWriter(ShardWriter):
    """Appends samples; after a checkpoint a new writer goes on with byte-identical files."""

    def __init__(self, folder: Path, state: State | None = None, options: SetOptions = SetOptions()) -> None:
        super().__init__(folder, SUFFIX, options.shard_bytes, state, END)

    @staticmethod
    def reaches(folder: Path, state: State) -> bool:
        """Whether the shards in ``folder`` hold what ``state`` says."""
        return shards_reach(folder, state, SUFFIX)

    def add(self, record: Record) -> None:
        """Append the members of one sample: the picture, the class index where there is one, and everything as JSON."""
        key = f"{record.number:08d}"
        parts = [member(f"{key}.{extension_of(record.picture)}", record.picture)]
        if record.labels.kind == "class":
            parts.append(member(f"{key}.cls", b"%d" % record.labels.numbers[0]))
        parts.append(member(f"{key}.json", encode(record)))
        self.append(record.number, b"".join(parts))
