"""What a ``Datum`` holds for a record, and back.

One class: ``label``. Several: 0 or 1 for each class in ``float_data``, the first that is set in ``label``. Unlabelled: no
``label`` (Caffe reads 0). Boxes: SSD's ``AnnotatedDatum``, edges as parts of 1, classes from 1 because 0 is the background.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

from trainyard.formats.lmdb.datum import BadDatum, Datum
from trainyard.formats.record import UNLABELLED, Box, Labels, Record, one_class, several_classes, some_boxes
from trainyard.words import N_

_AXES = ("channels", "height", "width")
BACKGROUND = 1
"""How many indices stand before the first class where there are boxes."""


def to_datum(record: Record, *, raw: bool) -> Datum:
    """The message of ``record``; its picture as it is, or ``raw``: decoded to channel, height, width, BGR."""
    labels = record.labels
    label = labels.indices[0] if labels.kind in ("class", "classes") and labels.indices else None
    floats = labels.numbers if labels.kind == "classes" else ()
    boxes = _to_parts(record) if labels.kind == "boxes" else None
    data = (record.pixels or pixels_of(record.picture, record.channels)) if raw else record.picture
    return Datum(record.channels, record.height, record.width, data, label, floats, not raw, boxes)


def to_record(number: int, name: str, datum: Datum) -> Record:
    """The record of ``datum``; raw pixels become a PNG, so that every reader gets a picture file."""
    picture = bytes(datum.data) if datum.encoded else png_of(datum)
    return Record(number, name, labels_of(datum), picture, datum.channels, datum.height, datum.width)


def labels_of(datum: Datum) -> Labels:
    """The labels that ``datum`` holds."""
    if datum.boxes is not None:
        width, height = datum.width, datum.height
        return some_boxes(
            Box(box.label - BACKGROUND, box.xmin * width, box.ymin * height, box.xmax * width, box.ymax * height, box.difficult)
            for box in datum.boxes
        )
    if datum.float_data:
        return several_classes(datum.float_data)
    return UNLABELLED if datum.label is None else one_class(datum.label)


def pixels_of(picture: bytes, channels: int) -> bytes:
    """The decoded ``picture`` (JPEG or PNG) in channel, height, width order, BGR, one byte each."""
    flag = cv2.IMREAD_GRAYSCALE if channels == 1 else cv2.IMREAD_COLOR
    pixels: Any = cv2.imdecode(np.frombuffer(picture, np.uint8), flag | cv2.IMREAD_IGNORE_ORIENTATION)
    if pixels is None:
        raise BadDatum(N_("The picture cannot be decoded."))
    return pixels.tobytes() if channels == 1 else np.ascontiguousarray(pixels.transpose(2, 0, 1)).tobytes()


def png_of(datum: Datum) -> bytes:
    """The raw pixels of ``datum`` as a PNG.

    Raises:
        BadDatum: there are more or fewer bytes than pixels, or not one or three channels.
    """
    shape = datum.channels, datum.height, datum.width
    if datum.channels not in (1, 3) or min(shape) < 1 or len(datum.data) != datum.channels * datum.height * datum.width:
        values = dict(zip(_AXES, shape, strict=True))
        raise BadDatum(N_("The pixels are more or fewer than {channels} × {height} × {width}."), **values)
    pixels = np.frombuffer(datum.data, np.uint8).reshape(shape)
    return bytes(cv2.imencode(".png", np.ascontiguousarray(pixels.transpose(1, 2, 0)))[1].data)


def _to_parts(record: Record) -> tuple[Box, ...]:
    width, height = max(1, record.width), max(1, record.height)
    return tuple(
        Box(box.label + BACKGROUND, box.xmin / width, box.ymin / height, box.xmax / width, box.ymax / height, box.difficult)
        for box in record.labels.boxes
    )
