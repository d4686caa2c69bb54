"""What the JavaScript of a page asks for, its Python side can do; what the service audits, the administrator's page can say."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest
from trainyard_service.api import ROUTERS
from trainyard_service.audit import AuditedRoute
from trainyard_widgets.page import Page

FOLDER = Path(__file__).resolve().parents[2] / "widgets" / "trainyard_widgets"
PAGES = sorted(path.stem for path in FOLDER.glob("*.jsx"))
PART = re.compile(r"^(?:export )?(?:async )?function (\w+)", re.MULTILINE)
USED = re.compile(r"(?:<|: )([A-Z]\w*)|\b([a-z]\w*)\(")
SENT = re.compile(r"""\bsend\("(\w+)\"""")
PUBLISHED = re.compile(r"""\bact\("(\w+)\"""")
CHANGING = {"POST", "PUT", "PATCH", "DELETE"}


def parts() -> dict[str, str]:
    """The components and functions that pages share, by name."""
    found = {}
    for path in FOLDER.glob("components/**/*.jsx"):
        text = path.read_text(encoding="utf-8")
        begun = list(PART.finditer(text))
        ends = [one.start() for one in begun[1:]] + [len(text)] * bool(begun)
        found |= {one.group(1): text[one.start() : end] for one, end in zip(begun, ends, strict=True)}
    return found


def shown(page: str) -> str:
    """The page's own script, and every part that it shows, directly or inside another."""
    known, texts, seen = parts(), [(FOLDER / f"{page}.jsx").read_text(encoding="utf-8")], set()
    for text in texts:
        fresh = {one or other for one, other in USED.findall(text)} & known.keys() - seen
        seen |= fresh
        texts += [known[name] for name in sorted(fresh)]
    return "\n".join(texts)


def actions_of(page: str) -> set[str]:
    module = importlib.import_module(f"trainyard_widgets.{page}")
    classes = [one for one in vars(module).values() if isinstance(one, type) and issubclass(one, Page) and one.bundle == page]
    return set(classes[0].actions)


@pytest.mark.parametrize("page", PAGES)
def test_whatever_a_page_asks_for_is_an_action_of_its_own(page: str) -> None:
    text = shown(page)
    assert {*SENT.findall(text), *PUBLISHED.findall(text)} - actions_of(page) == set()


def test_every_audited_action_has_words() -> None:
    text = (FOLDER / "components/admin/audit_words.js").read_text(encoding="utf-8")
    told = set(re.findall(r'^  "(\w+\.\w+)": N_', text, re.MULTILINE))
    audited = {
        f"{route.endpoint.__module__.rsplit('.', 1)[-1]}.{route.endpoint.__name__}"
        for router in ROUTERS
        for route in router.routes
        if isinstance(route, AuditedRoute)
        and route.methods & CHANGING
        and not getattr(route.endpoint, "trainyard_unaudited", False)
    }
    assert audited - told == set()
