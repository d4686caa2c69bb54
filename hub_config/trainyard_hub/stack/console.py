"""What ``make run`` says in the terminal: one line a step, with the time it took, in the language of the terminal."""

from __future__ import annotations

import os
import sys
import time
from typing import Any

from trainyard.errors import UserError
from trainyard.words import preferred_language, translate


class Terminal:
    """Writes to standard output; without a terminal (CI) each line is written at once too."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        locale = os.environ.get("LC_ALL") or os.environ.get("LANG") or ""
        self.language = preferred_language(locale.replace("_", "-").split(".")[0])

    def say(self, text: str, **values: Any) -> None:
        """One step, after the seconds since the start."""
        seconds = time.monotonic() - self._began
        print(f"[{seconds:5.1f} s] {translate(text, self.language, **values)}", flush=True)

    def plain(self, text: str = "", **values: Any) -> None:
        """One line as it is."""
        print(translate(text, self.language, **values), flush=True)

    def refuse(self, error: UserError) -> None:
        """The sentence of ``error`` and the next step, on standard error."""
        print(error.text(self.language), file=sys.stderr, flush=True)
        if hint := error.hint_text(self.language):
            print(hint, file=sys.stderr, flush=True)
