"""The stack for survival tests: one image, kept between runs, no public datasets, and ways to be unkind to it."""

from __future__ import annotations

import json
import re
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol

import httpx
import psutil
from trainyard_hub.settings import Settings
from trainyard_hub.stack.certificates import make_certificates
from trainyard_hub.stack.manager import Manager
from trainyard_hub.stack.processes import stack

from tests.browser.running import IMAGES, RunningPlatform

HIDDEN = re.compile(r'name="_xsrf" value="([^"]+)"')


class HubPlatform(RunningPlatform):
    """A whole platform with the workspace image only."""

    def __init__(self, **settings: str) -> None:
        super().__init__()
        IMAGES.mkdir(parents=True, exist_ok=True)
        (self.home / "images").symlink_to(IMAGES)
        quiet = {"TRAINYARD_IMAGES": "workspace", "TRAINYARD_PUBLIC_DATASETS": "false"}
        self._environment |= quiet | settings
        self.port = int(self.address.rpartition(":")[2])

    @property
    def settings(self) -> Settings:
        """The settings it runs with."""
        certificate, key = (self._environment.get(f"TRAINYARD_TLS_{name}") for name in ("CERTIFICATE", "KEY"))
        return Settings(TRAINYARD_HOME=self.home, port=self.port, tls_certificate=certificate, tls_key=key)

    @property
    def environment(self) -> dict[str, str]:
        """The shell it was started from."""
        return self._environment

    def manager(self) -> Manager:
        """The process manager's other end."""
        return Manager(self.settings.home, stack(self.settings), {})

    def pid(self, name: str) -> int:
        """The process id of one process of the stack; 0 when it is not up."""
        found = self.manager().processes().get(name)
        return found.pid if found else 0

    def forget_what_was_said(self) -> None:
        """So that ``start`` waits for the next announcement."""
        self.log.write_text("")

    def change_to_tls(self, folder: Path) -> None:
        """Serve with a certificate from the next start on."""
        make_certificates(folder)
        pair = {"TRAINYARD_TLS_CERTIFICATE": str(folder / "cert.pem"), "TRAINYARD_TLS_KEY": str(folder / "key.pem")}
        self._environment |= pair
        self.address = f"https://127.0.0.1:{self.port}"
        self.trust = ssl.create_default_context(cafile=str(folder / "ca.pem"))

    def end(self, *options: str) -> int:
        """``make stop`` in another terminal; the exit status."""
        command = [sys.executable, "-m", "trainyard_hub.stack", "stop", *options]
        return subprocess.run(command, env=self._environment, capture_output=True, timeout=240, check=False).returncode

    def kill(self, name: str) -> int:
        """SIGKILL for one process; its old pid."""
        pid = self.pid(name)
        psutil.Process(pid).kill()
        return pid

    def be_up(self) -> None:
        """Start it where it does not run, as a first try may have left it."""
        if self._process is None or self._process.poll() is not None:
            self.forget_what_was_said()
            self.start()

    def have_group(self, name: str) -> None:
        """A group of that name with the administrator in it, made where there is none."""
        if name not in {one["name"] for one in self.ask("GET", "/groups")}:
            self.ask("POST", "/groups", {"name": name})
        self.ask("PUT", f"/groups/{name}/members/1", {})

    def kill_foreground(self) -> None:
        """SIGKILL for what ``make run`` is."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def interrupt(self) -> int:
        """Ctrl-C; the exit status, also of one that has ended already."""
        assert self._process is not None
        self._process.send_signal(signal.SIGINT)
        return self._process.wait(240)

    def answers(self, path: str) -> bool:
        """Whether the public address answers 200 at ``path``."""
        try:
            answer = httpx.get(f"{self.address}{path}", timeout=10, follow_redirects=True, verify=self.trust)
            return answer.status_code == httpx.codes.OK
        except httpx.HTTPError:
            return False

    def is_well(self) -> bool:
        """Whether hub, service and pages answer through the proxy."""
        paths = ("/hub/health", "/services/trainyard/api/docs", "/services/pages/health")
        return all(self.answers(path) for path in paths)


class Reached(Protocol):
    """A platform by its address, wherever it runs."""

    @property
    def address(self) -> str:
        """Where browsers go."""
        ...

    trust: ssl.SSLContext | bool


class Person:
    """A browser without a screen: keeps cookies, fills in forms; ``number`` is the account's."""

    def __init__(self, platform: Reached, number: int = 1) -> None:
        self.seen = ""
        self.number = number
        self._client = httpx.Client(base_url=platform.address, follow_redirects=True, timeout=180, verify=platform.trust)

    def get(self, path: str) -> httpx.Response:
        """A page, after all redirects."""
        return self._client.get(path)

    def sign_in(self, name: str, password: str) -> httpx.Response:
        """The page after the sign-in form."""
        token = self._token(self._client.get("/hub/login"))
        return self._client.post("/hub/login", data={"username": name, "password": password, "_xsrf": token})

    def spawn(self, group: str, package: str = "") -> httpx.Response:
        """The page after the start form, with the first image, and the smallest package where none is named."""
        return self.submit(self.form(), group, package)

    def form(self) -> httpx.Response:
        """The page with the start form; while the Hub is still stopping the last workspace there is another one."""
        found: list[httpx.Response] = []

        def offered() -> bool:
            found[:] = [self._client.get("/hub/spawn")]
            return 'name="package"' in found[0].text

        assert until(offered), found[0].text[:500]
        return found[0]

    def submit(self, form: httpx.Response, group: str, package: str = "") -> httpx.Response:
        """The page after that form was sent."""
        image = re.findall(r'<option value="([^"]+:[^"]+)"', form.text)[0]
        offered = re.findall(r'name="package" value="([^"]+)"', form.text)
        token = self._token(form)
        data = {"_xsrf": token, "group": group, "image": image, "package": package or offered[0]}
        return self._client.post("/hub/spawn", params={"_xsrf": token}, data=data)

    def progress(self, pending: httpx.Response) -> Iterator[dict[str, Any]]:
        """What the page of a start that goes on is told, event by event, until it has come up or failed."""
        address = json.loads(re.findall(r'new EventSource\(("[^"]+")\)', pending.text)[0])
        with self._client.stream("GET", address) as events:
            for line in events.iter_lines():
                if line.startswith("data:"):
                    yield json.loads(line.removeprefix("data:"))

    def told_of_refusal(self, page: httpx.Response) -> str:
        """Why a start was refused: on the page itself, or, where the Hub was slow to hear it, on the page of the start."""
        if "new EventSource(" not in page.text:
            return page.text
        return " ".join(str(event.get("message", "")) for event in self.progress(page))

    def lab_answers(self) -> bool:
        """Whether the person's JupyterLab answers; ``seen`` keeps what came instead."""
        try:
            answer = self._client.get(f"/user/u{self.number}/lab")
        except httpx.HTTPError as error:
            self.seen = repr(error)
            return False
        self.seen = f"{answer.status_code} {answer.url} {answer.text[:500]}"
        return answer.status_code == httpx.codes.OK and answer.url.path.startswith(f"/user/u{self.number}/")

    def _token(self, page: httpx.Response) -> str:
        found = HIDDEN.search(page.text)
        if found:
            return found[1]
        return next(
            str(cookie.value) for cookie in self._client.cookies.jar if cookie.name == "_xsrf" and "/hub" in cookie.path
        )


def until(ready: Callable[[], object], seconds: float = 240) -> bool:
    """Whether ``ready`` came true in time."""
    deadline = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.2)
    return True
