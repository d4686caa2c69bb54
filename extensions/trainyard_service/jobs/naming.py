"""Ids of things, and the launcher's keys made of them."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from typing import Any

_JOB_KEY = re.compile(r"(job-([0-9a-f]{16})-([1-9]\d*))(?:-((?:worker|server|scheduler)\d+))?")
_LONGEST = 255
_ID = re.compile(r"[0-9a-f]{16}")


def new_id() -> str:
    """16 random hexadecimal digits."""
    return secrets.token_hex(8)


def is_id(text: str) -> bool:
    """Whether ``text`` has the form of an id; anything else never reaches a path."""
    return _ID.fullmatch(text) is not None


def page_of(spec: Mapping[str, Any]) -> str:
    """The page that shows a job, by its ``spec``: a training's own; all others are on the overview."""
    return f"/services/pages/monitor?id={spec['training']}" if "training" in spec else "/services/pages/"


def job_of_key(key: str) -> tuple[str, int] | None:
    """Job id and attempt of a launcher's key, or None when it is no job's."""
    match = _JOB_KEY.fullmatch(key)
    return (match[2], int(match[3])) if match else None


def attempt_of_key(key: str) -> str:
    """What the keys of all replicas of an attempt begin with; the key itself when it has no replicas."""
    match = _JOB_KEY.fullmatch(key)
    return match[1] if match else key


def replica_of_key(key: str) -> str:
    """The name of the replica a launcher's key is of; empty where a job is one process, and where it is no job's."""
    match = _JOB_KEY.fullmatch(key)
    return (match[4] or "") if match else ""


def log_of_replica(path: str, replica: str) -> str:
    """Where a replica writes, beside its job's log; the first worker, and one process alone, write that itself."""
    if replica in ("", "worker0"):
        return path
    folder, _, name = path.rpartition("/")
    stem, tail = name.removesuffix("_out.log"), f"_{replica}_out.log"
    room = stem.encode()[: _LONGEST - len(tail)].decode("utf-8", "ignore")
    return f"{folder}/{room}{tail}" if folder else room + tail
