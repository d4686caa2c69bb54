"""The committed bundles are what the sources say; nothing in them is fetched from elsewhere."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).resolve().parents[2]
WIDGETS = ROOT / "widgets"
STATIC = WIDGETS / "trainyard_widgets/static"
SOURCES = sorted((WIDGETS / "trainyard_widgets").glob("*.jsx"))


def test_the_bundles_are_fresh() -> None:
    modules = [path for path in (WIDGETS / "trainyard_widgets").rglob("*") if path.suffix in {".js", ".jsx", ".css"}]
    sources = [path for path in modules if STATIC not in path.parents]
    files = sorted(str(path.relative_to(WIDGETS)) for path in [WIDGETS / "build.mjs", WIDGETS / "package-lock.json", *sources])
    digests = [f"{hashlib.sha256((WIDGETS / name).read_bytes()).hexdigest()}  {name}" for name in files]
    assert (STATIC / "sources.sha256").read_text().splitlines() == digests, "run `make widgets`"


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_every_page_has_its_widget_bundle_and_notebook(source: Path) -> None:
    assert source.with_suffix(".py").is_file()
    assert (STATIC / f"{source.stem}.js").is_file()
    notebook = nbformat.reads((ROOT / "notebooks" / f"{source.stem}.ipynb").read_text(), as_version=4)  # type: ignore[no-untyped-call]
    assert notebook.cells[0].source.startswith(f"from trainyard_widgets.{source.stem} import ")


@pytest.mark.parametrize("bundle", sorted(STATIC.glob("*.js")), ids=lambda path: path.name)
def test_a_bundle_imports_nothing(bundle: Path) -> None:
    text = bundle.read_text()
    assert not re.search(r"""(?:^|;)import\s*[{*"']""", text)
    assert not re.search(r"""["'`]https?://(?!www\.w3\.org/|s3\.example\.com|reactflow\.dev)""", text)


def test_no_lock_file_names_a_registry() -> None:
    assert "resolved" not in (WIDGETS / "package-lock.json").read_text()


def test_the_graph_lays_out_no_class_that_other_pages_lay_out_too() -> None:
    components = WIDGETS / "trainyard_widgets/components"
    graph, others = (
        set(re.findall(r"(?m)^\.(ty-[\w-]+) \{", (components / sheet).read_text())) for sheet in ("graph/graph.css", "data.css")
    )
    assert not graph & others  # its page has both sheets
