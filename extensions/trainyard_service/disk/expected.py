"""How many bytes a batch will probably take, so that many presses at once cannot overrun a quota together."""

from __future__ import annotations

from trainyard.records.datasets import NewBatch

from trainyard_service.database.tables.datasets import DatasetRow

_BYTES_PER_PIXEL = 0.45
"""A photograph as JPEG at quality 95, measured on 500×375 pictures; others are smaller."""
_RAW = 3
_LONGER_EDGE = 4 / 3


def expected_bytes(dataset: DatasetRow, new: NewBatch, *, spooled: bool = False) -> int:
    """For all formats together: the pictures as they lie in the dataset, or what resized ones take where that is less.

    Raw pixels take three bytes each. Where shards share the work (``spooled``) what they leave is on the disk once more
    until the sets are written. Pictures that lie elsewhere (a bucket, a share) and are not resized are not known beforehand;
    then it is the list's size.
    """
    pictures = dataset.disk
    if new.resize and dataset.images:
        pictures = min(pictures, int(dataset.images * _pixels(new.resize) * _BYTES_PER_PIXEL)) or pictures
    copies = len(new.formats) + spooled
    raw = int(pictures / _BYTES_PER_PIXEL * _RAW) if new.lmdb_values == "raw" and "lmdb" in new.formats else pictures
    return max(pictures, 1) * (copies - 1) + max(raw, 1)


def _pixels(resize: str) -> float:
    width, _, height = resize.partition("x")
    return float(width) * (float(height) if height else float(width) * _LONGER_EDGE)
