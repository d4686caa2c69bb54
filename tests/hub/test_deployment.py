"""The objects of a deployment, compared with literals: what is made, mounted and asked for."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from cryptography.fernet import Fernet
from trainyard_hub.kubernetes import restricted, secrets, text
from trainyard_hub.kubernetes.configuration import load
from trainyard_hub.kubernetes.everything import launcher_record, objects
from trainyard_hub.kubernetes.platform import database_urls
from trainyard_hub.kubernetes.shares import FIRST_GID
from trainyard_service.database.tables import accounts as service_accounts
from trainyard_spawner.kubernetes.configuration import Configuration

from tests.hub.deployed import FOLDER, SMALL, containers, deployment, the

# what v1.20 serves without a preview
SERVED = {
    "v1": {"Namespace", "ServiceAccount", "ConfigMap", "PersistentVolume", "PersistentVolumeClaim", "Service"},
    "apps/v1": {"Deployment", "StatefulSet"},
    "networking.k8s.io/v1": {"NetworkPolicy", "Ingress"},
    "rbac.authorization.k8s.io/v1": {"Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding"},
}


def without_role(rendered: str) -> list[Any]:
    """All objects but the one whose rules are the launcher's to say."""
    return [one for one in yaml.safe_load_all(rendered) if one["kind"] != "Role"]


def test_the_whole_of_a_small_deployment_is_as_written_down() -> None:
    written = (FOLDER / "small.rendered.yaml").read_text(encoding="utf-8")
    assert without_role(text.render(load(SMALL))) == without_role(written)


def test_v1_20_serves_every_object() -> None:
    kinds = {(one["apiVersion"], one["kind"]) for one in objects(deployment())}
    assert {(version, kind) for version, kind in kinds if kind not in SERVED.get(version, ())} == set()


def test_a_share_is_prepared_by_a_short_job_beside_the_platform() -> None:
    wanted = deployment(work_namespace="work", groups=[7])
    job = the(wanted, "Job", "trainyard-share-7")
    own = {"app.kubernetes.io/managed-by": "trainyard", "app.kubernetes.io/instance": "trainyard"}
    labels = {**own, "app.kubernetes.io/component": "share"}
    assert (job["metadata"]["namespace"], job["metadata"]["labels"]) == ("trainyard", labels)
    container = {
        "name": "share",
        "image": wanted.image,
        "imagePullPolicy": "IfNotPresent",
        "command": ["/opt/trainyard/bin/python", "-m", "trainyard_hub.kubernetes.prepare", "share", "7", "30007"],
        "env": [{"name": "TRAINYARD_HOME", "value": "/srv/trainyard"}],
        "resources": {"requests": {"cpu": "50m", "memory": "64Mi"}, "limits": {"memory": "128Mi"}},
        "securityContext": containers(wanted)["service"]["securityContext"],
        "volumeMounts": [{"name": "volume", "mountPath": "/srv/trainyard/volume"}],
    }
    assert job["spec"] == {
        "backoffLimit": 6,
        "activeDeadlineSeconds": 600,
        "template": {
            "metadata": {"labels": labels},
            "spec": {
                "restartPolicy": "Never",
                "automountServiceAccountToken": False,
                "enableServiceLinks": False,
                "containers": [container],
                "volumes": [{"name": "volume", "persistentVolumeClaim": {"claimName": "trainyard-volume"}}],
            },
        },
    }
    assert restricted.baseline_violations(job["spec"]["template"]["spec"]) == []
    assert FIRST_GID == service_accounts.FIRST_GID


def test_a_class_makes_one_claim_a_folder() -> None:
    claims = [one for one in objects(deployment(storage={"shared_class": "nfs", "volume": "9Gi"})) if "Claim" in one["kind"]]
    assert [(one["metadata"]["name"], one["spec"]) for one in claims] == [
        (
            "trainyard-volume",
            {"accessModes": ["ReadWriteMany"], "resources": {"requests": {"storage": "9Gi"}}, "storageClassName": "nfs"},
        ),
        (
            "trainyard-launches",
            {"accessModes": ["ReadWriteMany"], "resources": {"requests": {"storage": "10Gi"}}, "storageClassName": "nfs"},
        ),
    ]


def test_database_and_store_outside_leave_no_pod_inside() -> None:
    outside = deployment(
        database={"url": "postgresql://trainyard@db.example.org/trainyard?sslmode=verify-full", "password_secret": "db"},
        store={"url": "https://s3.example.org", "keys_secret": "s3"},
    )
    assert [one["kind"] for one in objects(outside) if one["kind"] == "StatefulSet"] == []
    assert database_urls(outside) == (
        "postgresql+psycopg://trainyard@db.example.org/trainyard?sslmode=verify-full",
        "postgresql+psycopg://trainyard@db.example.org/trainyard_hub?sslmode=verify-full",
    )
    assert containers(outside)["hub"]["env"][0] == {
        "name": "PGPASSWORD",
        "valueFrom": {"secretKeyRef": {"name": "db", "key": "password"}},
    }
    assert {one.key for one in secrets.kept(outside)} & {"s3.json", "database-password"} == set()


def test_an_amount_told_in_part_leaves_the_rest_of_that_process_as_it_comes() -> None:
    told = deployment(amounts={"service": {"memory_limit": "6Gi"}, "pages": {"cpu": "1"}})
    asked = {name: one["resources"] for name, one in containers(told).items()}
    assert asked["service"] == {"requests": {"cpu": "500m", "memory": "512Mi"}, "limits": {"memory": "6Gi"}}
    assert asked["pages"] == {"requests": {"cpu": "1", "memory": "512Mi"}, "limits": {"memory": "8Gi"}}


def test_a_slow_pod_stays_in_its_service_where_it_is_the_only_one() -> None:
    pods = dict(restricted.pods(objects(deployment())))
    probes = [one["readinessProbe"] for pod in pods.values() for one in pod["containers"] if "readinessProbe" in one]
    how = {"periodSeconds": 5, "timeoutSeconds": 5, "failureThreshold": 720}
    assert probes == [
        {"exec": {"command": ["pg_isready", "-q", "-U", "trainyard"]}, **how},
        {"httpGet": {"path": "/healthz", "port": 8333}, **how},
        {"httpGet": {"path": "/hub/health", "port": 8000}, **how},
    ]


def test_only_a_process_that_is_silent_for_minutes_is_started_again() -> None:
    asked = {name: one.get("livenessProbe") for name, one in containers(deployment()).items()}
    assert sorted(name for name, probe in asked.items() if probe) == ["hub", "pages", "proxy", "service"]
    program = "import urllib.request as r; r.urlopen('http://127.0.0.1:8001/hub/health', timeout=25)"
    assert asked["hub"] == {
        "exec": {"command": ["/opt/trainyard/bin/python", "-I", "-c", program]},
        "initialDelaySeconds": 60,
        "periodSeconds": 60,
        "timeoutSeconds": 30,
        "failureThreshold": 5,
    }


def platform_template(**changes: Any) -> dict[str, Any]:
    made: dict[str, Any] = the(deployment(**changes), "Deployment", "trainyard-platform")["spec"]["template"]
    return made


@pytest.mark.parametrize(
    "changes",
    [{"launches": {"images": {"mxnet:2": "registry.example.org/mxnet:2"}}}, {"pull_policy": "Always"}],
    ids=["an image of launches", "how images are pulled"],
)
def test_a_change_of_what_the_pod_reads_at_its_start_makes_another_pod(changes: dict[str, Any]) -> None:
    assert platform_template(**changes) != platform_template()


def test_the_same_deployment_leaves_its_pod_alone() -> None:
    assert platform_template(access={"address": "https://trainyard.example.org"}) == platform_template()


def test_nothing_that_is_printed_holds_a_secret() -> None:
    printed = list(yaml.safe_load_all(text.render(deployment())))
    assert [one["kind"] for one in printed if one["kind"] == "Secret"] == []


def test_secrets_are_usable_and_never_the_same() -> None:
    first, second = ({one.key: one.make() for one in secrets.kept(deployment())} for _ in range(2))
    assert [key for key, value in first.items() if second[key] == value] == []
    Fernet(first["storage-key"])
    assert len(bytes.fromhex(first["hub-cookie"])) == 32
    assert json.loads(first["s3.json"])["identities"][0]["name"] == "admin"


def test_the_launcher_is_told_where_everything_lies() -> None:
    record = Configuration.model_validate(launcher_record(deployment()))
    assert (record.namespace, record.images) == ("trainyard", {"mxnet:2026.11": "registry.example.org/trainyard/mxnet:2026.11"})
    assert [(one.folder, one.claim) for one in record.claims] == [
        ("launches", "trainyard-launches"),
        ("volume", "trainyard-volume"),
    ]
