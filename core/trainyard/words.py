"""User-facing words in the reader's language: gettext over the catalogues of every installed room.

Each room keeps ``locale/zh/LC_MESSAGES/<package>.po``; ``make words`` compiles them. English text is the key, written for many;
what is said of one stands in ``locale/en``, in the context ``count=1``: the placeholder and its value (``pages.md``).
"""

from __future__ import annotations

import gettext
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

LANGUAGES = ("en", "zh")
ROOMS = (
    "trainyard",
    "trainyard_spawner",
    "trainyard_service",
    "trainyard_widgets",
    "trainyard_pages",
    "trainyard_server",
    "trainyard_hub",
)


def N_(text: str) -> str:
    """Mark ``text`` for translation where it is written; it is translated where it is shown."""
    return text


def translate(text: str, language: str = "en", **values: Any) -> str:
    """``text`` in ``language`` with its ``{placeholders}`` filled from ``values``; ``quoted`` text among them likewise."""
    template = _template(text, language, values) if text else ""
    return template.format(**{name: _said(value, language) for name, value in values.items()}) if values else template


def quoted(text: str, values: dict[str, Any]) -> dict[str, Any]:
    """A sentence inside a sentence: a value that is translated with it; plain JSON, because errors are kept as such."""
    return {"message": text, "values": values}


def _said(value: Any, language: str) -> Any:
    if isinstance(value, dict) and value.keys() == {"message", "values"}:
        return _template(value["message"], language, value["values"]).format(**value["values"])
    return value


def _template(text: str, language: str, values: dict[str, Any]) -> str:
    """The form for one, where a value is 1 and the language has such a form, else the text as it is translated."""
    words = catalogue(language)
    ones = (words.pgettext(f"{name}=1", text) for name, value in values.items() if value in (1, "1"))
    return next((form for form in ones if form != text), "") or words.gettext(text)


@cache
def catalogue(language: str) -> gettext.NullTranslations:
    """All rooms' translations into ``language``, looked up one after the other."""
    merged = gettext.NullTranslations()
    for room in ROOMS:
        path = _folder(room) / language / "LC_MESSAGES" / f"{room}.mo"
        if path.is_file():
            with path.open("rb") as file:
                translations = gettext.GNUTranslations(file)
            translations.add_fallback(merged)
            merged = translations
    return merged


def messages(room: str, language: str) -> dict[str, str]:
    """The catalogue of one room as a plain table, for a page's JavaScript."""
    path = _folder(room) / language / "LC_MESSAGES" / f"{room}.mo"
    if not path.is_file():
        return {}
    with path.open("rb") as file:
        table: dict[Any, str] = gettext.GNUTranslations(file)._catalog  # type: ignore[attr-defined]
    return {key: value for key, value in table.items() if isinstance(key, str) and key}


def preferred_language(accept_language: str, chosen: str | None = None) -> str:
    """``chosen`` if it is one of ours, else the first of ours in an ``Accept-Language`` header, else English."""
    if chosen in LANGUAGES:
        return chosen
    for part in accept_language.split(","):
        tag = part.split(";")[0].strip().lower().split("-")[0]
        if tag in LANGUAGES:
            return tag
    return "en"


def _folder(room: str) -> Path:
    spec = find_spec(room)
    places = spec.submodule_search_locations if spec else None
    return Path(next(iter(places or ["/nonexistent"]))) / "locale"
