"""A service that starts real sandboxes, with a small image that holds our own package and what it needs."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import traceback
import zipfile
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image
from trainyard.home import Home

from tests.frameworks import ROOT, python_of

PATIENCE = 400.0  # seconds
NEEDED = (
    "pydantic", "annotated_types", "typing_extensions", "typing_inspection", "msgspec", "numpy", "cv2", "opencv_python",
    "PIL", "pillow", "simplejpeg", "lmdb", "google", "platformdirs", "tensorboard", "grpc", "markdown", "werkzeug",
    "markupsafe", "absl", "six", "packaging", "setuptools", "pkg_resources", "_distutils_hack", "ijson", "yaml",
)  # fmt: skip


def build_image(home: Home, name: str, version: str) -> None:
    """An environment of the system's Python with hard links to the packages this test runs with, and a copy of ours."""
    folder = home.images / name / version
    packages = folder / "env/lib/python3.11/site-packages"
    subprocess.run(["/usr/bin/python3", "-m", "venv", "--without-pip", folder / "env"], check=True)
    site = Path(next(path for path in sys.path if path.endswith("site-packages")))
    chosen = [path for path in site.iterdir() if path.name.lower().startswith(tuple(one.lower() for one in NEEDED))]
    subprocess.run(["cp", "-al", *chosen, packages], check=True)
    shutil.copytree(ROOT / "core/trainyard", packages / "trainyard", ignore=shutil.ignore_patterns("__pycache__"))
    examples = folder / "examples"
    (examples / "params").mkdir(parents=True)
    (examples / "params/default.json").write_text('{"epochs": 3}')
    (examples / "train.py").write_text((Path(__file__).parent / "example_train.py").read_text())
    (examples / "start.sh").write_text('#!/bin/sh\nexec python -u "$(dirname "$0")/train.py"\n')
    (examples / "start.sh").chmod(0o755)
    (folder / "image.json").write_text(json.dumps({"kind": "workspace", "title": name}))


def build_framework_image(home: Home, name: str, script: Path) -> str:
    """The environment of ``images/<name>`` as an image, with this package and the ``script`` that its ``start.sh`` runs."""
    python_of(name)
    folder = home.images / name / "1"
    examples = folder / "examples"
    shutil.rmtree(folder, ignore_errors=True)
    examples.mkdir(parents=True)
    (folder / "env").symlink_to(ROOT / ".cache" / f"{name}-env")
    shutil.copytree(ROOT / "core/trainyard", examples / "trainyard", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(script, examples / "train.py")
    start = '#!/bin/sh\nPYTHONPATH="$(dirname "$0")" exec python -u "$(dirname "$0")/train.py" "$@"\n'
    (examples / "start.sh").write_text(start)
    (examples / "start.sh").chmod(0o755)
    (folder / "image.json").write_text(json.dumps({"kind": "training", "title": name}))
    return f"{name}:1"


@pytest.fixture(scope="module")
def chain_home() -> Iterator[Home]:
    with tempfile.TemporaryDirectory(prefix="trainyard-chain-") as folder:
        home = Home(Path(folder).resolve() / "home")
        home.root.mkdir()
        build_image(home, "workspace", "1")
        yield home


@pytest.fixture
def launcher(chain_home: Home) -> Iterator[Any]:
    made = import_module("trainyard_spawner.sandbox_launcher").SandboxLauncher(chain_home)
    yield made

    def ended() -> bool:
        living = [state for state in made.states() if state.phase != "ended"]
        for state in living:
            made.stop(state.key, grace=0)
        return not living

    until(ended)
    for state in made.states():
        made.forget(state.key)


def until(reached: Callable[[], Any], instead: Callable[[], object] = lambda: "nothing came") -> Any:
    """Ask until it holds; after a time that no healthy machine needs, fail with what was there ``instead``."""
    end = time.monotonic() + PATIENCE
    while not (found := reached()):
        assert time.monotonic() < end, f"not within {PATIENCE:.0f} s: {instead()}; {whereabouts()}"
        time.sleep(0.05)
    return found


def whereabouts() -> str:
    """Where every other thread is, the service's among them: what waits, and for what."""
    frames, told = sys._current_frames(), []
    for thread in threading.enumerate():
        frame = frames.get(thread.ident or 0)
        if frame is not None and thread is not threading.current_thread():
            calls = reversed(traceback.extract_stack(frame)[-6:])
            told.append(f"{thread.name}: {' < '.join(f'{Path(one.filename).name}:{one.lineno} {one.name}' for one in calls)}")
    return " | ".join(told)


@pytest.fixture
def chain(start_service: Callable[..., Any], chain_home: Home) -> Any:
    """A running service over the sandbox; its database is fresh, its home shared by the module."""
    shutil.rmtree(chain_home.volume, ignore_errors=True)
    service = start_service(home=chain_home.root)
    # there is no proxy in front: what a sandbox reaches as the platform is the service itself
    chain_home.address.write_text(service.address)
    return service


def write_pictures(folder: Path, count: int = 40, times: int = 1) -> Path:
    """``count`` small pictures of two classes and their list, which names each so many times; the last line is broken."""
    (folder / "pictures").mkdir(parents=True)
    lines = []
    for number in range(count):
        pixels = np.full((12, 16, 3), 40 if number % 2 else 200, np.uint8)
        Image.fromarray(pixels).save(folder / f"pictures/{number}.png")
        label = [
            {"name": "shade", "type": "classification", "version": "1", "data": [{"class": "暗" if number % 2 else "light"}]}
        ]
        lines.append(json.dumps({"url": f"pictures/{number}.png", "type": "image", "label": label}, ensure_ascii=False))
    (folder / "list.jsonl").write_text("\n".join([*lines * times, '{"url": ']) + "\n")
    for path in [folder, *folder.rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o644)
    return folder / "list.jsonl"


def zipped(folder: Path) -> bytes:
    """The pictures of ``write_pictures`` as an archive."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for path in sorted(folder.glob("pictures/*")):
            archive.write(path, str(path.relative_to(folder)))
    return buffer.getvalue()


class Person:
    """Somebody who works through REST."""

    def __init__(self, service: Any, name: str, *groups: Any, **more: Any) -> None:
        self.service = service
        self.group = next(iter(groups), None)
        self.who = service.account(name, *groups, **more)
        self.http: httpx.Client = service.client(self.who)

    def ok(self, method: str, path: str, **more: Any) -> Any:
        answer = self.http.request(method, path, **more)
        assert answer.status_code < 300, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None

    def refused(self, method: str, path: str, **more: Any) -> tuple[int, str, str]:
        answer = self.http.request(method, path, **more)
        assert answer.status_code >= 400, f"{method} {path} was not refused: {answer.text}"
        error = answer.json()["error"]
        return answer.status_code, error["code"], error["message"]

    def until(self, path: str, reached: Callable[[Any], Any]) -> Any:
        found: list[Any] = []

        def look() -> bool:
            found[:] = [self.ok("GET", path)]
            return bool(reached(found[0]))

        until(look, instead=lambda: f"{path} still answers {found[0]}")
        return found[0]

    def put_on_share(self, group: Any, name: str) -> Path:
        """A folder of the person's own on the group share, as if made in a workspace."""
        share = self.service.context.home.group_share(group.id)
        own: Path = share / self.who.name
        own.mkdir(parents=True, exist_ok=True)
        if os.geteuid() == 0:
            os.chown(share, 0, group.gid)
            os.chown(own, 20_000 + self.who.id, group.gid)
        for folder in (share, own):
            folder.chmod(0o2775)
        return own / name


@pytest.fixture
def person(chain: Any) -> Callable[..., Person]:
    return lambda name, *groups, **more: Person(chain, name, *groups, **more)


@pytest.fixture
def alice(chain: Any, person: Callable[..., Person]) -> Person:
    """She belongs to the group vision."""
    return person("alice", chain.group("vision"))


class Engine:
    """The reconciler in a process of its own, beside a service that only answers requests. ``settings`` are its environment."""

    def __init__(self, service: Any, **settings: str) -> None:
        self._service = service
        self._settings = settings
        self.start()

    def start(self) -> None:
        settings = self._service.context.settings
        command = [sys.executable, str(Path(__file__).with_name("engine_alone.py")), str(settings.home), settings.database]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, env={**os.environ, **self._settings})
        self.says("ready")

    def says(self, word: str) -> None:
        """Wait for the next thing it says."""
        assert self.process.stdout is not None
        assert self.process.stdout.readline().decode().strip() == word

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()


def supervisor_of(chain: Any, job: str, attempt: int = 1) -> int:
    """The process that watches over an attempt of a job."""
    marker = f"launches/job-{job}-{attempt}".encode()
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes()
        except OSError:
            continue
        if marker in line and b"supervisor" in line:
            return int(path.parent.name)
    raise AssertionError("no supervisor")
