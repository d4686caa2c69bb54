"""How a job tells its progress: one small JSON file, replaced whole, which the service reads and shows."""

from __future__ import annotations

import errno
import json
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from trainyard.errors import UserError

FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""How the system says that a disk, a share of it, or a file may not grow any more."""


class ProgressFile:
    """Writes ``{"state", "done", "total", "elapsed", "remaining", ...}``; times in seconds, ``remaining`` null while unknown.

    ``state`` is running, done, stopped or failed; failed comes with ``error`` ({"code", "message", "hint", "field",
    "values"}; message and hint are the keys of their translations).
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._start = time.monotonic()
        self._first: int | None = None
        self._content: dict[str, Any] = {"state": "running", "done": 0, "total": 0, "elapsed": 0.0, "remaining": None}
        self._write()

    def tell(self, done: int, total: int, **more: int) -> None:
        """``done`` of ``total`` is finished; what was done before this process started does not count for the speed."""
        if self._first is None:
            self._first = done
        elapsed = time.monotonic() - self._start
        fresh = done - self._first
        remaining = round(elapsed * (total - done) / fresh, 1) if fresh > 0 else None
        self._content |= {"done": done, "total": total, "elapsed": round(elapsed, 1), "remaining": remaining, **more}
        self._write()

    def ended(self, state: str) -> None:
        """Nothing more will come."""
        self._content |= {"state": state, "remaining": None if state != "done" else 0.0}
        self._write()

    def failed(self, error: UserError) -> None:
        """The work was refused; why."""
        self._content["error"] = {
            "code": error.code,
            "message": error.message,
            "hint": error.hint,
            "field": error.field,
            "values": error.values,
        }
        self.ended("failed")

    def _write(self) -> None:
        content = json.dumps(self._content, ensure_ascii=False, default=str)
        part = self._path.with_name(f".{self._path.name}.part")
        try:
            part.write_text(content)
            part.replace(self._path)
        except OSError as error:
            if error.errno not in FULL:
                raise
            self._write_over(content)

    def _write_over(self, content: str) -> None:
        """On a full disk: the old file's own block takes the news. Without one nothing is told, and the work goes on."""
        self._path.with_name(f".{self._path.name}.part").unlink(missing_ok=True)
        with suppress(OSError), self._path.open("r+") as file:
            file.write(content)
            file.truncate()
