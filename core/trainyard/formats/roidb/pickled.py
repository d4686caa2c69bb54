"""``roidb.pkl`` for py-faster-rcnn and its kin: a pickled list of dicts, written opcode by opcode and read by nothing of ours.

Protocol 2, as Python 2 reads it too, and with the module names of NumPy 1; NumPy 2 knows these as well. Arrays come out
writable and without ``encoding="latin1"``: their bytes travel as text through ``_codecs.encode``, as Python 3 does it.
The opcodes are those of Python's ``pickletools``.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

PICKLE = "roidb.pkl"
_PROTOCOL, _STOP, _MARK = b"\x80\x02", b".", b"("
_LIST, _APPENDS, _DICT, _SET_ITEMS = b"]", b"e", b"}", b"u"
_REDUCE, _BUILD, _TUPLE, _TUPLE1, _TUPLE2, _TUPLE3 = b"R", b"b", b"t", b"\x85", b"\x86", b"\x87"
_NONE, _TRUE, _FALSE, _POP = b"N", b"\x88", b"\x89", b"0"
_NAMES = ("numpy.core.multiarray\n_reconstruct\n", "numpy\nndarray\n", "numpy\ndtype\n", "_codecs\nencode\n")
_RECONSTRUCT, _ARRAY, _DTYPE, _ENCODE = (b"h" + bytes([place]) for place in range(len(_NAMES)))
_TOGETHER = 1000


def write_pickle(file: BinaryIO, pictures: Iterable[Mapping[str, Any]]) -> None:
    """Write ``pictures``, whose values are texts, whole numbers, truth values and arrays; one is in memory at a time."""
    file.write(_PROTOCOL + _LIST)
    for place, name in enumerate(_NAMES):
        file.write(b"c" + name.encode() + b"q" + bytes([place]) + _POP)
    count = 0
    for picture in pictures:
        if count % _TOGETHER == 0:
            file.write((_APPENDS if count else b"") + _MARK)
        items = b"".join(_text(key) + _value(value) for key, value in picture.items())
        file.write(_DICT + _MARK + items + _SET_ITEMS)
        count += 1
    file.write((_APPENDS if count else b"") + _STOP)


def _value(value: Any) -> bytes:
    if isinstance(value, np.ndarray):
        return _array(value)
    if isinstance(value, bool):
        return _TRUE if value else _FALSE
    return _text(value) if isinstance(value, str) else _whole(value)


def _array(array: npt.NDArray[Any]) -> bytes:
    """``_reconstruct(ndarray, (0,), b"b")`` with the state ``(1, shape, dtype, False, data)``."""
    made = _RECONSTRUCT + _ARRAY + _whole(0) + _TUPLE1 + _bytes(b"b") + _TUPLE3 + _REDUCE
    shape = _MARK + b"".join(map(_whole, array.shape)) + _TUPLE
    state = _MARK + _whole(1) + shape + _dtype(array.dtype) + _FALSE + _bytes(array.tobytes()) + _TUPLE
    return made + state + _BUILD


def _dtype(dtype: np.dtype[Any]) -> bytes:
    """``dtype("u2", False, True)`` with the state ``(3, "<", None, None, None, -1, -1, 0)``."""
    made = _DTYPE + _text(dtype.str[1:]) + _FALSE + _TRUE + _TUPLE3 + _REDUCE
    state = _MARK + _whole(3) + _text(dtype.str[0]) + _NONE * 3 + _whole(-1) * 2 + _whole(0) + _TUPLE
    return made + state + _BUILD


def _bytes(data: bytes) -> bytes:
    return _ENCODE + _text(data.decode("latin1")) + _text("latin1") + _TUPLE2 + _REDUCE


def _text(text: str) -> bytes:
    data = text.encode("utf-8", "surrogatepass")
    return b"X" + struct.pack("<I", len(data)) + data


def _whole(number: int) -> bytes:
    return b"J" + struct.pack("<i", number)
