"""The chart in Helm's own eyes, where there is a helm: the program, or the package `helm-python-sdk`, which brings its library.

What needs no helm (the chart's values give the deployment's objects) is in ``test_chart_files.py``.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from trainyard_hub.kubernetes import helm, main, secrets
from trainyard_hub.kubernetes.configuration import Deployment

SMALL = Path(__file__).parent / "deployments" / "small.yaml"
PROGRAM = shutil.which("helm")
LIBRARY = importlib.util.find_spec("helm_python")
WARNING = 2
pytestmark = pytest.mark.skipif(
    PROGRAM is None and LIBRARY is None, reason="neither helm nor helm-python-sdk is here: the chart is not linted"
)
DEPLOYMENTS: dict[str, dict[str, Any]] = {
    "small": {},
    "groups over storage that is there": {
        "storage": {"source": {"volume": {"nfs": {"server": "10.0.0.5", "path": "/export"}}}},
        "work_namespace": "launches",
        "groups": [7],
    },
    "a namespace for each group": {"group_namespaces": "lab-{group}"},
    "outside": {
        "database": {"url": "postgresql://trainyard@db.example.org/trainyard", "password_secret": "db"},
        "store": {"url": "https://s3.example.org", "keys_secret": "keys"},
    },
}


def deployment(changes: dict[str, Any]) -> Deployment:
    return Deployment.model_validate({**yaml.safe_load(SMALL.read_text()), **changes})


def faults(folder: Path) -> list[str]:
    if PROGRAM:
        told = subprocess.run([PROGRAM, "lint", "--strict", str(folder)], capture_output=True, text=True, check=False)
        return [told.stdout + told.stderr] if told.returncode else []
    found = importlib.import_module("helm_python").lint(str(folder), strict=True)
    return [*found["errors"], *(one["error"] for one in found["messages"] if one["severity"] >= WARNING)]


def rendered(folder: Path, namespace: str) -> list[dict[str, Any]]:
    if PROGRAM:
        argv = [PROGRAM, "template", "trainyard", str(folder), "--namespace", namespace]
        text = subprocess.run(argv, capture_output=True, text=True, check=True).stdout
    else:
        made = importlib.import_module("helm_python").Chart.load(str(folder)).render(name="trainyard", namespace=namespace)
        text = "\n---\n".join(made.values())
    return [one for one in yaml.safe_load_all(text) if one]


def in_order(several: list[dict[str, Any]]) -> list[str]:
    """As texts that can be compared; files inside of objects as what they say, since their quotes do not matter."""
    opened = [
        {**one, "data": {name: yaml.safe_load(value) for name, value in one["data"].items()}} if "data" in one else one
        for one in several
    ]
    return sorted(json.dumps(one, sort_keys=True) for one in opened)


@pytest.mark.parametrize("changes", DEPLOYMENTS.values(), ids=DEPLOYMENTS)
def test_helm_finds_no_fault(changes: dict[str, Any], tmp_path: Path) -> None:
    helm.write(deployment(changes), tmp_path)
    assert faults(tmp_path) == []


@pytest.mark.parametrize("changes", DEPLOYMENTS.values(), ids=DEPLOYMENTS)
def test_helm_makes_the_objects_that_apply_makes(changes: dict[str, Any], tmp_path: Path) -> None:
    wanted = deployment(changes)
    helm.write(wanted, tmp_path)
    made = rendered(tmp_path, wanted.namespace)
    secret = [one for one in made if one["kind"] == "Secret"]
    assert [sorted(one["data"]) for one in secret] == [sorted(one.key for one in secrets.kept(wanted))]
    assert in_order([one for one in made if one["kind"] != "Secret"]) == in_order(helm.kept_by_chart(wanted))


@pytest.mark.skipif(PROGRAM is None, reason="`trainyard kubernetes render --helm` asks the program only")
def test_render_lets_helm_look_at_the_chart(tmp_path: Path) -> None:
    written, linted = main.write_chart(SMALL, tmp_path)
    assert written
    assert "0 chart(s) failed" in (linted or "")
