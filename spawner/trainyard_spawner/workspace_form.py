"""The workspace form: what the service offers, as the JSON the Hub's spawn page draws, and the browser's answer back again."""

from __future__ import annotations

import json
from typing import Any


def form(options: dict[str, Any]) -> str:
    """``options`` as the service gives them: ``groups``, ``images``, ``packages``, ``datasets``, ``chosen``."""
    return json.dumps(options, ensure_ascii=False)


def chosen(formdata: dict[str, list[str]]) -> dict[str, Any]:
    """What the browser sent, in the shape the service takes."""
    single = {name: (formdata.get(name) or [""])[0] or None for name in ("group", "image", "package")}
    return {**{name: value for name, value in single.items() if value}, "datasets": formdata.get("datasets") or []}
