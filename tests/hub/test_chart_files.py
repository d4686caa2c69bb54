"""The files of the chart, without helm: with the chart's own values they are the deployment's objects."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import yaml
from trainyard_hub.kubernetes import helm, secrets

from tests.hub.deployed import deployment


def test_a_chart_with_its_own_values_is_the_same_deployment() -> None:
    files = helm.chart(deployment())
    values = yaml.safe_load(files["values.yaml"])
    assert sorted(values) == ["address", "databaseImage", "image", "pullPolicy"]

    def filled(template: str) -> Any:
        quoted = re.sub(r"{{ \.Values\.(\w+) \| quote }}", lambda found: json.dumps(values[found[1]]), template)
        return yaml.safe_load(re.sub(r"{{ \.Values\.(\w+) }}", lambda found: values[found[1]], quoted))

    def opened(one: Any) -> Any:
        """Files inside of objects, whose quotes do not matter, as what they say."""
        return {**one, "data": {name: yaml.safe_load(value) for name, value in one.get("data", {}).items()}}

    made = [filled(one) for name, one in sorted(files.items()) if name.startswith("templates/") and "secrets" not in name]
    assert [opened(one) for one in made] == [opened(one) for one in helm.kept_by_chart(deployment())]


def test_a_chart_makes_its_secrets_once() -> None:
    made = helm.chart(deployment())["templates/secrets.yaml"]
    assert '  hub-cookie: {{ index $there "hub-cookie" | default (randAlphaNum 64 | sha256sum | b64enc) }}\n' in made
    assert "helm.sh/resource-policy: keep" in made
    assert [one.key for one in secrets.kept(deployment()) if f"  {one.key}: {{{{" not in made] == []


def test_uninstalling_a_chart_leaves_what_holds_data() -> None:
    """As `trainyard kubernetes delete` does: a claim that goes takes everybody's files along."""
    wanted = deployment(work_namespace="work", groups=[7])
    kept = {
        one["kind"]
        for one in helm.kept_by_chart(wanted)
        if one["metadata"].get("annotations", {}).get("helm.sh/resource-policy") == "keep"
    }
    assert kept == {"Namespace", "PersistentVolume", "PersistentVolumeClaim"}


def test_a_chart_written_again_leaves_no_old_template(tmp_path: Path) -> None:
    helm.write(deployment(), tmp_path)
    helm.write(deployment(access={"address": "http://trainyard"}), tmp_path)
    assert [path.name for path in (tmp_path / "templates").glob("*ingress*")] == []
