"""POST spawn → launcher card visible in Chromium: ours against stock JupyterHub with its simple local spawner (no isolation).

Both sides run at once on one machine and take turns; the median of the rounds counts. ``spawn-root`` is our platform as this
user when it is root, ``spawn-rootless`` the same as an ordinary user. Chromium starts each round with an empty cache.
"""

from __future__ import annotations

import os
import pwd
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import which
from typing import IO

import httpx
from playwright.sync_api import Browser, Page, sync_playwright

from benchmarks._children import tied
from benchmarks.run import Row

ROUNDS = 3
START_SECONDS = 300
CARD = ".jp-LauncherCard"
PASSWORD = "a password that is long enough"
REACH = {"spawn-root": 1.0, "spawn-rootless": 0.77}


class Side:
    """A running hub with one person who may start a server."""

    address: str
    name: str
    password: str
    user: str

    def spawn(self, page: Page) -> None:
        """Press the button that posts the spawn."""
        raise NotImplementedError

    def seconds(self, browser: Browser) -> float:
        """One round: sign in, start, wait for the launcher, stop."""
        context = browser.new_context()
        page = context.new_page()
        page.goto(f"{self.address}/hub/login")
        page.fill("input[name=username]", self.name)
        page.fill("input[name=password]", self.password)
        page.click("[type=submit]")
        page.wait_for_load_state()
        page.goto(f"{self.address}/hub/spawn")
        page.wait_for_selector("form [type=submit]")
        began = time.monotonic()
        self.spawn(page)
        page.wait_for_selector(CARD, timeout=120_000)
        took = time.monotonic() - began
        self.stop(page)
        context.close()
        return took

    def stop(self, page: Page) -> None:
        """End the server and wait for the end, so that the next round starts from nothing."""
        token = next(
            cookie["value"] for cookie in page.context.cookies() if cookie["name"] == "_xsrf" and cookie["path"] == "/hub/"
        )
        server = f"{self.address}/hub/api/users/{self.user}/server"
        answer = page.context.request.delete(server, headers={"X-XSRFToken": token, "Referer": f"{self.address}/hub/home"})
        assert answer.ok, answer.text()
        page.wait_for_timeout(4000)


class Ours(Side):
    """The whole platform; as another user when ``uid`` is given."""

    def __init__(self, home: Path, port: int, uid: int | None = None) -> None:
        self.home, self.address, self.uid = home, f"http://127.0.0.1:{port}", uid
        self.name, self.user = "admin", "u1"
        kept = {key: value for key, value in os.environ.items() if not key.startswith("TRAINYARD_")}
        self._environment = kept | {
            "TRAINYARD_HOME": str(home / "state"),
            "TRAINYARD_PORT": str(port),
            "TRAINYARD_IMAGES": "workspace",
            "TRAINYARD_PUBLIC_DATASETS": "false",
            "HOME": str(home) if uid else os.environ.get("HOME", str(home)),
        }

    @contextmanager
    def running(self) -> Iterator[None]:
        """The platform with a group the administrator is in."""
        log = self.home / "log"
        with log.open("wb") as output:
            process = self._popen("run", output)
        try:
            _wait(lambda: f"ready: {self.address}" in log.read_text(errors="replace"), process, log)
            self.password = (self.home / "state/secrets/administrator-password").read_text().strip()
            self._ask("POST", "/groups", {"name": "bench"})
            self._ask("PUT", "/groups/bench/members/1", {})
            yield
        finally:
            process.terminate()
            process.wait(90)

    def spawn(self, page: Page) -> None:
        page.check("input[name=package]:not([disabled]) >> nth=0")
        page.click("#spawn_form [type=submit]")

    def _popen(self, command: str, output: IO[bytes]) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            tied([sys.executable, "-m", "trainyard_hub.stack", command]),
            env=self._environment, stdout=output, stderr=subprocess.STDOUT, start_new_session=True,
            user=self.uid, group=self.uid, extra_groups=[] if self.uid else None,
        )  # fmt: skip

    def _ask(self, method: str, path: str, body: object) -> None:
        token = (self.home / "state/secrets/administrator-token").read_text().strip()
        url = f"{self.address}/services/trainyard/api/v1{path}"
        httpx.request(method, url, json=body, headers={"Authorization": f"Bearer {token}"}, timeout=30).raise_for_status()


class Stock(Side):
    """JupyterHub as it comes, Traefik in front, one process a user."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder, self.address = folder, f"http://127.0.0.1:{port}"
        # the simple spawner gives everybody the same account; the name is only a folder
        self.name = self.user = pwd.getpwuid(os.geteuid()).pw_name
        self.password = PASSWORD
        (folder / "config.py").write_text(
            f"""
c.JupyterHub.spawner_class = "simple"
c.JupyterHub.authenticator_class = "shared-password"
c.SharedPasswordAuthenticator.user_password = {PASSWORD!r}
c.Authenticator.allow_all = True
c.JupyterHub.bind_url = "{self.address}"
c.JupyterHub.hub_port = {port + 1}
c.JupyterHub.proxy_class = "traefik_file"
c.TraefikProxy.traefik_api_url = "http://127.0.0.1:{port + 2}"
c.TraefikProxy.traefik_api_username = "hub"
c.TraefikProxy.traefik_api_password = "bench"
c.SimpleLocalProcessSpawner.home_dir_template = "{folder}/{{username}}"
c.Spawner.args = ["--allow-root"]
c.Spawner.default_url = "/lab"
c.Spawner.options_form = "<p>ready?</p>"
"""
        )

    @contextmanager
    def running(self) -> Iterator[None]:
        """The hub."""
        environment = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
        log = self.folder / "log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                tied([sys.executable, "-m", "jupyterhub", "-f", "config.py"]),
                cwd=self.folder, env=environment, stdout=output, stderr=subprocess.STDOUT,
            )  # fmt: skip
        try:
            _wait(lambda: "JupyterHub is now running" in log.read_text(errors="replace"), process, log)
            yield
        finally:
            process.terminate()
            process.wait(60)

    def spawn(self, page: Page) -> None:
        page.click("#spawn_form [type=submit]")


def rows() -> list[Row]:
    """Root and rootless where we are root; else only rootless."""
    with tempfile.TemporaryDirectory(prefix="trainyard-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        stock = Stock(_folder(folder / "stock"), 26000)
        sides: dict[str, Ours] = {}
        if os.geteuid() == 0:
            sides["spawn-root"] = Ours(_folder(folder / "root"), 26100)
            sides["spawn-rootless"] = Ours(_folder(folder / "rootless", 23457), 26200, 23457)
        else:
            sides["spawn-rootless"] = Ours(_folder(folder / "rootless"), 26200)
        with stock.running():
            return [_compare(name, ours, stock) for name, ours in sides.items()]


def _compare(name: str, ours: Ours, stock: Stock) -> Row:
    with ours.running(), sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=which("chromium"), args=["--no-sandbox"])
        pairs = [(ours.seconds(browser), stock.seconds(browser)) for _ in range(ROUNDS)]
        browser.close()
    mine, theirs = (round(statistics.median(side), 2) for side in zip(*pairs, strict=True))
    return Row(name=name, ours=mine, peer=theirs, unit="s", ratio=round(theirs / mine, 2), reach=REACH[name])


def _folder(path: Path, uid: int | None = None) -> Path:
    path.mkdir()
    if uid is not None:
        os.chown(path, uid, uid)
    return path


def _wait(ready: Callable[[], bool], process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not ready():
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(log.read_text(errors="replace")[-3000:])
        time.sleep(0.2)
