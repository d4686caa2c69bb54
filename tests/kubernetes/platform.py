"""A whole platform inside the cluster for tests: applied, waited for, asked through its Service, and treated badly.

Its image is ``trainyard/platform`` as ``images/platform/Dockerfile`` makes it, with the packages of this working tree laid over
it. Where nobody built that, which takes minutes of downloads, it is made of the environment that the tests run in.
"""

from __future__ import annotations

import base64
import json
import os
import re
import secrets
import shutil
import signal
import ssl
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import yaml
from trainyard_hub.kubernetes import main
from trainyard_hub.kubernetes.main import Where
from trainyard_hub.services import CALL_SERVICE

from tests.kubernetes.conftest import BASE, apply, kubectl, make_base, until
from tests.kubernetes.small_volume import PLATFORM_SIZE, small

ROOT = Path(__file__).parents[2]
BUILT = os.environ.get("TRAINYARD_TEST_PLATFORM_IMAGE", "trainyard/platform:0.1.0")
IMAGE = "trainyard-test/platform:1"
DATABASE = "trainyard-test/postgres:15"
ROOMS = (
    "core/trainyard", "spawner/trainyard_spawner", "hub_config/trainyard_hub", "extensions/trainyard_service",
    "extensions/trainyard_pages", "widgets/trainyard_widgets",
)  # fmt: skip
PACKAGES = "/opt/trainyard/lib/python3.11/site-packages"
# what the official image does with its variables, on Debian's package
START_DATABASE = """
set -e
if [ ! -s "$PGDATA/PG_VERSION" ]; then
  printf %s "$POSTGRES_PASSWORD" > /tmp/password
  initdb -D "$PGDATA" -U "$POSTGRES_USER" --pwfile /tmp/password --auth scram-sha-256 --no-sync
  echo "host all all all scram-sha-256" >> "$PGDATA/pg_hba.conf"
  echo "CREATE DATABASE $POSTGRES_DB" | postgres --single -j -D "$PGDATA" postgres
fi
exec postgres -D "$PGDATA" -c "listen_addresses=*" -c unix_socket_directories=/var/run/postgresql
"""
DATABASE_RECIPE = f"""FROM {BASE}
RUN apt-get update -qq && apt-get install -y -qq --no-install-recommends postgresql-15
RUN getent passwd 999 || printf 'database:x:999:999::/:/bin/sh\\n' >> /etc/passwd
COPY start.sh /start.sh
ENV PATH=/usr/lib/postgresql/15/bin:/usr/bin:/bin LANG=C.UTF-8
USER 999
ENTRYPOINT ["sh", "/start.sh"]
"""
ENVIRONMENT_IMAGE = "trainyard-test/environment:1"
ENVIRONMENT_RECIPE = f"""FROM {BASE}
RUN python3 -m venv --without-pip /opt/trainyard \\
 && printf 'trainyard:x:10000:10000:Trainyard:/tmp:/usr/sbin/nologin\\n' >> /etc/passwd \\
 && printf 'trainyard:x:10000:\\n' >> /etc/group
COPY . /opt/trainyard
ENV PATH=/opt/trainyard/bin:/usr/local/bin:/usr/bin:/bin LANG=C.UTF-8 PYTHONDONTWRITEBYTECODE=1
USER 10000:10000
WORKDIR /tmp
"""
NOT_THERE = ("playwright", "mypy", "*__mypyc*", "pip", "__editable__*")
"""Tools for tests, and the way to a working tree that no pod sees."""
XSRF = re.compile(r'name="_xsrf" value="([^"]+)"')
LONG = 600.0
PARTS = ("hub", "proxy", "service", "pages", "store", "database")


def build_images() -> None:
    """The platform's image with what stands in the working tree, and a database's."""
    built = BUILT if _has(BUILT) else make_platform_image()
    with tempfile.TemporaryDirectory() as folder:
        for room in ROOMS:
            leave = shutil.ignore_patterns("__pycache__", "node_modules")
            shutil.copytree(ROOT / room, Path(folder) / Path(room).name, ignore=leave)
        lines = [f"COPY {Path(room).name} {PACKAGES}/{Path(room).name}" for room in ROOMS]
        (Path(folder) / "Dockerfile").write_text("\n".join([f"FROM {built}", *lines, ""]))
        _build(IMAGE, folder)
    if not _has(DATABASE):
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "start.sh").write_text(START_DATABASE)
            (Path(folder) / "Dockerfile").write_text(DATABASE_RECIPE)
            _build(DATABASE, folder)


def _build(tag: str, folder: str) -> None:
    subprocess.run(["docker", "build", "-q", "-t", tag, folder], check=True, capture_output=True)


def _has(image: str) -> bool:
    return subprocess.run(["docker", "image", "inspect", image], capture_output=True, check=False).returncode == 0


def make_platform_image() -> str:
    """An image with what the platform's own has, out of the environment of the tests: the lock is the same."""
    make_base()
    if not _has(ENVIRONMENT_IMAGE):
        own, parts = Path(sys.prefix), ("bin/traefik", "bin/weed", "lib/python3.11/site-packages", "share", "etc")
        with tempfile.TemporaryDirectory(dir=ROOT / ".cache") as folder:
            for part in parts:
                (Path(folder) / part).parent.mkdir(parents=True, exist_ok=True)
                subprocess.run(["cp", "-al", own / part, Path(folder) / part], check=True)
            for room in ("notebooks", "images"):
                shutil.copytree(ROOT / room, Path(folder) / room)
            (Path(folder) / ".dockerignore").write_text("\n".join(f"**/site-packages/{name}" for name in NOT_THERE))
            (Path(folder) / "Dockerfile").write_text(ENVIRONMENT_RECIPE)
            _build(ENVIRONMENT_IMAGE, folder)
    return ENVIRONMENT_IMAGE


@contextmanager
def running_platform(workspace_image: str, **changes: Any) -> Iterator[ClusterPlatform]:
    """A platform in the cluster whose one image is ``workspace:1``, until the end of the block; ``changes`` are fields of its
    deployment.
    """
    with tempfile.TemporaryDirectory(prefix="trainyard-platform-") as folder, small(Path(folder).resolve() / "volume"):
        Path(folder).chmod(0o755)
        told = {"launches": {"images": {"workspace:1": workspace_image}}, **changes}
        made = ClusterPlatform(f"w-{secrets.token_hex(3)}", Path(folder).resolve(), told)
        try:
            made.start()
            yield made
        finally:
            made.end()


class ClusterPlatform:
    """One deployment over folders of this machine."""

    def __init__(self, name: str, folder: Path, changes: dict[str, Any]) -> None:
        self.name = name
        self.trust: ssl.SSLContext | bool = True
        self.folder = folder
        self._where = Where(folder / "deployment.yaml")
        self._where.file.write_text(yaml.safe_dump({**self._told(), **changes}))

    def start(self) -> None:
        """Apply it, as an administrator would, and wait until its pod is ready."""
        owners = {"volume": 0, "launches": 0, "database": 999, "store": 10000}
        for what, uid in owners.items():
            (self.folder / what).mkdir(exist_ok=True)
            os.chown(self.folder / what, uid, uid)
        apply(*(self._volume(what) for what in ("database", "store")))
        main.apply(self._where, lambda _: None, force=False)
        self.wait()

    def wait(self) -> None:
        """Until the pod is ready and the service answers through the Service."""
        until(self._ready, LONG)

    def end(self) -> None:
        """Take it away, data too."""
        main.delete(self._where, lambda _: None, with_data=True)
        for what in ("database", "store"):
            kubectl("delete", "pv", f"{self.name}-data-{what}", "--ignore-not-found", "--wait=false")
        # which the platform never takes away itself
        kubectl("delete", "namespaces,persistentvolumes", "-l", f"trainyard.io/home={self.name}", "--wait=false")

    @property
    def address(self) -> str:
        """Where the Service leads to the platform."""
        host = kubectl("get", "service", f"{self.name}-http", "-n", self.name, "-o", "jsonpath={.spec.clusterIP}")
        return f"http://{host}:8000"

    def secret(self, key: str) -> str:
        """One value of the deployment's Secret."""
        data = json.loads(kubectl("get", "secret", f"{self.name}-secrets", "-n", self.name, "-o", "json"))["data"]
        return base64.b64decode(data[key]).decode().strip()

    def sign_in(self, name: str, password: str) -> httpx.Response:
        """The page behind the sign-in form."""
        browser = httpx.Client(base_url=self.address, timeout=120, follow_redirects=True)
        shown = XSRF.search(browser.get("/hub/login").text)
        assert shown is not None
        return browser.post("/hub/login", data={"username": name, "password": password, "_xsrf": shown[1]})

    def api(self, account: int) -> httpx.Client:
        """REST as that account, with a token that the Hub gives the service."""
        asked = {"note": "test", "scopes": [CALL_SERVICE]}
        answer = httpx.post(
            f"{self.address}/hub/api/users/u{account}/tokens",
            json=asked,
            headers={"Authorization": f"Bearer {self.secret('service-hub-token')}"},
            timeout=60,
        )
        answer.raise_for_status()
        return httpx.Client(
            base_url=f"{self.address}/services/trainyard/api/v1",
            headers={"Authorization": f"Bearer {answer.json()['token']}"},
            timeout=60,
        )

    def ask(self, method: str, path: str, body: Any = None, **query: Any) -> Any:
        """One call of the service as its administrator; the answer's JSON."""
        answer = self.api(1).request(method, path, json=body, params=query)
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text[:500]}"
        return answer.json() if answer.content else None

    def kill_container(self, name: str) -> None:
        """SIGKILL for the first process of one of the platform pod's containers, from outside."""
        chosen = (f"label=io.kubernetes.container.name={name}", f"label=io.kubernetes.pod.namespace={self.name}")
        listing = ["docker", "ps", "-q", *(word for one in chosen for word in ("--filter", one))]
        (container,) = subprocess.run(listing, capture_output=True, text=True, check=True).stdout.split()
        shown = subprocess.run(
            ["docker", "inspect", "-f", "{{.State.Pid}}", container], capture_output=True, text=True, check=True
        )
        os.kill(int(shown.stdout), signal.SIGKILL)

    def restarts(self, name: str) -> int:
        """How often a container of the platform's pod was started again."""
        pods = json.loads(kubectl("get", "pods", "-n", self.name, *self.chosen(), "-o", "json"))["items"]
        told = [one for pod in pods for one in pod["status"].get("containerStatuses", ()) if one["name"] == name]
        return sum(int(one["restartCount"]) for one in told)

    def delete_pod(self) -> None:
        """As somebody might by hand; returns when it is gone."""
        kubectl("delete", "pod", "-n", self.name, *self.chosen())

    def chosen(self) -> tuple[str, str]:
        """What chooses the platform's own pod."""
        return "-l", f"app.kubernetes.io/instance={self.name},app.kubernetes.io/component=platform"

    def _ready(self) -> bool:
        pods = json.loads(kubectl("get", "pods", "-n", self.name, *self.chosen(), "-o", "json"))["items"]
        alive = [pod for pod in pods if "deletionTimestamp" not in pod["metadata"]]
        statuses = [one for pod in alive for one in pod["status"].get("containerStatuses", ())]
        if not statuses or not all(one["ready"] for one in statuses):
            return False
        try:
            answer = httpx.get(f"{self.address}/services/trainyard/api/v1/me", timeout=10)
        except httpx.HTTPError:
            return False
        return answer.status_code == httpx.codes.UNAUTHORIZED

    def _told(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "namespace": self.name,
            "image": IMAGE,
            "access": {"address": "http://127.0.0.1:8000"},
            "storage": {
                "source": {"volume": {"hostPath": {"path": str(self.folder)}}},
                "volume": "5Gi",
                "launches": "1Gi",
            },
            "database": {"image": DATABASE, "size": "1Gi"},
            "store": {"size": "1Gi"},
            # the jobs of a test have the node's processors
            "amounts": {part: {"cpu": "0"} for part in PARTS},
            "settings": {
                "TRAINYARD_SERVICE_CAPACITY_CPU": "2",
                "TRAINYARD_SERVICE_CAPACITY_MEMORY": "8000000000",
                # what is kept free as it comes is as much as the whole volume of a test
                "TRAINYARD_SERVICE_DISK_RESERVE": str(PLATFORM_SIZE // 16),
                "TRAINYARD_SERVICE_PACKAGES": '["1Core2G"]',
            },
        }

    def _volume(self, what: str) -> dict[str, Any]:
        holder = {"namespace": self.name, "name": f"data-{self.name}-{what}-0"}
        return {
            "apiVersion": "v1",
            "kind": "PersistentVolume",
            "metadata": {"name": f"{self.name}-data-{what}"},
            "spec": {
                "accessModes": ["ReadWriteOnce"],
                "capacity": {"storage": "1Gi"},
                "storageClassName": "",
                "claimRef": holder,
                "hostPath": {"path": str(self.folder / what)},
            },
        }
