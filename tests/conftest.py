"""What all tests share: fast ones run first, and what cannot run here says why."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

ORDER = ("browser", "slow")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--soak", type=int, default=1, metavar="ROUNDS", help="run every survival test this many times")


def pytest_configure() -> None:
    # a shell starts background jobs with SIGINT ignored, and children would inherit that
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # a busy machine is no counter-example
    settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
    settings.load_profile("untimed")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    rounds = metafunc.config.getoption("--soak")
    if rounds > 1 and metafunc.definition.get_closest_marker("survival"):
        metafunc.fixturenames.append("soak_round")
        metafunc.parametrize("soak_round", range(rounds))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=_weight)
    if os.geteuid() != 0:
        for item in items:
            if item.get_closest_marker("root"):
                item.add_marker(pytest.mark.skip(reason="needs root"))


def _weight(item: pytest.Item) -> int:
    return sum(2 << rank for rank, marker in enumerate(ORDER) if item.get_closest_marker(marker))


@pytest.fixture(scope="session")
def mxnet_python() -> Path:
    """The Python of an environment with the pins of images/mxnet; built once below .cache, for MXNet's own readers."""
    root = Path(__file__).parent.parent
    environment = root / ".cache" / "mxnet-env"
    python, uv = environment / "bin" / "python", str(Path(sys.executable).parent / "uv")
    if not (environment / "complete").exists():
        pins = root / "images" / "mxnet" / "requirements.txt"
        wanted = ["-r", str(pins)] if pins.exists() else ["mxnet==1.9.1", "numpy==1.23.5"]
        subprocess.run([uv, "venv", "--quiet", "--clear", "--python", "/usr/bin/python3", str(environment)], check=True)
        subprocess.run([uv, "pip", "install", "--quiet", "--python", str(python), *wanted], check=True)
        (environment / "complete").touch()
    return python
