"""Container images of the catalogue, built as an administrator builds them, on a base made of Debian's packages."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

from tests.kubernetes.conftest import BASE, make_base

PREFIX = "trainyard-test/"
AUTHORITIES = Path("/usr/local/share/ca-certificates")
CATALOGUE = {name: f"{PREFIX}{name}" for name in ("workspace:2026.11", "mxnet:1.9.1")}


@cache
def make_catalogue_images(*more: str) -> str:
    """``CATALOGUE`` and ``more``, by `make images`; what that printed."""
    make_base()
    command = [sys.executable, "-m", "trainyard_spawner.containers", *(name.partition(":")[0] for name in (*CATALOGUE, *more))]
    with tempfile.NamedTemporaryFile("w", suffix=".pem") as authorities:
        authorities.write("".join(path.read_text() for path in sorted(AUTHORITIES.glob("*.crt"))))
        authorities.flush()
        given = ["--certificate", authorities.name] if authorities.tell() else []
        done = subprocess.run(
            [*command, "--prefix", PREFIX, "--system", BASE, *given], capture_output=True, text=True, check=False
        )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr
    return done.stdout
