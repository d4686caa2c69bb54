"""Whatever a page or its server may say has a Chinese sentence, and the compiled catalogue is fresh."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages.mofile import read_mo
from babel.messages.pofile import read_po

ROOT = Path(__file__).resolve().parents[2]
ROOMS = {"trainyard_widgets": ROOT / "widgets/trainyard_widgets", "trainyard_pages": ROOT / "extensions/trainyard_pages"}
IN_SCRIPT = re.compile(r"""(?<![\w.$])(?:t|N_)\(\s*("(?:[^"\\]|\\.)*")""")
IN_TEMPLATE = re.compile(r"""_\(\s*(?:"([^"]*)"|'([^']*)')\s*\)""")
MANY = re.compile(r"\{(count|pictures|classes|cores|cpu|days)\} (?:new )?(?!is\b|was\b)[a-z]+s\b")
HOLE = re.compile(r"\{(\w+)[^}]*\}")
NEVER_ONE = {
    "Search {count} classes",
    "The {count} classes that change most; the labels at the left show all.",
    "outline of {count} points",
    "Made of {name} by a preprocessing graph with {count} nodes, seed {seed}.",
    "Delete {count} entries?",
}


def catalogue(room: str) -> dict[str, str]:
    with (ROOMS[room] / f"locale/zh/LC_MESSAGES/{room}.po").open("rb") as file:
        return {str(message.id): str(message.string) for message in read_po(file) if message.id and not message.fuzzy}


def said(room: str) -> Iterator[tuple[str, str]]:
    for path in sorted(ROOMS[room].rglob("*")):
        if "static" in path.parts or "node_modules" in path.parts:
            continue
        if path.suffix in {".jsx", ".js"}:
            yield from ((json.loads(text), path.name) for text in IN_SCRIPT.findall(path.read_text()))
        elif path.suffix == ".j2":
            yield from ((one or other, path.name) for one, other in IN_TEMPLATE.findall(path.read_text()))
        elif path.suffix == ".py":
            yield from ((text, path.name) for text in marked(ast.parse(path.read_text())))


def marked(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "N_" and node.args:
            value = node.args[0]
            assert isinstance(value, ast.Constant), f"N_ takes a literal, line {node.lineno}"
            yield str(value.value)


@pytest.mark.parametrize("room", ROOMS)
def test_everything_said_has_a_chinese_sentence(room: str) -> None:
    known = catalogue(room)
    missing = sorted({f"{text!r} ({where})" for text, where in said(room) if not known.get(text)})
    assert not missing, "\n".join(missing)


def test_what_is_counted_has_an_english_form_for_one() -> None:
    with (ROOMS["trainyard_widgets"] / "locale/en/LC_MESSAGES/trainyard_widgets.po").open("rb") as file:
        ones = {(message.context, message.id) for message in read_po(file) if message.id}
    texts = {text for text, _ in said("trainyard_widgets")} - NEVER_ONE
    wanted = {(f"{found[1]}=1", text) for text in texts if (found := MANY.search(text))}
    assert sorted(wanted - ones) == []
    assert {text for _, text in ones} <= texts, "a form of what is said no more"


@pytest.mark.parametrize("room", ROOMS)
def test_translations_keep_the_placeholders(room: str) -> None:
    broken = [text for text, chinese in catalogue(room).items() if set(HOLE.findall(text)) != set(HOLE.findall(chinese))]
    assert not broken


@pytest.mark.parametrize("room", ROOMS)
def test_the_compiled_catalogue_is_fresh(room: str) -> None:
    with (ROOMS[room] / f"locale/zh/LC_MESSAGES/{room}.mo").open("rb") as file:
        compiled = {str(message.id): str(message.string) for message in read_mo(file) if message.id}
    assert compiled == catalogue(room), "run `make words`"
