"""Write shards of ``tf.train.Example`` with the feature names of TensorFlow's own models (slim, Object Detection API)."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from trainyard.formats.containers import ShardWriter, shards_reach
from trainyard.formats.header import extension_of
from trainyard.formats.record import Labels, Record, SetOptions, State
from trainyard.formats.tfrecord.example import encode
from trainyard.tfrecord import frame

SUFFIX = "tfrecord"
BACKGROUND = 1
"""How many indices stand before the first class where there are boxes: the Object Detection API keeps 0 for the background."""
EDGES = ("xmin", "ymin", "xmax", "ymax")
_FORMATS = {"jpg": b"jpeg", "png": b"png", "bin": b"raw"}


class TFRecordWriter(ShardWriter):
    """Appends samples; after a checkpoint a new writer goes on with byte-identical files."""

    def __init__(self, folder: Path, state: State | None = None, options: SetOptions = SetOptions()) -> None:
        super().__init__(folder, SUFFIX, options.shard_bytes, state)
        self._classes = [name.encode() for name in options.classes]

    @staticmethod
    def reaches(folder: Path, state: State) -> bool:
        """Whether the shards in ``folder`` hold what ``state`` says."""
        return shards_reach(folder, state, SUFFIX)

    def add(self, record: Record) -> None:
        """Append one sample."""
        self.append(record.number, frame(to_example(record, self._classes)))


def to_example(record: Record, classes: Sequence[bytes]) -> bytes:
    """The message of ``record``; ``classes`` are the names by index."""
    texts = {
        "image/encoded": [record.picture],
        "image/format": [_FORMATS[extension_of(record.picture)]],
        "image/filename": [record.name.encode()],
        "image/source_id": [b"%d" % record.number],
        "image/key/sha256": [hashlib.sha256(record.picture).hexdigest().encode()],
    }
    wholes = {"image/channels": [record.channels], "image/height": [record.height], "image/width": [record.width]}
    floats: dict[str, list[float]] = {}
    labels = record.labels
    if labels.kind == "boxes":
        indices = [box.label for box in labels.boxes]
        wholes["image/object/class/label"] = [index + BACKGROUND for index in indices]
        wholes["image/object/difficult"] = [int(box.difficult) for box in labels.boxes]
        texts["image/object/class/text"] = _names(indices, classes)
        floats = _edges(labels, (max(1, record.width), max(1, record.height)))
    elif labels.kind != "none":
        wholes["image/class/label"] = list(labels.indices)
        texts["image/class/text"] = _names(labels.indices, classes)
        if labels.kind == "classes":
            floats["image/class/hot"] = list(labels.numbers)
    return encode(texts, floats, wholes)


def _names(indices: Sequence[int], classes: Sequence[bytes]) -> list[bytes]:
    return [classes[index] if index < len(classes) else b"%d" % index for index in indices]


def _edges(labels: Labels, size: tuple[int, int]) -> dict[str, list[float]]:
    return {
        f"image/object/bbox/{name}": [box[place] / size[(place - 1) % 2] for box in labels.boxes]
        for place, name in enumerate(EDGES, start=1)
    }
