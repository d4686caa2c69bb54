"""The formatted sets at ``/workspace/mnt/data/{train,val}`` as MXNet's own iterators.

A set is ``cache/data.rec`` with ``cache/data.idx`` and ``labels.csv``, one line a class.
"""

from dataclasses import dataclass
from pathlib import Path

import mxnet as mx

LARGEST_EDGE = 224


@dataclass(frozen=True)
class Shape:
    """What the first record says: channels and the edge of the square that is cut out of every picture."""

    channels: int
    edge: int


@dataclass(frozen=True)
class Part:
    """Which part of the pictures a worker trains with; ``batches`` an epoch, the same in all of them."""

    index: int
    parts: int
    batches: int


def exists(folder: Path) -> bool:
    """Whether a set is mounted at ``folder``."""
    return (folder / "cache" / "data.rec").is_file()


def count(folder: Path) -> int:
    """The number of pictures."""
    with (folder / "cache" / "data.idx").open() as lines:
        return sum(1 for _ in lines)


def classes(folder: Path) -> int:
    """The number of classes."""
    with (folder / "labels.csv").open(encoding="utf-8") as lines:
        return sum(1 for line in lines if line.strip())


def shape(folder: Path, edge) -> Shape:
    """Look at the first picture; ``edge`` is a number of pixels, or "auto" for the shorter edge, at most 224."""
    record = mx.recordio.MXRecordIO(str(folder / "cache" / "data.rec"), "r")
    _, picture = mx.recordio.unpack_img(record.read(), iscolor=-1)
    record.close()
    channels = 3 if picture.ndim == 3 and picture.shape[2] >= 3 else 1
    return Shape(channels, min(*picture.shape[:2], LARGEST_EDGE) if edge == "auto" else int(edge))


def training(folder: Path, shape: Shape, params: dict, part: Part) -> mx.io.DataIter:
    """Shuffled pictures, each time a little shifted and turned."""
    picture = params["picture"]
    pictures = mx.io.ImageRecordIter(
        part_index=part.index,
        num_parts=part.parts,
        shuffle=True,
        shuffle_chunk_seed=params["seed"],
        pad=picture["shift"],
        fill_value=0,
        rand_crop=True,
        rand_mirror=picture["mirror"],
        max_rotate_angle=picture["rotate"],
        **_common(folder, shape, params),
    )
    # a worker with a batch more than the others would wait for them for ever
    return mx.io.ResizeIter(pictures, part.batches) if part.parts > 1 else pictures


def validation(folder: Path, shape: Shape, params: dict) -> mx.io.DataIter:
    """Every picture exactly once, as it is."""
    inner = mx.io.ImageRecordIter(shuffle=False, round_batch=False, **_common(folder, shape, params))
    return Unpadded(inner, count(folder))


class Unpadded(mx.io.DataIter):
    """Cuts off what fills the last batch up: MXNet 1.9.1 leaves older pictures there and says nothing about it."""

    def __init__(self, inner: mx.io.DataIter, pictures: int):
        super().__init__(inner.batch_size)
        self.inner = inner
        self.provide_data = inner.provide_data
        self.provide_label = inner.provide_label
        self.pictures = self.left = pictures

    def reset(self):
        """Begin again."""
        self.inner.reset()
        self.left = self.pictures

    def next(self) -> mx.io.DataBatch:
        """The next batch; the last one may be smaller."""
        batch = self.inner.next()
        size = min(self.batch_size, self.left)
        self.left -= size
        return mx.io.DataBatch([data[:size] for data in batch.data], [label[:size] for label in batch.label], pad=0)


def _common(folder: Path, shape: Shape, params: dict) -> dict:
    return {
        "path_imgrec": str(folder / "cache" / "data.rec"),
        "path_imgidx": str(folder / "cache" / "data.idx"),
        "data_shape": (shape.channels, shape.edge, shape.edge),
        "resize": shape.edge,
        "batch_size": params["batch_size"],
        "mean_r": 128,
        "mean_g": 128,
        "mean_b": 128,
        "scale": 1 / 64,
        "seed": params["seed"],
        "seed_aug": params["seed"],
        "preprocess_threads": 2,
        "verbose": False,
    }
