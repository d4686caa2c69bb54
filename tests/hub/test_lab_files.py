"""JupyterLab's files at the Hub's address: of images in the home and of images behind a link, and of nothing else."""

from __future__ import annotations

import urllib.request
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.error import HTTPError

import pytest
from tornado.httpserver import HTTPServer
from tornado.ioloop import IOLoop
from tornado.testing import bind_unused_port
from tornado.web import Application
from trainyard_hub import lab_files

MAIN, PART = "main.0123456789abcdef.js", "12.fedcba9876543210.js"
FOLDER = "2026.11/env/share/jupyter/lab/static"


@pytest.fixture
async def address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[str]:
    """A Hub's part that serves them; the image's folder is a link to another disk."""
    static = tmp_path / "disk" / "workspace" / FOLDER
    static.mkdir(parents=True)
    (static / MAIN).write_text("main")
    (static / PART).write_text("part")
    (tmp_path / "secret").write_text("secret")
    (static / "13.fedcba9876543210.js").symlink_to(tmp_path / "secret")
    images = tmp_path / "home" / "images"
    images.mkdir(parents=True)
    (images / "workspace").symlink_to(tmp_path / "disk" / "workspace")
    monkeypatch.setenv("TRAINYARD_HOME", str(tmp_path / "home"))
    socket, port = bind_unused_port()
    server = HTTPServer(Application(lab_files.handlers()))
    server.add_socket(socket)
    yield f"http://127.0.0.1:{port}/lab/workspace/2026.11/0123456789abcdef"
    server.stop()


async def got(address: str) -> tuple[int, str]:
    def ask() -> tuple[int, str]:
        try:
            with urllib.request.urlopen(address) as answer:
                return answer.status, answer.read().decode()
        except HTTPError as refused:
            return refused.code, ""

    found: tuple[int, str] = await IOLoop.current().run_in_executor(None, ask)
    return found


async def test_a_file_of_an_image_behind_a_link_is_served(address: str) -> None:
    assert await got(f"{address}/{PART}") == (200, "part")


async def test_a_link_that_leads_out_of_the_files_is_refused(address: str) -> None:
    assert await got(f"{address}/13.fedcba9876543210.js") == (403, "")


async def test_an_unknown_file_is_not_found(address: str) -> None:
    assert await got(f"{address}/99.fedcba9876543210.js") == (404, "")
