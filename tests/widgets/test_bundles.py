"""The committed bundles are what the sources say; nothing in them is fetched from elsewhere."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).resolve().parents[2]
WIDGETS = ROOT / "widgets"
STATIC = WIDGETS / "trainyard_widgets/static"
SOURCES = sorted((WIDGETS / "trainyard_widgets").glob("*.jsx"))


@pytest.mark.skipif(
    not (shutil.which("node") and (WIDGETS / "node_modules").is_dir()), reason="needs node and `npm ci` in widgets/"
)
def test_the_bundles_are_fresh(tmp_path: Path) -> None:
    subprocess.run(["node", "build.mjs", f"--outdir={tmp_path}"], cwd=WIDGETS, check=True, capture_output=True)
    stale = [path.name for path in sorted(tmp_path.glob("*.js")) if path.read_bytes() != (STATIC / path.name).read_bytes()]
    assert not stale, "run `make widgets`"


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
    assert not re.search(r"""["'`]https?://(?!www\.w3\.org/|s3\.example\.com)""", text)


def test_no_lock_file_names_a_registry() -> None:
    assert "resolved" not in (WIDGETS / "package-lock.json").read_text()
