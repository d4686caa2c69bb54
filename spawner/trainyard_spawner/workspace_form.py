"""The workspace form: what the service offers, as plain HTML that the Hub's template styles, and back again."""

from __future__ import annotations

from html import escape
from typing import Any

from trainyard.words import N_, translate

LABELS = {
    "group": N_("Group"),
    "image": N_("Image"),
    "package": N_("Resources"),
    "datasets": N_("Formatted sets to mount"),
}


def form(options: dict[str, Any], language: str) -> str:
    """``options`` as the service gives them: ``groups``, ``images``, ``packages``, ``datasets``, ``chosen``."""
    last = options.get("chosen") or {}
    parts = []
    for name, plural in (("group", "groups"), ("image", "images"), ("package", "packages")):
        parts.append(_select(name, options.get(plural) or [], last.get(name), language))
    if options.get("datasets"):
        parts.append(_select("datasets", options["datasets"], last.get("datasets") or [], language))
    return '<div class="ty-workspace-form">' + "".join(parts) + "</div>"


def chosen(formdata: dict[str, list[str]]) -> dict[str, Any]:
    """What the browser sent, in the shape the service takes."""
    single = {name: (formdata.get(name) or [""])[0] or None for name in ("group", "image", "package")}
    return {**{name: value for name, value in single.items() if value}, "datasets": formdata.get("datasets") or []}


def _select(name: str, items: list[Any], last: Any, language: str) -> str:
    if not items:
        return ""
    several = " multiple" if isinstance(last, list) else ""
    wanted = last if isinstance(last, list) else [last]
    lines = "".join(_option(item, wanted) for item in items)
    label = escape(translate(LABELS[name], language))
    field = f'<select id="ty-{name}" name="{name}"{several}>{lines}</select>'
    return f'<div class="ty-field"><label for="ty-{name}">{label}</label>{field}</div>'


def _option(item: Any, wanted: list[Any]) -> str:
    record = item if isinstance(item, dict) else {"name": item}
    value = str(record.get("id") or _reference(record))
    text = str(record.get("title") or record["name"])
    why_not = str(record.get("why_not") or "")
    marks = (" selected" if value in wanted else "") + (" disabled" if record.get("available") is False else "")
    return f'<option value="{escape(value)}"{marks}>{escape(f"{text} – {why_not}" if why_not else text)}</option>'


def _reference(record: dict[str, Any]) -> str:
    return f"{record['name']}:{record['version']}" if record.get("version") else str(record["name"])
