"""Puts off what a library does at import and hardly anybody needs: the start of every process pays for it otherwise."""

from __future__ import annotations

import gc
import sys
from importlib import import_module
from types import ModuleType

GRAMMAR = "rfc3987_syntax"


def imported(module: str) -> ModuleType:
    """Import a whole program without looking for garbage meanwhile: a sixth of the time.

    Imports make a hundred thousand objects, all of them to stay; what they made is left out of later searches too.
    """
    gc.disable()
    try:
        return import_module(module)
    finally:
        gc.freeze()
        gc.enable()


def defer_iri_grammar() -> None:
    """Let jsonschema find a stand-in for ``rfc3987_syntax``, which becomes the real one when a schema first asks for an IRI.

    The real one compiles an Earley grammar while it is imported: a second of CPU time, in everything that imports
    jsonschema (jupyter_events, nbformat). Call it before those are imported; later it does nothing.
    """
    if GRAMMAR in sys.modules or "jsonschema" in sys.modules:
        return
    stand_in = ModuleType(GRAMMAR)
    stand_in.is_valid_syntax = _is_valid_syntax  # type: ignore[attr-defined]
    sys.modules[GRAMMAR] = stand_in


def _is_valid_syntax(term: str, value: str) -> bool:
    if not hasattr(sys.modules[GRAMMAR], "__path__"):
        del sys.modules[GRAMMAR]
        import_module(GRAMMAR)
    return bool(sys.modules[GRAMMAR].is_valid_syntax(term, value))
