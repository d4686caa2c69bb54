"""What is said about an end names the module, file or folder that the program stumbled over."""

from __future__ import annotations

from typing import Any

import pytest
from trainyard.jobs.states import Cause
from trainyard_service.jobs.endings import ending_view
from trainyard_service.jobs.remedies import suggestion


def said(line: str, code: int = 1) -> str:
    ending: dict[str, Any] = {"cause": Cause.EXITED, "exit_code": code, "last_lines": ["Traceback …", line, ""]}
    return suggestion(ending, "en")


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ("ModuleNotFoundError: No module named 'cv2.aruco'", "no module cv2.aruco"),
        ("FileNotFoundError: [Errno 2] No such file or directory: '/data/x {y}.txt'", "/data/x {y}.txt is not there"),
        ("PermissionError: [Errno 13] Permission denied: '/usr/lib/x'", "may not use /usr/lib/x"),
        ("ValueError: No module named 'x'", "Read the last lines"),
    ],
)
def test_what_a_program_stumbled_over_is_named(line: str, named: str) -> None:
    assert named in said(line)


def test_an_error_that_was_overcome_is_not_the_reason() -> None:
    lines = ["ModuleNotFoundError: No module named 'fast'", "using the slow one", "ValueError: odd shape"]
    assert "Read the last lines" in suggestion({"cause": Cause.EXITED, "exit_code": 1, "last_lines": lines}, "en")


def test_a_dry_run_that_was_ended_without_an_error_needs_no_advice() -> None:
    assert suggestion({"cause": Cause.TIME_LIMIT, "time_limit": 60, "dry_run": True, "last_lines": []}, "en") == ""


@pytest.mark.parametrize(
    ("language", "words"), [("en", "more than its 10 MiB of memory (peak 9.5 MiB)"), ("zh", "峰值 9.5 MiB")]
)
def test_the_sentence_and_the_facts_of_a_certificate_have_the_same_units(language: str, words: str) -> None:
    ending = {"cause": Cause.OUT_OF_MEMORY, "peak_memory": 9_961_472, "memory_limit": 10 << 20, "last_lines": []}
    told = ending_view(ending, language)
    assert told is not None
    assert words in told.text
