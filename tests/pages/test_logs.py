"""The log of the pages is searched in the same way as the service's."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

SAY = "import logging, {module}; {module}.{set_up}('INFO'); logging.getLogger('here').info('图片', extra={{'status': 200}})"


@pytest.mark.parametrize(
    ("module", "set_up"), [("trainyard_pages.logs", "set_up"), ("trainyard_service.observe", "configure_logs")]
)
def test_a_line_says_when_how_bad_who_and_what_in_the_same_words(module: str, set_up: str) -> None:
    program = [sys.executable, "-c", SAY.format(module=module, set_up=set_up)]
    said = subprocess.run(program, capture_output=True, check=True, encoding="utf-8").stderr
    line = json.loads(said)
    assert line.pop("at") > "2026"
    assert line == {"level": "INFO", "logger": "here", "message": "图片", "status": 200}
    assert "图片" in said
