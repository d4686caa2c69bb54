"""``tf.train.Example`` as protobuf bytes (tensorflow/core/example/{example,feature}.proto), without TensorFlow.

    Example  { Features features = 1; }
    Features { map<string, Feature> feature = 1; }
    Feature  { oneof { BytesList bytes_list = 1; FloatList float_list = 2; Int64List int64_list = 3; } }

Each list is ``{ repeated … value = 1; }`` with numbers packed. Features are written by ascending name.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence

from trainyard.formats.damage import Damaged
from trainyard.protobuf import BYTES, VARINT, Buffer, Malformed, field_bytes, fields, read_varint, signed, varint
from trainyard.words import N_

Values = Sequence[bytes] | Sequence[float] | Sequence[int]
_BYTES, _FLOATS, _WHOLES = 1, 2, 3


def encode(
    texts: Mapping[str, Sequence[bytes]], floats: Mapping[str, Sequence[float]], wholes: Mapping[str, Sequence[int]]
) -> bytes:
    """The message with these features."""
    made = {name: field_bytes(_BYTES, b"".join(field_bytes(1, value) for value in values)) for name, values in texts.items()}
    for name, numbers in floats.items():
        made[name] = field_bytes(_FLOATS, field_bytes(1, struct.pack(f"<{len(numbers)}f", *numbers)) if numbers else b"")
    for name, whole in wholes.items():
        made[name] = field_bytes(_WHOLES, field_bytes(1, b"".join(map(varint, whole))) if whole else b"")
    entries = (field_bytes(1, field_bytes(1, name.encode()) + field_bytes(2, made[name])) for name in sorted(made))
    return field_bytes(1, b"".join(entries))


class Example:
    """The features of one message; bytes are parts of it and not copied.

    Raises:
        Damaged: the bytes are no such message.
    """

    def __init__(self, message: Buffer) -> None:
        self.texts: dict[str, list[Buffer]] = {}
        self.floats: dict[str, list[float]] = {}
        self.wholes: dict[str, list[int]] = {}
        try:
            self._read(message)
        except (Malformed, struct.error, UnicodeDecodeError):
            raise Damaged(N_("The record is no tf.train.Example.")) from None

    def whole(self, name: str) -> int:
        """The first whole number called ``name``, or 0."""
        return next(iter(self.wholes.get(name, ())), 0)

    def text(self, name: str) -> str:
        """The first text called ``name``, or none."""
        return bytes(next(iter(self.texts.get(name, ())), b"")).decode("utf-8", "replace")

    def _read(self, message: Buffer) -> None:
        for field, wire, _, start, end in fields(message, 0, len(message)):
            if (field, wire) != (1, BYTES):
                continue
            for inner, kind, _, begin, stop in fields(message, start, end):
                if (inner, kind) == (1, BYTES):
                    self._read_entry(message, begin, stop)

    def _read_entry(self, message: Buffer, start: int, end: int) -> None:
        name, value = "", (0, 0)
        for field, wire, _, begin, stop in fields(message, start, end):
            if (field, wire) == (1, BYTES):
                name = bytes(message[begin:stop]).decode()
            elif (field, wire) == (2, BYTES):
                value = begin, stop
        for field, wire, _, begin, stop in fields(message, *value):
            if wire != BYTES:
                continue
            if field == _BYTES:
                self.texts[name] = [message[a:b] for one, _, _, a, b in fields(message, begin, stop) if one == 1]
            elif field == _FLOATS:
                self.floats[name] = _floats(message, begin, stop)
            elif field == _WHOLES:
                self.wholes[name] = _wholes(message, begin, stop)


def _floats(message: Buffer, start: int, end: int) -> list[float]:
    """The numbers of a FloatList, packed or one by one."""
    return [
        number
        for field, _, _, begin, stop in fields(message, start, end)
        if field == 1
        for (number,) in struct.iter_unpack("<f", message[begin:stop])
    ]


def _wholes(message: Buffer, start: int, end: int) -> list[int]:
    """The numbers of an Int64List, packed or one by one."""
    found = []
    for field, wire, value, begin, stop in fields(message, start, end):
        if field == 1 and wire == VARINT:
            found.append(signed(value))
        elif field == 1 and wire == BYTES:
            found += _packed(message, begin, stop)
    return found


def _packed(message: Buffer, start: int, end: int) -> list[int]:
    found, position = [], start
    while position < end:
        value, position = read_varint(message, position, end)
        found.append(signed(value))
    return found
