"""A deployment on a real cluster: applied twice, changed, compared, taken away; data and secrets outlive it unless said."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from trainyard.errors import Conflict
from trainyard_hub.kubernetes import main
from trainyard_hub.kubernetes.main import Where
from trainyard_hub.kubernetes.onto_cluster import Change

from tests.kubernetes.conftest import kubectl

pytestmark = pytest.mark.cluster


def nothing(_: Change) -> None:
    """Nobody watches."""


@pytest.fixture
def told(tmp_path: Path) -> dict[str, Any]:
    """A deployment of images that do not exist: its objects are what is tested, none of its pods starts."""
    if not os.environ.get("KUBECONFIG"):
        pytest.skip("no cluster: KUBECONFIG is not set")
    name = f"d-{secrets.token_hex(3)}"
    return {
        "name": name,
        "namespace": name,
        "image": "localhost:1/nowhere:1",
        "pull_policy": "Never",
        "access": {"address": "http://127.0.0.1:8000"},
        "storage": {"source": {"volume": {"hostPath": {"path": str(tmp_path)}}}},
        "database": {"image": "localhost:1/nowhere:1"},
    }


@pytest.fixture
def where(tmp_path: Path, told: dict[str, Any]) -> Iterator[Where]:
    file = Where(tmp_path / "deployment.yaml")
    write(file, told)
    yield file
    write(file, told)
    main.delete(file, nothing, with_data=True)


def write(where: Where, told: dict[str, Any]) -> None:
    where.file.write_text(yaml.safe_dump(told))


def names(told: dict[str, Any], kind: str) -> list[str]:
    found = json.loads(kubectl("get", kind, "-n", told["namespace"], "-o", "json"))["items"]
    return sorted(one["metadata"]["name"] for one in found if one["metadata"]["name"].startswith((told["name"], "data-")))


def secret_of(told: dict[str, Any]) -> dict[str, str]:
    data: dict[str, str] = json.loads(
        kubectl("get", "secret", f"{told['name']}-secrets", "-n", told["namespace"], "-o", "json")
    )["data"]
    return data


def test_the_second_time_changes_nothing(where: Where, told: dict[str, Any]) -> None:
    first = main.apply(where, nothing, force=False)
    kept = secret_of(told)
    second = main.apply(where, nothing, force=False)
    assert (set(first), set(second)) == ({"added"}, {"unchanged"})
    assert (secret_of(told), main.diff(where)) == (kept, "")


def test_a_change_is_told_before_and_made_after(where: Where, told: dict[str, Any]) -> None:
    main.apply(where, nothing, force=False)
    write(where, {**told, "network": {"internet": False}})
    lines = [line for line in main.diff(where).splitlines() if line.startswith(("---", "-  "))]
    assert lines[0] == f"--- NetworkPolicy/{told['namespace']}/{told['name']}-launches (now)"
    changes: list[Change] = []
    main.apply(where, changes.append, force=False)
    assert [(one.kind, one.action) for one in changes if one.action != "unchanged"] == [("NetworkPolicy", "changed")]


def test_what_another_tool_changed_is_overwritten_only_when_said(where: Where, told: dict[str, Any]) -> None:
    main.apply(where, nothing, force=False)
    scaled = json.dumps({"spec": {"replicas": 0}})
    kubectl("patch", "deployment", f"{told['name']}-platform", "-n", told["namespace"], "--type", "merge", "-p", scaled)
    with pytest.raises(Conflict, match="changed by another tool"):
        main.apply(where, nothing, force=False)
    assert main.apply(where, nothing, force=True)["changed"] == 1


def test_a_missing_secret_is_made_and_the_others_stay(where: Where, told: dict[str, Any]) -> None:
    main.apply(where, nothing, force=False)
    before = secret_of(told)
    gone = json.dumps([{"op": "remove", "path": "/data/hub-crypt-key"}])
    kubectl("patch", "secret", f"{told['name']}-secrets", "-n", told["namespace"], "--type", "json", "-p", gone)
    assert main.diff(where) == f"+ Secret {told['namespace']}/{told['name']}-secrets: hub-crypt-key\n"
    main.apply(where, nothing, force=False)
    after = secret_of(told)
    assert {key for key in before if after.get(key) != before[key]} == {"hub-crypt-key"}


def test_deleting_keeps_data_and_secrets_unless_said(where: Where, told: dict[str, Any]) -> None:
    main.apply(where, nothing, force=False)
    before = secret_of(told)
    main.delete(where, nothing, with_data=False)
    assert names(told, "deployment,statefulset,service,networkpolicy,role") == []
    claims = [f"{told['name']}-launches", f"{told['name']}-volume"]
    assert set(claims) <= set(names(told, "pvc"))
    main.apply(where, nothing, force=False)
    assert secret_of(told) == before
    main.delete(where, nothing, with_data=True)
    assert kubectl("get", "namespace", told["namespace"], "--ignore-not-found", "-o", "name") == ""
    assert kubectl("get", "pv", "-l", f"app.kubernetes.io/instance={told['name']}", "-o", "name") == ""


def test_a_namespace_that_was_there_is_used_and_never_deleted(where: Where, told: dict[str, Any]) -> None:
    kubectl("create", "namespace", told["namespace"])
    changes: list[Change] = []
    main.apply(where, changes.append, force=False)
    assert [one.action for one in changes if one.kind == "Namespace"] == ["kept"]
    main.delete(where, nothing, with_data=True)
    assert kubectl("get", "namespace", told["namespace"], "-o", "jsonpath={.status.phase}") == "Active"
    kubectl("delete", "namespace", told["namespace"], "--wait=false")
