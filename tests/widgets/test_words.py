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
HOLE = re.compile(r"\{(\w+)[^}]*\}")


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


@pytest.mark.parametrize("room", ROOMS)
def test_translations_keep_the_placeholders(room: str) -> None:
    broken = [text for text, chinese in catalogue(room).items() if set(HOLE.findall(text)) != set(HOLE.findall(chinese))]
    assert not broken


@pytest.mark.parametrize("room", ROOMS)
def test_the_compiled_catalogue_is_fresh(room: str) -> None:
    with (ROOMS[room] / f"locale/zh/LC_MESSAGES/{room}.mo").open("rb") as file:
        compiled = {str(message.id): str(message.string) for message in read_mo(file) if message.id}
    assert compiled == catalogue(room), "run `make words`"
