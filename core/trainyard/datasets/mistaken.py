"""Files that were given as a list or as an archive and are something else: what they are, and what to do with them."""

from __future__ import annotations

from trainyard.datasets.content import content_of
from trainyard.datasets.lines import BOM
from trainyard.words import N_

HEAD = 4096
"""So many first bytes are looked at."""
_KINDS = (
    (b"\x1f\x8b", "gzip"),
    (b"PK\x03\x04", "zip"),
    (b"PK\x05\x06", "zip"),
    (b"BZh", "bzip2"),
    (b"\xfd7zXZ\0", "xz"),
    (b"(\xb5/\xfd", "Zstandard"),
    (b"7z\xbc\xaf\x27\x1c", "7-Zip"),
    (b"Rar!\x1a\x07", "RAR"),
    (b"%PDF-", "PDF"),
    (b"SQLite format 3\0", "SQLite"),
    (b"\x93NUMPY", "NumPy"),
    (b"<?xml", "XML"),
    (b"<annotation", "XML"),
)
_TAPE, _TAPE_AT = b"ustar", 257
_TEXT = frozenset({".bmp"})
"""Kinds of pictures whose first bytes are letters, which a text may begin with as well."""
UNPACKED = frozenset({"gzip", "zip", "bzip2", "xz", "tar"})
_ARRAY = N_("The file is one JSON array: write each of its objects on a line of its own, for example by jq -c '.[]'.")
_SPREAD = N_("An object is spread over several lines: write each on one line, for example by jq -c .")
_COCO = N_("Annotations in COCO's layout are read out of an archive that holds their pictures too.")
_TABLE = N_("Each line must be one JSON object with a url; make such lines of a table first.")
_CORRECT = N_("Correct the list and make the dataset again.")


def kind_of(head: bytes) -> str:
    """What a file that begins so is, by a name that is the same in every language; empty for text, and what is not known."""
    for beginning, kind in _KINDS:
        if head.startswith(beginning):
            return kind
    if head[_TAPE_AT : _TAPE_AT + len(_TAPE)] == _TAPE:
        return "tar"
    content = content_of(head)
    return content.suffix[1:].upper() if content and content.suffix not in _TEXT else ""


def hint_for(head: bytes) -> str:
    """What to do with a text that begins so and of which no line is a sample."""
    text = head.removeprefix(BOM).lstrip()
    if text.startswith(b"["):
        return _ARRAY
    if not text.startswith(b"{"):
        return _TABLE
    if b'"images"' in text or b'"annotations"' in text:
        return _COCO
    return _SPREAD if text[1:].lstrip(b" \t\r").startswith(b"\n") else _CORRECT
