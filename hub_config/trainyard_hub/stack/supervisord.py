"""supervisord, which no full disk ends.

Its loggers tell on standard error what they could not write. Where that is a file on the same full disk, the complaint fails
too: the manager died of it and took the whole platform along.
"""

from __future__ import annotations

import sys
from contextlib import suppress
from typing import TextIO, cast

from supervisor.supervisord import main


class LossyStream:
    """A stream on which what cannot be written is lost."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write ``text`` or lose it; its length either way."""
        with suppress(OSError):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        """Bring what is buffered out, where there is room."""
        with suppress(OSError):
            self._stream.flush()


if __name__ == "__main__":
    sys.stdout, sys.stderr = (cast(TextIO, LossyStream(stream)) for stream in (sys.stdout, sys.stderr))
    main()
