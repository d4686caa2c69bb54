"""Sample frames of a video, one behind the other: a film of any length takes the memory of one frame."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from typing import BinaryIO, NamedTuple

import cv2
import numpy as np

from trainyard.datasets.codec import MAX_PIXELS, Pixels
from trainyard.datasets.sources import PictureProblem
from trainyard.words import N_

_HAIR = 1e-3
_HEAD = 16
_MARKS: tuple[tuple[int, bytes], ...] = (
    (4, b"ftyp"),
    (4, b"moov"),
    (4, b"mdat"),
    (0, b"\x1a\x45\xdf\xa3"),
    (8, b"AVI "),
    (0, b"\x00\x00\x01\xba"),
    (0, b"\x47"),
    (0, b"FLV"),
    (0, b"OggS"),
    (0, b"\x30\x26\xb2\x75"),
)
"""Where which bytes stand in MP4, QuickTime, Matroska and WebM, AVI, MPEG, MPEG-TS, FLV, Ogg and ASF files. Playlists, which
could lead the decoder to other files, are none of these."""


class VideoFrame(NamedTuple):
    """A decoded frame (height, width, BGR) and when it is shown."""

    milliseconds: int
    pixels: Pixels


def frames(file: BinaryIO, per_second: float, pass_over: int = 0) -> Iterator[VideoFrame]:
    """``per_second`` frames of every second of the video ``file``: the first one, then each that is the first due.

    A video with fewer frames a second gives each of them once. The first ``pass_over`` are counted and not handed out.

    Raises:
        PictureProblem: ``video-unknown``, ``video-broken`` or ``picture-huge``.
    """
    _must_be_a_video(file)
    capture = cv2.VideoCapture(f"/proc/self/fd/{file.fileno()}", cv2.CAP_FFMPEG)
    with closing(_Releasing(capture.release)):
        if not capture.isOpened():
            raise PictureProblem("video-broken", N_("The video cannot be decoded."))
        _must_not_be_huge(capture)
        found = 0
        for moment in _due(capture, per_second):
            found += 1
            if found > pass_over:
                yield VideoFrame(moment, _retrieve(capture))
        if not found:
            raise PictureProblem("video-broken", N_("The video cannot be decoded."))


class _Releasing(NamedTuple):
    close: Callable[[], None]


def _due(capture: cv2.VideoCapture, per_second: float) -> Iterator[int]:
    """Grab frame after frame; gives the time in milliseconds where one is due."""
    step = 1000 / per_second
    native = capture.get(cv2.CAP_PROP_FPS) or 25.0
    due, index, last = 0.0, 0, -1.0
    while capture.grab():
        moment = capture.get(cv2.CAP_PROP_POS_MSEC)
        if moment <= last:  # some containers have no times
            moment = max(last, index * 1000 / native)
        if moment + _HAIR >= due:
            yield round(moment)
            due = step * (int((moment + _HAIR) / step) + 1)
        index, last = index + 1, moment


def _retrieve(capture: cv2.VideoCapture) -> Pixels:
    done, pixels = capture.retrieve()
    if not done:
        raise PictureProblem("video-broken", N_("The video cannot be decoded."))
    return np.asarray(pixels, dtype=np.uint8)


def _must_be_a_video(file: BinaryIO) -> None:
    head = file.read(_HEAD)
    file.seek(0)
    if not any(head[place : place + len(mark)] == mark for place, mark in _MARKS):
        raise PictureProblem("video-unknown", N_("The file is not a video in a format that is known."))


def _must_not_be_huge(capture: cv2.VideoCapture) -> None:
    width, height = (int(capture.get(what)) for what in (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT))
    if width * height > MAX_PIXELS:
        raise PictureProblem(
            "picture-huge",
            N_("The picture has {width} × {height} pixels; at most {limit} pixels are allowed."),
            width=width,
            height=height,
            limit=MAX_PIXELS,
        )
