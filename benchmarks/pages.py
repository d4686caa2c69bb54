"""A page opened until it is usable, warm, in Chromium: our pages service against stock Voila showing the same notebook.

Usable means: a button of the page was pressed and its answer is on the screen. Both sides show ``notebooks/overview.ipynb``
over the same small platform (``tests/pages/standin.py``: the Hub's and the service's answers over HTTP), in turns; the median
counts.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
from playwright.sync_api import Browser, sync_playwright
from tornado.web import create_signed_value
from trainyard_pages.identity import cookie_secret

from benchmarks._children import tied
from tests.pages.standin import Platform, iso

if TYPE_CHECKING:
    from benchmarks.run import Row

ROOT = Path(__file__).resolve().parent.parent
CHROMIUM = os.environ.get("TRAINYARD_CHROMIUM", "/usr/bin/chromium")
TURNS = 7
LIMIT = 1.5
SECRET = "benchmark"
OURS, PEER = 18420, 18421


def rows() -> list[Row]:
    """Two rows: seconds against stock Voila, seconds against the limit."""
    with ExitStack() as stack:
        stand_in = stack.enter_context(platform())
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-pages-"))
        stack.enter_context(pages(stand_in, Path(folder)))
        stack.enter_context(voila(stand_in))
        ours, peer = measure(stand_in, stack.enter_context(chromium()))
    return [
        {"name": "page-usable", "ours": ours, "peer": peer, "unit": "s", "ratio": peer / ours, "reach": 2.0},
        {"name": "page-usable-limit", "ours": ours, "peer": LIMIT, "unit": "s", "ratio": LIMIT / ours, "reach": 1.0},
    ]


def measure(stand_in: Platform, browser: Browser) -> tuple[float, float]:
    """Medians of ours and of stock Voila; the first turn of each only warms up."""
    cookie = create_signed_value(cookie_secret(SECRET), "service-pages", "token-alice").decode()
    ours = browser.new_context()
    ours.add_cookies([{"name": "service-pages", "value": cookie, "domain": "127.0.0.1", "path": "/services/pages/"}])
    peer = browser.new_context()
    # a stock page asks content delivery networks for fonts; it is spared waiting for them
    peer.route(lambda address: "127.0.0.1" not in address, lambda route: route.abort())
    times: dict[str, list[float]] = {"ours": [], "peer": []}
    for _ in range(TURNS + 1):
        times["peer"].append(usable(stand_in, peer, f"http://127.0.0.1:{PEER}/voila/render/overview.ipynb"))
        times["ours"].append(usable(stand_in, ours, f"http://127.0.0.1:{OURS}/services/pages/overview"))
        time.sleep(2)
    return statistics.median(times["ours"][1:]), statistics.median(times["peer"][1:])


def usable(stand_in: Platform, context: Any, address: str) -> float:
    """Seconds from opening ``address`` to the answer of its button on the screen."""
    stand_in.answers["GET /jobs"] = jobs("running")
    page = context.new_page()
    began = time.perf_counter()
    page.goto(address, wait_until="commit")
    page.locator("td button", has_text="Stop").click(timeout=60_000)
    page.locator("td [data-state=stopped]").wait_for(timeout=60_000)
    seconds = time.perf_counter() - began
    page.close()
    return seconds


def jobs(state: str) -> dict[str, Any]:
    """One training in ``state``."""
    times = {"created": iso(minutes=4), "queued": iso(minutes=4), "started": iso(minutes=3), "ended": None, "deadline": None}
    owner = {"id": 2, "name": "Alice"}
    what = {"id": "a" * 16, "kind": "train", "name": "digits", "image": "mxnet", "package": "2Core4G", "group": "vision"}
    progress = {"done": 3200, "total": 10000, "elapsed": 95, "remaining": 204}
    job = {**what, **times, "owner": owner, "wanted": "run", "state": state, "attempt": 1, "progress": progress}
    return {"items": [job], "total": 1, "offset": 0}


@contextmanager
def platform() -> Iterator[Platform]:
    """The stand-in platform in a thread; stopping its job makes the job stopped."""
    stand_in = Platform()
    loop = asyncio.new_event_loop()

    def stop(*_: Any) -> dict[str, Any]:
        stand_in.answers["GET /jobs"] = jobs("stopped")
        return {}

    async def start() -> None:
        stand_in.start()

    stand_in.answers[f"POST /jobs/{'a' * 16}/stop"] = stop
    loop.run_until_complete(start())
    threading.Thread(target=loop.run_forever, daemon=True).start()
    yield stand_in
    loop.call_soon_threadsafe(loop.stop)


@contextmanager
def pages(stand_in: Platform, folder: Path) -> Iterator[None]:
    """Our pages service, warm."""
    token = folder / "token"
    token.write_text(SECRET)
    settings = {
        "PORT": str(OURS),
        "HUB_TOKEN_FILE": str(token),
        "HUB_API_URL": stand_in.hub_api,
        "SERVICE_URL": stand_in.service,
    }
    environment = {**os.environ, **{f"TRAINYARD_PAGES_{name}": value for name, value in settings.items()}}
    health = f"http://127.0.0.1:{OURS}/services/pages/health"
    with process([sys.executable, "-m", "trainyard_pages"], environment, health):
        yield


@contextmanager
def voila(stand_in: Platform) -> Iterator[None]:
    """Stock Voila over our notebooks; its kernels find service and token in the environment."""
    environment = {**os.environ, "TRAINYARD_URL": stand_in.service, "TRAINYARD_TOKEN": "token-alice"}
    command = [sys.executable, "-m", "voila", str(ROOT / "notebooks"), "--no-browser", f"--port={PEER}", "--Voila.ip=127.0.0.1"]
    with process(command, environment, f"http://127.0.0.1:{PEER}/"):
        yield


@contextmanager
def process(command: list[str], environment: dict[str, str], address: str) -> Iterator[None]:
    """A server that answers 200 at ``address`` when it is ready."""
    running = subprocess.Popen(tied(command), env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for(lambda: httpx.get(address, timeout=5).status_code == 200)
        yield
    finally:
        running.terminate()
        running.wait(30)


def wait_for(condition: Callable[[], bool]) -> None:
    """Until ``condition``, at most a minute."""
    for _ in range(300):
        try:
            if condition():
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.2)
    raise TimeoutError("a server did not start")


@contextmanager
def chromium() -> Iterator[Browser]:
    """Debian's Chromium, headless."""
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()
