"""A real SeaweedFS for tests, started as the stack starts it but for the certificates of its inner ports."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import botocore.session
import httpx
from botocore.config import Config

from tests.browser.running import PORTS, free_range

NAMES = (
    "s3.port", "master.port", "master.port.grpc", "volume.port", "volume.port.grpc", "filer.port", "filer.port.grpc",
    "s3.port.grpc",
)  # fmt: skip
IDENTITIES = (
    {
        "name": "admin",
        "credentials": [{"accessKey": "ADMIN", "secretKey": "admin-secret"}],
        "actions": ["Admin", "Read", "Write", "List", "Tagging"],
    },
    {
        "name": "team",
        "credentials": [{"accessKey": "TEAM", "secretKey": "team-secret"}],
        "actions": ["Read:team", "Write:team", "List:team"],
    },
)


@dataclass(frozen=True)
class ObjectStore:
    """A running store: its address, and the file with its administrator's key."""

    url: str
    keys: Path

    def client(self, access_key: str = "ADMIN", secret_key: str = "admin-secret") -> Any:
        """An S3 client with some keys, the administrator's by default."""
        return botocore.session.Session().create_client(
            "s3",
            endpoint_url=self.url,
            aws_access_key_id=access_key,
            aws_secret_access_key=secret_key,
            region_name="us-east-1",
            config=Config(proxies={}, s3={"addressing_style": "path"}),
        )


@contextmanager
def running_store(folder: Path) -> Iterator[ObjectStore]:
    """Start it in ``folder``; killed at the end."""
    keys = folder / "s3.json"
    keys.write_text(json.dumps({"identities": IDENTITIES}))
    first = free_range(PORTS)  # below those the kernel gives to whoever connects somewhere meanwhile
    ports = range(first, first + len(NAMES))
    weed = shutil.which("weed", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    argv = [str(weed), "-logtostderr=true", "server", f"-dir={folder}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-filer", "-s3"]
    argv += [f"-{name}={port}" for name, port in zip(NAMES, ports, strict=True)]
    argv += [f"-s3.config={keys}", "-s3.port.iceberg=0", "-s3.port.lance=0", "-s3.iam.readOnly=false"]
    argv += ["-master.telemetry=false", "-master.electionTimeout=1s", "-volume.max=0"]
    argv += ["-master.volumeSizeLimitMB=64", "-volume.preStopSeconds=1"]
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "WEED_MASTER_VOLUME_GROWTH_COPY_1": "1",
        "GOMEMLIMIT": "300MiB",
    }
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(argv, stdout=log, stderr=log, env=environment, start_new_session=True)
    url = f"http://127.0.0.1:{ports[0]}"
    try:
        _wait(url, process, folder)
        yield ObjectStore(url, keys)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _wait(url: str, process: subprocess.Popen[bytes], folder: Path) -> None:
    until = time.monotonic() + 240
    while time.monotonic() < until:
        assert process.poll() is None, (folder / "log").read_text()[-2000:]
        try:
            httpx.get(url, trust_env=False)
            return
        except httpx.HTTPError:
            time.sleep(0.1)
    raise AssertionError("the store did not start")
