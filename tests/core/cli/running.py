"""``trainyard`` run as a person runs it: quickly in this process, or for real in one of its own."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from trainyard.cli import main

PROGRAM = [sys.executable, "-m", "trainyard.cli"]


@dataclass(frozen=True)
class Ran:
    """What a command left behind."""

    code: int
    out: str
    error: str

    @property
    def json(self) -> Any:
        """The one JSON document it printed."""
        assert self.code == 0, self.error
        return json.loads(self.out)


Run = Callable[..., Ran]


def in_this_process(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], config: Path) -> Run:
    """``run("groups", "list")``: the exit code, the output and the errors of one command."""
    for name in ("LC_ALL", "LC_MESSAGES", "TRAINYARD_TOKEN_FILE", "TRAINYARD_HOME", "JUPYTERHUB_API_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LANG", "C.UTF-8")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(config))

    def command(*arguments: str, typed: str = "") -> Ran:
        monkeypatch.setattr(sys, "argv", ["trainyard", *arguments])
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(typed.encode())))
        try:
            main()
        except SystemExit as exit_:
            code = int(exit_.code or 0)
        out, error = capsys.readouterr()
        return Ran(code, out, error)

    return command


def environment(**changes: str) -> dict[str, str]:
    """A shell's environment without anything of a platform in it."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("TRAINYARD_", "LC_", "XDG_", "JUPYTER"))}
    return kept | {"LANG": "C.UTF-8", "COLUMNS": "100"} | changes


def in_its_own(arguments: list[str], env: dict[str, str], **more: Any) -> subprocess.CompletedProcess[bytes]:
    """The program itself, with its output not a terminal."""
    return subprocess.run([*PROGRAM, *arguments], env=env, capture_output=True, check=False, timeout=150, **more)
