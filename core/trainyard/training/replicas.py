"""Which of several processes this one is, where a training is distributed; by the environment alone.

Every replica runs the same script. One of them speaks for all: it owns the training instance with its curves and snapshots,
the others are quiet. Understood are the variables of the platform, of ``torchrun`` and of TensorFlow, also elsewhere.
"""

from __future__ import annotations

import hashlib
import json
import os
from typing import Any

_STEPPING = ("worker", "chief", "master")
_COMMON = ("TRAINYARD_JOB", "TRAINYARD_ATTEMPT", "TORCHELASTIC_RESTART_COUNT", "MASTER_PORT", "DMLC_PS_ROOT_PORT")


def rank() -> int:
    """The number of this worker, from 0; 0 also where there is one process only."""
    told = _number("RANK") if _number("WORLD_SIZE") is not None else None
    if told is not None:
        return told
    own = _number("TRAINYARD_RANK")
    return _task()[1] if own is None else own


def workers() -> int:
    """How many workers train together; 1 where there is one process only."""
    for name in ("WORLD_SIZE", "TRAINYARD_WORKERS"):
        if (found := _number(name)) is not None:
            return max(1, found)
    return max(1, _task()[2])


def role() -> str:
    """``worker``, for MXNet's parameter server ``server`` or ``scheduler``, for TensorFlow's also ``ps`` or ``evaluator``."""
    kind = _task()[0]
    return os.environ.get("TRAINYARD_ROLE") or os.environ.get("DMLC_ROLE") or ("worker" if kind in _STEPPING else kind)


def speaks() -> bool:
    """Whether this process reports for all: the first worker."""
    return role() == "worker" and rank() == 0


def meeting() -> str:
    """A name that all workers of one start have in common, and those of another have not."""
    told = [os.environ.get(name, "") for name in _COMMON]
    return hashlib.sha256(repr((told, _config().get("cluster"))).encode()).hexdigest()[:16]


def _number(name: str) -> int | None:
    try:
        return int(os.environ[name])
    except (KeyError, ValueError):
        return None


def _task() -> tuple[str, int, int]:
    """Role, rank and number of workers by ``TF_CONFIG``; a chief comes before the workers."""
    try:
        told = _config()
        cluster, task = told["cluster"], told["task"]
        chiefs, index = len(cluster.get("chief", ())), int(task["index"])
        place = index if task["type"] in ("chief", "master") else index + chiefs
        return str(task["type"]), place, chiefs + len(cluster.get("worker", ()))
    except (KeyError, ValueError, TypeError, AttributeError):
        return "worker", 0, 1


def _config() -> dict[str, Any]:
    """What ``TF_CONFIG`` says; nothing where it is no JSON object."""
    try:
        told = json.loads(os.environ["TF_CONFIG"])
    except (KeyError, ValueError):
        return {}
    return told if isinstance(told, dict) else {}
