"""Ids of things, and the launcher's keys made of them."""

from __future__ import annotations

import re
import secrets

_JOB_KEY = re.compile(r"job-([0-9a-f]{16})-([1-9]\d*)")
_ID = re.compile(r"[0-9a-f]{16}")


def new_id() -> str:
    """16 random hexadecimal digits."""
    return secrets.token_hex(8)


def is_id(text: str) -> bool:
    """Whether ``text`` has the form of an id; anything else never reaches a path."""
    return _ID.fullmatch(text) is not None


def job_of_key(key: str) -> tuple[str, int] | None:
    """Job id and attempt of a launcher's key, or None when it is no job's."""
    match = _JOB_KEY.fullmatch(key)
    return (match[1], int(match[2])) if match else None
