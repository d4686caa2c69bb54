"""What somebody tries from a terminal of their workspace, or as a job, to reach what is another person's, of another group."""

from __future__ import annotations

import json
import shutil
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from string import Formatter
from typing import Any

from tests.kubernetes import tries
from tests.kubernetes.conftest import kubectl
from tests.service.refusals import STRANGERS, TABLE

REFUSED = {"302", "401", "403", "404", "FileNotFoundError", "PermissionError", "OSError", "ConnectionRefusedError"}
"""Reasons that keep out; ``OSError`` is a file system that cannot be written. A time-out or a 500 proves nothing."""
# paths of the cluster's API that tell of everybody, and those of one namespace
_EVERYWHERE = ("/api/v1/secrets", "/api/v1/pods", "/api/v1/nodes", "/api/v1/persistentvolumes", "/apis/batch/v1/jobs")
_KINDS = ("pods", "secrets", "services", "configmaps", "events", "persistentvolumeclaims")


@dataclass(frozen=True)
class Other:
    """The other one, by what somebody knows who knows everything but secrets: accounts by their numbers, the pod and the
    training that are to be reached, ``namespaces``, the ``store``, and places that are ``closed``. Without an ``address`` of
    a server it has no workspace.
    """

    me: int
    number: int
    group: str
    pod: str
    training: Mapping[str, Any]
    namespaces: Collection[str]
    store: str
    closed: Collection[tuple[str, int]]
    address: str = ""


def lay_out(folder: Path, other: Other) -> None:
    """Put the program of ``tries`` into ``folder``, to be run there, with what it tries."""
    cluster = kubectl("get", "service", "kubernetes", "-o", "jsonpath={.spec.clusterIP}")
    paths = [f"/api/v1/namespaces/{one}/{kind}" for one in other.namespaces for kind in _KINDS]
    training, job = other.training["id"], other.training["job"]["id"]
    known = {"job_id": job, "training_id": training, "trainings": training, "name": other.group, "group": other.group}
    known |= {"account_id": other.number, "account": other.number, "hub_name": f"u{other.number}"}
    told = {
        **asdict(other),
        "me": f"u{other.me}",
        "other": f"u{other.number}",
        "cluster": f"https://{cluster}",
        "cluster_paths": [*_EVERYWHERE, *paths],
        "calls": calls(known),
    }
    (folder / "other.json").write_text(json.dumps(told))
    shutil.copyfile(tries.__file__, folder / "tries.py")


def calls(known: Mapping[str, Any]) -> list[tuple[str, str, Any]]:
    """Every call of the service that refuses strangers and needs no id but those that are ``known``."""
    several = [one for one in TABLE if one.for_ in STRANGERS and _names(one.path) <= known.keys() and not one.query]
    return [(one.method, one.path.format(**known), one.body) for one in several]


def judge(said: str, group: str) -> None:
    """Hold what was said to what somebody of ``group`` may reach: their own, and nothing of the other's."""
    own, others = said.replace("\r", "").split("-- the other's\n")
    assert f"groups ['{group}']" in own, said
    assert "processes are all own: True" in own, said
    assert "REACHED" in own, said
    assert "kept out" not in own, said
    told = others[: others.index("-- the end")].splitlines()
    through = [line for line in told if line.rpartition("kept out: ")[2] not in REFUSED]
    assert (through, len(told) > len(TABLE) / 2) == ([], True)


def _names(path: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(path) if name}
