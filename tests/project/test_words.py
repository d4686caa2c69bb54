"""Every text a person may see has a Chinese entry, and the compiled catalogues are those of the sources."""

from __future__ import annotations

import ast
import io
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import pytest
from babel.messages import mofile, pofile
from jinja2.ext import babel_extract
from trainyard.words import ROOMS, catalogue

ROOT = Path(__file__).parents[2]
FOLDERS = {path.parent.name: path.parent for path in ROOT.glob("*/trainyard*/py.typed")}
MARKS = {"N_", "word"}


def marked_in_python(folder: Path) -> Iterator[str]:
    for path in folder.rglob("*.py"):
        if "node_modules" in path.parts:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in MARKS):
                continue
            match node.args:
                case [ast.Constant(value=str(text)), *_]:
                    yield text


def marked_in_templates(folder: Path) -> Iterator[str]:
    for path in folder.rglob("*.html"):
        with path.open("rb") as file:
            for _, _, message, _ in babel_extract(file, {"_": None}, [], {}):
                text = message[0] if isinstance(message, tuple) else message
                if text:
                    yield text


@pytest.mark.parametrize("room", sorted(FOLDERS))
def test_every_marked_text_has_a_chinese_entry(room: str) -> None:
    chinese = catalogue("zh")
    texts = {*marked_in_python(FOLDERS[room]), *marked_in_templates(FOLDERS[room])}
    assert sorted(text for text in texts if text and chinese.gettext(text) == text) == []


@pytest.mark.parametrize("source", sorted(ROOT.glob("*/trainyard*/locale/*/LC_MESSAGES/*.po")), ids=lambda path: path.stem)
def test_a_compiled_catalogue_is_that_of_its_source(source: Path) -> None:
    compiled = io.BytesIO()
    with source.open("rb") as file:
        mofile.write_mo(compiled, pofile.read_po(file, locale="zh"))
    compiled.seek(0)
    with source.with_suffix(".mo").open("rb") as file:
        assert entries(file) == entries(compiled), "run make words"


def entries(file: BinaryIO) -> dict[str, str]:
    return {str(message.id): str(message.string) for message in mofile.read_mo(file) if message.id}


def test_every_room_is_looked_up() -> None:
    assert set(ROOMS) == set(FOLDERS)
