"""What the JavaScript of a page asks for, its Python side can do; what the service audits, the administrator's page can say."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from trainyard_service.api import ROUTERS
from trainyard_service.audit import AuditedRoute
from trainyard_widgets.page import Page

FOLDER = Path(__file__).resolve().parents[2] / "widgets" / "trainyard_widgets"
PAGES = sorted(path.stem for path in FOLDER.glob("*.jsx"))
IMPORTED = re.compile(r"""from "(\./[^"]+|\.\./[^"]+)";""")
SENT = re.compile(r"""\bsend\("(\w+)\"""")
PUBLISHED = re.compile(r"""\bact\("(\w+)\"""")
CHANGING = {"POST", "PUT", "PATCH", "DELETE"}


def sources(path: Path, seen: set[Path]) -> Iterator[str]:
    """The text of a script and of all it imports; what every page shares comes along by ``index.js``."""
    if path in seen or path.suffix == ".css":
        return
    seen.add(path)
    text = path.read_text(encoding="utf-8")
    yield text
    for name in IMPORTED.findall(text):
        yield from sources((path.parent / name).resolve(), seen)


def actions_of(page: str) -> set[str]:
    module = importlib.import_module(f"trainyard_widgets.{page}")
    classes = [one for one in vars(module).values() if isinstance(one, type) and issubclass(one, Page) and one.bundle == page]
    return set(classes[0].actions)


@pytest.mark.parametrize("page", PAGES)
def test_whatever_a_page_asks_for_is_an_action_of_its_own(page: str) -> None:
    text = "\n".join(sources(FOLDER / f"{page}.jsx", set()))
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
