"""Hyper-parameters: one JSON object, read from ``/workspace/params/default.json`` over a script's own defaults.

Nested values are named with dots: ``get_value("solverOps.batchSize", default=32)``.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from trainyard.errors import Invalid, NotFound, TooLarge
from trainyard.training import places
from trainyard.words import N_

Parameters = dict[str, Any]

LARGEST = 1 << 20
"""Bytes; every parameter is shown on the page and kept with the run."""
DEEPEST = 32
_ABSENT = object()


class _NoNumber(Exception):
    """NaN, Infinity or 1e999, which Python's parser takes and no other does."""


def get_all(use_cache: bool = True) -> Parameters:
    """Every chosen parameter; an empty object when there is no file.

    Raises:
        Invalid: the file is no JSON object, or nested too deeply.
        TooLarge: the file has more than a mebibyte.
    """
    if not use_cache:
        _read_cached.cache_clear()
    return _read_cached(places.parameters_file())


def get_value(name: str, is_required: bool = False, default: Any = None, use_cache: bool = True) -> Any:
    """The parameter ``name`` (dots lead inside), or ``default``.

    Raises:
        NotFound: it is required and not there.
    """
    value = lookup(get_all(use_cache), name, _ABSENT)
    if value is not _ABSENT:
        return value
    if is_required:
        raise NotFound(
            "parameter-missing",
            N_("The hyper-parameter {name} is required and is not in {file}."),
            hint=N_("Add it to the parameters of the training."),
            field=name,
            name=name,
            file=str(places.parameters_file()),
        )
    return default


def lookup(parameters: Mapping[str, Any], name: str, default: Any = None) -> Any:
    """The value that ``name`` leads to inside ``parameters``, or ``default``."""
    value: Any = parameters
    for part in name.split("."):
        if not isinstance(value, Mapping) or part not in value:
            return default
        value = value[part]
    return value


def load(defaults: Path) -> Parameters:
    """A script's ``defaults`` file with the chosen parameters over it, object by object."""
    return merged(read(defaults), get_all())


def merged(below: Parameters, above: Parameters) -> Parameters:
    """``above`` over ``below``; objects are merged, everything else is replaced."""
    result = dict(below)
    for name, value in above.items():
        if isinstance(value, dict) and isinstance(result.get(name), dict):
            result[name] = merged(result[name], value)
        else:
            result[name] = value
    return result


def too_deep(parameters: Mapping[str, Any]) -> bool:
    """Whether ``parameters`` have more than ``DEEPEST`` levels, which ``get_all`` would refuse inside the training."""
    return _depth(parameters, DEEPEST) > DEEPEST


def plain(value: Any) -> Any:
    """``value`` as JSON, every database and every page can keep it: what a script computes with may be anything.

    Numbers of numpy and its kin become Python's, numbers that are not finite and other objects become text.
    """
    if isinstance(value, Mapping):
        return {plain_text(str(name)): plain(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if value is None or isinstance(value, (bool, int)) or (isinstance(value, float) and math.isfinite(value)):
        return value
    if getattr(value, "shape", None) == () and hasattr(value, "item"):
        return plain(value.item())
    return plain_text(str(value))


def plain_text(text: str) -> str:
    """``text`` without what is no character: halves of surrogate pairs (of undecodable file names) and NUL."""
    return text.replace("\0", "").encode("utf-8", "replace").decode()


def read(path: Path) -> Parameters:
    """The JSON object in ``path``, or an empty one when there is no such file; errors as ``get_all``."""
    try:
        with path.open("rb") as file:
            raw = file.read(LARGEST + 1)
    except FileNotFoundError:
        return {}
    if len(raw) > LARGEST:
        raise TooLarge(
            "parameters-too-large",
            N_("{file} has more than {limit} bytes, the most that hyper-parameters may have."),
            hint=N_("Keep large tables in a file of their own and name that file in the parameters."),
            file=str(path),
            limit=LARGEST,
        )
    return _parsed(raw, path)


@lru_cache(maxsize=8)
def _read_cached(path: Path) -> Parameters:
    return read(path)


def _parsed(raw: bytes, path: Path) -> Parameters:
    try:
        value = json.loads(raw.decode("utf-8-sig"), parse_constant=_no_number, parse_float=_finite)
    except json.JSONDecodeError as error:
        raise _invalid(path, f"line {error.lineno}, column {error.colno}: {error.msg}") from error
    except UnicodeDecodeError as error:
        raise _invalid(path, f"byte {error.start} is not UTF-8") from error
    except _NoNumber as error:
        raise _invalid(path, f"{error} is not a JSON number") from error
    except RecursionError as error:
        raise _invalid(path, f"more than {DEEPEST} levels") from error
    if not isinstance(value, dict):
        raise _invalid(path, f"the outermost value is {type(value).__name__}, not an object")
    if too_deep(value):
        raise _invalid(path, f"more than {DEEPEST} levels")
    return value


def _no_number(name: str) -> float:
    raise _NoNumber(name)


def _finite(text: str) -> float:
    value = float(text)
    return value if math.isfinite(value) else _no_number(text)


def _depth(value: Any, limit: int) -> int:
    """Levels of nesting, counted no further than one above ``limit``."""
    if limit < 0 or not isinstance(value, (dict, list)):
        return 0
    inside = value.values() if isinstance(value, dict) else value
    return 1 + max((_depth(item, limit - 1) for item in inside), default=0)


def _invalid(path: Path, reason: str) -> Invalid:
    return Invalid(
        "parameters-invalid",
        N_("{file} is not a JSON object of hyper-parameters: {reason}."),
        hint=N_('Write one object such as {{"batch_size": 32, "optimizer": {{"learning_rate": 0.1}}}}.'),
        file=str(path),
        reason=reason,
    )
