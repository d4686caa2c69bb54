"""What docs/kubernetes.md tells an administrator of Zero to JupyterHub to write, held against our own objects."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path
from typing import Any

import pytest
import yaml
from trainyard_hub.kubernetes.configuration import EXAMPLE, Deployment
from trainyard_hub.kubernetes.everything import launcher_record, objects
from trainyard_spawner.kubernetes.configuration import Configuration

DOCS = (Path(__file__).parents[2] / "docs/kubernetes.md").read_text(encoding="utf-8")
SECTION = DOCS.partition("### Adding Trainyard to an existing Zero to JupyterHub\n")[2].partition("\n## ")[0]
BLOCKS = [yaml.safe_load(textwrap.dedent(found)) for found in re.findall(r"\n\n((?: {7}.*\n)+)", SECTION)]


def documented(field: str) -> list[Any]:
    return [block[field] for block in BLOCKS if field in block]


@pytest.fixture(scope="module")
def deployment() -> Deployment:
    (launches,) = documented("launches")
    told = yaml.safe_load(EXAMPLE)
    return Deployment.model_validate({**told, "launches": {**told["launches"], **launches}})


def the(deployment: Deployment, kind: str, name: str) -> dict[str, Any]:
    (found,) = (one for one in objects(deployment) if (one["kind"], one["metadata"]["name"]) == (kind, name))
    return found


def test_the_section_holds_what_both_sides_are_told() -> None:
    assert [next(iter(block)) for block in BLOCKS] == ["launches", "singleuser", "singleuser", "hub"]


def test_launches_go_to_the_nodes_of_user_pods(deployment: Deployment) -> None:
    record = Configuration.model_validate(launcher_record(deployment))
    assert record.processor.node_selector == {"hub.jupyter.org/node-purpose": "user"}
    assert record.processor.tolerations == (
        {"key": "hub.jupyter.org/dedicated", "operator": "Equal", "value": "user", "effect": "NoSchedule"},
    )


def test_notebooks_are_let_to_the_platforms_pod_at_the_port_it_listens_at(deployment: Deployment) -> None:
    (rule,) = documented("singleuser")[1]["networkPolicy"]["egress"]
    (peer,) = rule["to"]
    template = the(deployment, "Deployment", "trainyard-platform")["spec"]["template"]
    assert peer["podSelector"]["matchLabels"].items() <= template["metadata"]["labels"].items()
    assert peer["namespaceSelector"]["matchLabels"] == {"kubernetes.io/metadata.name": deployment.namespace}
    ports = [port["containerPort"] for one in template["spec"]["containers"] for port in one.get("ports", ())]
    assert [port["port"] for port in rule["ports"]] == ports


def test_the_platform_lets_notebooks_of_other_namespaces_in(deployment: Deployment) -> None:
    assert the(deployment, "NetworkPolicy", "trainyard-platform")["spec"]["ingress"] == [
        {"ports": [{"protocol": "TCP", "port": 8000}]}
    ]


def test_the_address_inside_of_the_cluster_is_that_of_the_service(deployment: Deployment) -> None:
    (name, namespace, port) = re.findall(r"`http://([a-z-]+)\.([a-z]+):(\d+)`", SECTION)[0]
    about = the(deployment, "Service", name)
    assert (about["metadata"]["namespace"], about["spec"]["ports"][0]["port"]) == (namespace, int(port))


def test_no_pod_of_ours_is_chosen_by_the_policies_of_the_other_hub(deployment: Deployment) -> None:
    theirs = {"app", "release", "component"}
    templates = [one["spec"]["template"] for one in objects(deployment) if "template" in one.get("spec", {})]
    assert [set(made["metadata"]["labels"]) & theirs for made in templates] == [set()] * 3
