"""Our static files under addresses that carry their content's hash, so that browsers keep them for ever."""

from __future__ import annotations

import hashlib
import json
from functools import cached_property
from importlib.resources import files
from pathlib import Path

from trainyard.words import messages

WIDGETS = Path(str(files("trainyard_widgets")))
TYPES = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8"}


class Assets:
    """All files a page may ask for, in memory: bundles, style sheets, and one file of words a language."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix

    @cached_property
    def contents(self) -> dict[str, bytes]:
        """File name to content."""
        found = {path.name: path.read_bytes() for path in sorted((WIDGETS / "static").glob("*.js"))}
        found |= {path.name: path.read_bytes() for path in (WIDGETS / "theme.css", Path(__file__).parent / "shell.css")}
        for language in ("en", "zh"):
            words = json.dumps(messages("trainyard_widgets", language), ensure_ascii=False, sort_keys=True)
            found[f"words-{language}.js"] = f"globalThis.trainyardWords={words};".encode()
        return found

    @cached_property
    def hashes(self) -> dict[str, str]:
        """File name to the first 16 hexadecimal digits of its SHA-256."""
        return {name: hashlib.sha256(content).hexdigest()[:16] for name, content in self.contents.items()}

    def url(self, name: str) -> str:
        """The address of ``name``; it changes with the content."""
        return f"{self._prefix}static/{self.hashes[name]}/{name}"
