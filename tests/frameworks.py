"""Environments with the pins of ``images/<name>``, built once below ``.cache`` and shared by all workers of the tests."""

from __future__ import annotations

import fcntl
import hashlib
import os
import subprocess
import sys
from pathlib import Path

from trainyard_spawner import package_indexes

ROOT = Path(__file__).parents[1]
_CACHE = ROOT / ".cache"


def python_of(name: str) -> Path:
    """The Python of an environment with the packages of ``images/<name>``; whoever comes second waits for the first."""
    _CACHE.mkdir(exist_ok=True)
    folder = _CACHE / f"{name}-env"
    with (_CACHE / f"{name}-env.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        told = folder / "complete"
        if not told.is_file() or told.read_text() != _digest(name):
            _build(name, folder)
            told.write_text(_digest(name))
    return folder / "bin" / "python"


def _digest(name: str) -> str:
    files = sorted((ROOT / "images" / name).glob("requirements*.txt"))
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


def _build(name: str, folder: Path) -> None:
    uv = str(Path(sys.executable).parent / "uv")
    added = package_indexes.settings(os.environ)
    backend = package_indexes.torch_backend(os.environ, added) if name == "pytorch" else []
    pins = str(ROOT / "images" / name / "requirements.txt")
    python = str(folder / "bin" / "python")
    subprocess.run([uv, "venv", "--quiet", "--clear", "--python", "/usr/bin/python3", str(folder)], check=True)
    command = [uv, "pip", "install", "--quiet", "--compile-bytecode", "--python", python, "-r", pins]
    if not backend or subprocess.run([*command, *backend], check=False).returncode:
        subprocess.run(command, env=os.environ | added, check=True)


def script(name: str, arguments: list[str], workspace: Path, **environment: str) -> subprocess.Popen[str]:
    """Start Python of ``images/<name>`` with ``arguments`` as a training script with its workspace at ``workspace``."""
    kept = {"PATH": os.environ["PATH"], "HOME": str(workspace), "TF_CPP_MIN_LOG_LEVEL": "2"}
    # threads that wait for each other stand still when a neighbour has one of the cores
    kept |= dict.fromkeys(("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"), "1")
    own = {"PYTHONPATH": str(ROOT / "core"), "TRAINYARD_WORKSPACE": str(workspace), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.Popen(
        [str(python_of(name)), "-u", *arguments],
        env=kept | own | environment,
        cwd=workspace,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


def run(name: str, arguments: list[str], workspace: Path, **environment: str) -> tuple[int, str]:
    """The exit code and the output of ``script``, waited for."""
    process = script(name, arguments, workspace, **environment)
    output, _ = process.communicate()
    return process.returncode, output
