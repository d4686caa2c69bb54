"""Serves JupyterLab's files of every image at ``/hub/lab/<image>/<version>/<hash>/<file>``, to be kept by browsers for ever."""

from __future__ import annotations

from typing import Any

from tornado.web import StaticFileHandler
from trainyard.home import Home
from trainyard_spawner import lab_assets

YEAR = 365 * 86400
ADDRESS = r"/lab/((?:\w[\w.-]*/){3}\w[\w.-]*)"


class LabFilesHandler(StaticFileHandler):
    """One file of a published package, for which nobody need be signed in."""

    async def get(self, path: str, include_body: bool = True) -> None:
        """The file, or 404."""
        found = lab_assets.find(Home.from_environment(), *path.split("/"))
        if found:
            self.root = str(found.parent.resolve())  # an administrator may keep images on another disk, behind a link
        await super().get(found.name if found else "none", include_body)

    def set_extra_headers(self, path: str) -> None:
        """An address means one content; opened by itself it is a document without any rights."""
        self.set_header("Cache-Control", f"public, max-age={YEAR}, immutable")
        self.set_header("X-Content-Type-Options", "nosniff")
        self.set_header("Content-Security-Policy", "default-src 'none'; sandbox")

    def compute_etag(self) -> None:
        """The address is the tag already."""
        return


def handlers() -> list[tuple[str, Any, dict[str, str]]]:
    """The route below the Hub's prefix."""
    return [(ADDRESS, LabFilesHandler, {"path": str(Home.from_environment().images)})]
