"""The file that describes a deployment: the example, and what is said of a mistake."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from trainyard.errors import Invalid, NotFound
from trainyard_hub.kubernetes.configuration import EXAMPLE, Deployment, load

from tests.hub.deployed import SMALL

ROOT = Path(__file__).parents[2]


def test_the_example_is_a_deployment() -> None:
    assert Deployment.model_validate(yaml.safe_load(EXAMPLE)).work == "trainyard"


def test_the_examples_images_are_built_by_make_images() -> None:
    recipes = [yaml.safe_load(path.read_text()) for path in ROOT.glob("images/*/image.yaml")]
    named = Deployment.model_validate(yaml.safe_load(EXAMPLE)).launches.images
    assert set(named) <= {f"{recipe['name']}:{recipe['version']}" for recipe in recipes}
    assert all(image.endswith(f"/{name}") for name, image in named.items())


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"image": ""}, "image"),
        ({"access": {"address": "trainyard.example.org"}}, "an address is https://name"),
        ({"work_namespace": "work", "storage": {"shared_class": "nfs"}}, "belongs to one namespace"),
        ({"groups": [1], "storage": {}}, "claims for single groups need storage.source"),
        ({"storage": {"source": {"volume": {"csi": {"driver": "d"}}}}}, "csi has no text path"),
        ({"database": {"url": "postgresql://a:secret@b/c", "password_secret": "x"}}, "a password does not belong here"),
        ({"database": {"url": "postgresql://a@b/c"}}, "given together"),
        ({"store": {"url": "https://s3"}}, "given together"),
        ({"launches": {"kueue_queue": "Not A Name"}}, "kueue_queue"),
        ({"launches": {"images": {"pytorch": "registry.example.org/pytorch:2"}}}, "an image is name:version"),
        ({"group_namespaces": "lab"}, "group_namespaces"),
        ({"group_namespaces": "lab-{group}", "launches": {"kueue_queue": "people"}}, "needs the LocalQueue people"),
        ({"group_namespaces": "lab-{group}", "group_objects": [{"kind": "Pod"}]}, "are one of NetworkPolicy"),
        ({"settings": {"PATH": "/"}}, "PATH is no setting"),
        ({"settings": {"TRAINYARD_PORT": "1"}}, "follows from the deployment"),
        ({"colour": "green"}, "colour"),
        ({"name": "Not A Name"}, "name"),
        ({"name": "4gpus"}, "name"),
        ({"access": {"address": "https://训练.example.org", "ingress": {"host": "训练.example.org"}}}, "as in DNS"),
    ],
)
def test_a_mistake_is_named(wrong: dict[str, Any], why: str, tmp_path: Path) -> None:
    file = tmp_path / "deployment.yaml"
    file.write_text(yaml.safe_dump({**yaml.safe_load(SMALL.read_text()), **wrong}))
    with pytest.raises(Invalid) as refused:
        load(file)
    assert (refused.value.code, why in str(refused.value)) == ("deployment", True), str(refused.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="which describes the deployment"):
        load(tmp_path / "nothing.yaml")
