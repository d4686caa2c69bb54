"""JupyterLab in a workspace shows Trainyard's tiles and starts TensorBoard on the right folder."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from trainyard_server import tensorboard

ROOT = Path(__file__).parents[2]


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("lab")
    extensions = folder / "labextensions" / "@trainyard"
    extensions.mkdir(parents=True)
    (extensions / "launcher").symlink_to(ROOT / "extensions/trainyard_server/labextension")
    port = free_port()
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"]
    command += [
        f"--ServerApp.port={port}",
        "--ServerApp.port_retries=0",
        "--IdentityProvider.token=",
        f"--ServerApp.root_dir={folder}",
    ]
    command += [f"--LabApp.extra_labextensions_path={folder / 'labextensions'}"]
    environment = {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "HOME": str(folder)}
    process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
    address = f"http://127.0.0.1:{port}"
    try:
        wait_for(f"{address}/api", process)
        yield address
    finally:
        process.terminate()
        process.wait(120)


def wait_for(address: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 240
    while time.monotonic() < deadline and process.poll() is None:
        try:
            urllib.request.urlopen(address, timeout=2).close()
        except OSError:
            time.sleep(0.2)
        else:
            return
    pytest.fail(f"JupyterLab did not answer at {address}")


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.parametrize(("locale", "title"), [("en-US", "Datasets"), ("zh-CN", "数据集")])
def test_the_launcher_shows_a_tile_for_each_page_in_the_readers_language(lab: str, locale: str, title: str) -> None:
    from playwright.sync_api import expect, sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        page = browser.new_page(locale=locale)
        page.set_default_timeout(120_000)
        page.goto(f"{lab}/lab?reset")
        tiles = page.locator('.jp-LauncherCard[data-category="Trainyard"]')
        expect(tiles.filter(has_text=title)).to_be_visible(timeout=120_000)
        expect(tiles).to_have_count(5, timeout=60_000)  # four pages and TensorBoard
        browser.close()


def test_tensorboard_prefers_the_named_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TRAINYARD_TENSORBOARD_FOLDER", str(tmp_path))
    assert tensorboard.log_folder() == tmp_path


def test_tensorboard_listens_on_loopback_only() -> None:
    assert tensorboard.command(4242)[:5] == ["tensorboard", "--host", "127.0.0.1", "--port", "4242"]


@pytest.mark.slow
def test_the_wheel_carries_every_room_and_the_lab_extension(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "uv", "build", "--wheel", "-q", "-o", str(tmp_path), str(ROOT)], check=True)
    (wheel,) = tmp_path.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    assert any(name.endswith("share/jupyter/labextensions/@trainyard/launcher/static/launcher.js") for name in names)
    assert {"trainyard/py.typed", "trainyard_server/tensorboard.py", "trainyard_widgets/__init__.py"} <= names
