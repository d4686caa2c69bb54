"""The form of a new search: what its rows say as a space, and what is still missing."""

from __future__ import annotations

import json
import math
from typing import Any

from trainyard.errors import Invalid
from trainyard.metrics import tags
from trainyard.records.searches import MOST_TRIALS
from trainyard.words import N_

KNOWN_TAGS = (tags.ACCURACY_VALIDATION, tags.LOSS_VALIDATION, tags.ACCURACY_TRAIN, tags.LOSS_TRAIN)
FIELDS = {
    "tag": tags.ACCURACY_VALIDATION, "direction": "maximize", "judge": "best", "sampler": "tpe", "prune": "", "first": "1",
    "factor": "3", "trials": "20", "parallel": "2", "search_hours": "72", "seed": "0", "failures": "3", "space": "",
}  # fmt: skip


def form_of(query: dict[str, str]) -> dict[str, Any]:
    """The form as the URL describes it; ``space`` as its rows."""
    form: dict[str, Any] = {name: query.get(name, usual) for name, usual in FIELDS.items()}
    try:
        rows = json.loads(form["space"] or "[]")
    except ValueError:
        rows = []
    form["space"] = [one for one in rows if isinstance(one, dict)] if isinstance(rows, list) else []
    return form


def suggestions(parameters: str) -> list[dict[str, Any]]:
    """Rows for numbers among the training's own parameters: around what they are now."""
    try:
        found = json.loads(parameters or "{}")
    except ValueError:
        return []
    return [row for name, value in _flat(found) if (row := _around(name, value))]


def _flat(value: Any, prefix: str = "") -> list[tuple[str, Any]]:
    if not isinstance(value, dict):
        return []
    found: list[tuple[str, Any]] = []
    for name, inside in value.items():
        found += _flat(inside, f"{prefix}{name}.") if isinstance(inside, dict) else [(prefix + name, inside)]
    return found


def _around(name: str, value: Any) -> dict[str, Any] | None:
    if isinstance(value, bool):
        return {"name": name, "kind": "choice", "values": [True, False]}
    if isinstance(value, int) and value > 0:
        return {"name": name, "kind": "int", "low": max(1, value // 2), "high": value * 2}
    if isinstance(value, float) and value > 0 and math.isfinite(value):
        return {"name": name, "kind": "float", "low": value / 10, "high": value * 10, "log": True}
    return None


def asked(form: dict[str, Any]) -> dict[str, Any]:
    """The form as the fields of ``NewSearch``, without its training.

    Raises:
        Invalid: a row cannot be read; its field is ``space.<name>``.
    """
    grid = form["sampler"] == "grid"
    return {
        "space": space_of(form["space"]),
        "objective": {"tag": form["tag"].strip(), "direction": form["direction"], "value": form["judge"]},
        "sampler": form["sampler"],
        "pruning": {"first": form["first"], "factor": form["factor"]} if form["prune"] else None,
        "trials": MOST_TRIALS if grid and not form["trials"] else form["trials"],
        "parallel": form["parallel"],
        "hours": form["search_hours"],
        "seed": form["seed"],
        "failures": form["failures"],
    }


def space_of(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """The space that the form's rows describe.

    Raises:
        Invalid: there is none, a name is missing or twice there, or a value is no number.
    """
    space: dict[str, Any] = {}
    for row in rows:
        name = str(row.get("name", "")).strip()
        if not name:
            raise Invalid("space-name", N_("Say what the parameter is called."), field="space.")
        if name in space:
            raise Invalid("space-twice", N_("{name} is varied twice."), field=f"space.{name}", name=name)
        space[name] = _dimension(name, row)
    if not space:
        raise Invalid("space-empty", N_("Say which parameter is varied, and what it may be."), field="space")
    return space


def _dimension(name: str, row: dict[str, Any]) -> dict[str, Any]:
    kind = row.get("kind")
    if kind == "choice":
        return {"kind": "choice", "values": _values(name, row.get("values", ""))}
    read = _whole if kind == "int" else _real
    found = {"kind": kind, "low": read(name, row.get("low")), "high": read(name, row.get("high")), "log": bool(row.get("log"))}
    if row.get("step") not in (None, "") and not found["log"]:
        found["step"] = read(name, row["step"])
    return found


def _values(name: str, written: Any) -> list[Any]:
    """A list as it is, or text with commas, whose parts are JSON where they can be and texts else."""
    parts = written if isinstance(written, list) else [_json(part.strip()) for part in str(written).split(",") if part.strip()]
    if not parts:
        raise Invalid("space-values", N_("{name}: list its values, with commas."), field=f"space.{name}", name=name)
    return parts


def _json(text: str) -> Any:
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return text if isinstance(value, dict | list) else value


def _real(name: str, text: Any) -> float:
    try:
        return float(text)
    except (TypeError, ValueError):
        sentence = N_("{name}: {found} is not a number.")
        raise Invalid("space-number", sentence, field=f"space.{name}", name=name, found=str(text or "–")) from None


def _whole(name: str, text: Any) -> int:
    number = _real(name, text)
    if not number.is_integer():
        raise Invalid(
            "space-whole", N_("{name}: {found} is not a whole number."), field=f"space.{name}", name=name, found=str(text)
        )
    return int(number)
