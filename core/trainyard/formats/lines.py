"""Any line of a text file by its number, holding eight bytes of memory a line."""

from __future__ import annotations

import os
from pathlib import Path
from threading import Lock

import numpy as np
import numpy.typing as npt

_PIECE = 1 << 22


class LineFile:
    """The lines of ``path``, each ended by LF; none where there is no such file. Where they begin is found when first asked."""

    def __init__(self, path: Path) -> None:
        self._handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC) if path.is_file() else -1
        self._ends: npt.NDArray[np.int64] | None = None
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self._places())

    def __getitem__(self, number: int) -> str:
        return self.bytes(number).decode("utf-8", "replace")

    def bytes(self, number: int) -> bytes:
        """The line without its end."""
        ends = self._places()
        start = int(ends[number - 1]) + 1 if number else 0
        return os.pread(self._handle, int(ends[number]) - start, start)

    def close(self) -> None:
        """Let go of the file."""
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1

    def __del__(self) -> None:
        if hasattr(self, "_handle"):
            self.close()

    def _places(self) -> npt.NDArray[np.int64]:
        with self._lock:
            if self._ends is None:
                self._ends = _ends(self._handle) if self._handle >= 0 else np.empty(0, np.int64)
            return self._ends


def _ends(handle: int) -> npt.NDArray[np.int64]:
    found, offset = [np.empty(0, np.int64)], 0
    while piece := os.pread(handle, _PIECE, offset):
        found.append(np.flatnonzero(np.frombuffer(piece, np.uint8) == ord("\n")).astype(np.int64) + offset)
        offset += len(piece)
    return np.concatenate(found)
