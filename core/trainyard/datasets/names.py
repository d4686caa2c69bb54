"""What the names inside an archive mean: their encoding, what file managers leave behind, and never a way out of the folder.

A zip says of a name that it is UTF-8, or it is whatever the packer's system used: on a Chinese Windows GBK, elsewhere mostly
UTF-8 without saying so, and code page 437 by the format's own rule (APPNOTE.TXT 4.4.4 and appendix D).
"""

from __future__ import annotations

import struct
import unicodedata
from collections.abc import Iterable
from pathlib import PurePosixPath
from zipfile import ZipInfo
from zlib import crc32

from trainyard.datasets.importers.walk import is_junk

_UTF8 = 0x800
_UNICODE_PATH = 0x7075


class ZipNames:
    """The names of one zip's members: those that do not say their encoding have one encoding together.

    One name alone may deceive: the bytes of 猫 in GBK are è in UTF-8.
    """

    def __init__(self, members: Iterable[ZipInfo]) -> None:
        raws = b"\n".join({_raw(info) for info in members if not info.flag_bits & _UTF8 and not _raw(info).isascii()})
        self._encoding = encoding_of(raws, "cp437")

    def name(self, info: ZipInfo) -> str:
        """The name of a member, in the encoding it was really written in."""
        if info.flag_bits & _UTF8:
            return info.filename
        raw = _raw(info)
        return _told(info.extra, raw) or raw.decode(self._encoding, "replace")


def _raw(info: ZipInfo) -> bytes:
    return info.orig_filename.encode("cp437", "replace")


def tar_name(name: str) -> str:
    """The name of a tar's member; ``tarfile`` keeps bytes that are no UTF-8 as surrogates."""
    try:
        return name.encode().decode()
    except UnicodeEncodeError:
        raw = name.encode("utf-8", "surrogateescape")
        return raw.decode(encoding_of(raw, "latin-1"), "replace")


def encoding_of(raw: bytes, otherwise: str) -> str:
    """UTF-8, else GB 18030 where nearly all letters are common Chinese ones then, else ``otherwise``."""
    for encoding in ("utf-8", "gb18030"):
        try:
            text = raw.decode(encoding)
        except UnicodeDecodeError:
            continue
        if encoding == "utf-8" or _chinese(text):
            return encoding
    return otherwise


def _chinese(text: str) -> bool:
    """Whether the letters beyond ASCII are those of GB 2312: names in other encodings rarely hit them by chance."""
    foreign = [letter for letter in text if ord(letter) > 127]
    common = sum(_is_common(letter) for letter in foreign)
    return common * 4 >= len(foreign) * 3


def _is_common(letter: str) -> bool:
    try:
        return bool(letter.encode("gb2312"))
    except UnicodeEncodeError:
        return False


def _told(extra: bytes, raw: bytes) -> str:
    """The name in Info-ZIP's Unicode Path field, where that belongs to this name."""
    while len(extra) >= 4:
        kind, size = struct.unpack_from("<HH", extra)
        body, extra = extra[4 : 4 + size], extra[4 + size :]
        if kind == _UNICODE_PATH and len(body) > 5 and int.from_bytes(body[1:5], "little") == crc32(raw):
            return body[5:].decode("utf-8", "ignore")
    return ""


def inside(name: str) -> PurePosixPath | None:
    """The path below the folder that ``name`` means; None for what climbs out of it, is absolute, or is nothing."""
    slashed = name.replace("\\", "/")
    parts = tuple(part for part in slashed.split("/") if part not in ("", "."))
    if slashed.startswith("/") or ".." in parts or not parts or "\0" in name or parts[0][1:2] == ":":
        return None
    return PurePosixPath(*parts)


def normal(path: PurePosixPath) -> PurePosixPath:
    """``path`` in Unicode's normal form C: macOS packs names in form D, and lists name them in form C."""
    return PurePosixPath(unicodedata.normalize("NFC", str(path)))


def junk(path: PurePosixPath) -> bool:
    """Whether a file is hidden or left behind by a file manager."""
    return any(is_junk(part) for part in path.parts)
