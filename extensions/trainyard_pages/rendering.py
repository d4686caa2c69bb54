"""Runs a page's notebook in its kernel and draws it with our Voila template, the head first."""

from __future__ import annotations

import copy
import logging
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import nbformat
from trainyard.words import translate
from traitlets.config import Config
from voila.execute import VoilaExecutor
from voila.exporter import VoilaExporter

from trainyard_pages.kernel import PageKernel

TEMPLATES = Path(__file__).parent / "template"
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
log = logging.getLogger(__name__)


class Notebooks:
    """The notebooks of a folder, read once; a page's name is its notebook's."""

    def __init__(self, folder: Path) -> None:
        self._notebooks = {path.stem: _read(path) for path in sorted(folder.glob("*.ipynb"))}
        self._exporter = VoilaExporter(
            template_paths=[str(TEMPLATES / "trainyard")],
            template_name="trainyard",
            config=Config({"VoilaExporter": {"exclude_input": True}}),
            base_url="/",
        )

    @property
    def names(self) -> list[str]:
        """All pages."""
        return list(self._notebooks)

    async def draw(self, name: str, kernel: PageKernel, context: dict[str, Any]) -> AsyncIterator[str]:
        """The page's HTML in two parts: everything a browser needs to begin, then (once the notebook ran) the rest."""
        notebook = copy.deepcopy(self._notebooks[name])
        resources: dict[str, Any] = {"base_url": "/", "metadata": {"name": name}}
        extra = {**context, "cell_generator": _cells(kernel), "_": _translator(context["language"])}
        parts: list[str] = []
        async for part, _ in self._exporter.generate_from_notebook_node(notebook, resources=resources, extra_context=extra):
            parts.append(part)
            if _BREAK in part:
                yield "".join(parts)
                parts.clear()
        yield "".join(parts)


def _read(path: Path) -> Any:
    return nbformat.reads(path.read_text(), as_version=4)  # type: ignore[no-untyped-call]


_BREAK = "<!-- the notebook runs -->"


def _translator(language: str) -> Callable[[str], str]:
    return lambda text: translate(text, language)


def _cells(kernel: PageKernel) -> Callable[[Any], AsyncIterator[Any]]:
    """What the template iterates: each cell after it ran. The first widget shown is the page's."""

    async def cells(notebook: Any) -> AsyncIterator[Any]:
        executor = VoilaExecutor(notebook, km=kernel, show_tracebacks=False, timeout=30)
        executor.kc = kernel.client
        try:
            for index, cell in enumerate(notebook.cells):
                done = await executor.execute_cell(cell, None, index, store_history=False)
                kernel.model = kernel.model or _shown_model(done)
                yield done
        finally:
            _settle(kernel)

    return cells


def _settle(kernel: PageKernel) -> None:
    if kernel.shown.done():
        return
    if kernel.model is None:
        log.error("a page's notebook showed no widget", extra={"kernel": kernel.id[:8]})
        kernel.shown.set_exception(RuntimeError("the notebook showed no widget"))
        kernel.shown.exception()  # looked at, whether or not a browser ever comes
    else:
        kernel.shown.set_result(None)


def _shown_model(cell: Any) -> str | None:
    for output in cell.get("outputs", []):
        view = output.get("data", {}).get(WIDGET_VIEW)
        if view:
            return str(view["model_id"])
    return None
