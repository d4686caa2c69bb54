"""The objects of a deployment, compared with literals: who may do what, who reaches whom, what is mounted where."""

from __future__ import annotations

import asyncio
import json
import os
import re
import threading
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
import yaml
from cryptography.fernet import Fernet
from trainyard.errors import Invalid, NotFound
from trainyard.home import Home
from trainyard_hub.kubernetes import doctor, helm, restricted, secrets, text
from trainyard_hub.kubernetes.configuration import EXAMPLE, Deployment, load
from trainyard_hub.kubernetes.everything import launcher_record, objects
from trainyard_hub.kubernetes.platform import database_urls
from trainyard_hub.kubernetes.prepare import catalogue as add_to_catalogue
from trainyard_hub.kubernetes.prepare import home as prepare_home
from trainyard_hub.kubernetes.prepare import share
from trainyard_hub.kubernetes.rights import rules
from trainyard_hub.kubernetes.shares import FIRST_GID
from trainyard_hub.settings import Settings
from trainyard_service.database.tables import accounts as service_accounts
from trainyard_service.images import catalogue, find
from trainyard_spawner.images import environment_of
from trainyard_spawner.kubernetes.cluster import Cluster
from trainyard_spawner.kubernetes.configuration import Configuration
from trainyard_spawner.kubernetes.configuration import load as load_launcher
from trainyard_spawner.kubernetes.doctor import EVERYWHERE, RIGHTS

from tests.spawner.api_server import ApiServer

FOLDER = Path(__file__).parent / "deployments"
SMALL = FOLDER / "small.yaml"
ROOT = Path(__file__).parents[2]
# what v1.20 serves without a preview
SERVED = {
    "v1": {"Namespace", "ServiceAccount", "ConfigMap", "PersistentVolume", "PersistentVolumeClaim", "Service"},
    "apps/v1": {"Deployment", "StatefulSet"},
    "networking.k8s.io/v1": {"NetworkPolicy", "Ingress"},
    "rbac.authorization.k8s.io/v1": {"Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding"},
}
# the platform, from another namespace: by our label or, from v1.21 on, by its namespace's name
ELSEWHERE = [
    {
        "podSelector": {"matchLabels": {"app.kubernetes.io/instance": "trainyard", "app.kubernetes.io/component": "platform"}},
        "namespaceSelector": {"matchLabels": mark},
    }
    for mark in ({"trainyard.io/platform": "trainyard"}, {"kubernetes.io/metadata.name": "trainyard"})
]


def deployment(**changes: Any) -> Deployment:
    told = yaml.safe_load(SMALL.read_text())
    return Deployment.model_validate({**told, **changes})


def the(wanted: Deployment, kind: str, name: str) -> dict[str, Any]:
    found = [one for one in objects(wanted) if (one["kind"], one["metadata"]["name"]) == (kind, name)]
    assert len(found) == 1, [(one["kind"], one["metadata"]["name"]) for one in objects(wanted)]
    return found[0]


def without_role(rendered: str) -> list[Any]:
    """All objects but the one whose rules are the launcher's to say."""
    return [one for one in yaml.safe_load_all(rendered) if one["kind"] != "Role"]


def containers(wanted: Deployment) -> dict[str, dict[str, Any]]:
    pod = the(wanted, "Deployment", "trainyard-platform")["spec"]["template"]["spec"]
    return {one["name"]: one for one in (*pod["initContainers"], *pod["containers"])}


def test_the_whole_of_a_small_deployment_is_as_written_down() -> None:
    written = (FOLDER / "small.rendered.yaml").read_text(encoding="utf-8")
    assert without_role(text.render(load(SMALL))) == without_role(written)


def test_the_example_is_a_deployment() -> None:
    assert Deployment.model_validate(yaml.safe_load(EXAMPLE)).work == "trainyard"


def test_the_examples_images_are_built_by_make_images() -> None:
    recipes = [yaml.safe_load(path.read_text()) for path in ROOT.glob("images/*/image.yaml")]
    named = Deployment.model_validate(yaml.safe_load(EXAMPLE)).launches.images
    assert set(named) <= {f"{recipe['name']}:{recipe['version']}" for recipe in recipes}
    assert all(image.endswith(f"/{name}") for name, image in named.items())


def test_v1_20_serves_every_object() -> None:
    kinds = {(one["apiVersion"], one["kind"]) for one in objects(deployment())}
    assert {(version, kind) for version, kind in kinds if kind not in SERVED.get(version, ())} == set()


def test_every_pod_but_the_service_is_restricted() -> None:
    broken = [rule for _, pod in restricted.pods(objects(deployment())) for rule in restricted.violations(pod)]
    assert broken == ["service: runAsNonRoot", "service: capabilities.add"]


def test_every_pod_is_baseline() -> None:
    pods = list(restricted.pods(objects(deployment())))
    assert [name for name, _ in pods] == ["trainyard-database", "trainyard-store", "trainyard-platform"]
    assert [rule for _, pod in pods for rule in restricted.baseline_violations(pod)] == []


def test_a_careless_pod_is_found_out() -> None:
    careless = {"hostNetwork": True, "volumes": [{"name": "v", "hostPath": {}}], "containers": [{"name": "c"}]}
    assert restricted.violations(careless) == [
        "pod: hostNetwork",
        "volume v: hostPath",
        "c: allowPrivilegeEscalation",
        "c: runAsNonRoot",
        "c: seccompProfile",
        "c: capabilities.drop",
    ]


def test_the_service_may_give_files_away_and_nothing_else() -> None:
    assert containers(deployment())["service"]["securityContext"] == {
        "runAsNonRoot": False,
        "runAsUser": 0,
        "runAsGroup": 0,
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"], "add": ["CHOWN", "DAC_OVERRIDE", "FOWNER"]},
        "readOnlyRootFilesystem": True,
        "seccompProfile": {"type": "RuntimeDefault"},
    }


def test_each_process_sees_only_its_own_secrets() -> None:
    seen = {
        name: sorted(Path(mount["mountPath"]).name for mount in one["volumeMounts"] if mount["name"] == "secrets")
        for name, one in containers(deployment()).items()
    }
    service = ["internal-token", "service-hub-token", "storage-key"]
    hub = ["hub-cookie", "hub-crypt-key", "internal-token", "pages-hub-token", "proxy-password", "service-hub-token"]
    assert seen == {
        "prepare": ["proxy-password"],
        "databases": [],
        "bootstrap": ["administrator-password", *service],
        "proxy": [],
        "hub": hub,
        "service": sorted([*service, "s3.json"]),
        "pages": ["pages-hub-token"],
    }


def test_only_who_starts_pods_has_a_token_for_the_cluster() -> None:
    pod = the(deployment(), "Deployment", "trainyard-platform")["spec"]["template"]["spec"]
    assert pod["automountServiceAccountToken"] is False
    with_token = [name for name, one in containers(deployment()).items() if "token" in {m["name"] for m in one["volumeMounts"]}]
    assert with_token == ["hub", "service"]


def test_a_role_names_each_resource_once() -> None:
    several = [("batch", "jobs", ("get", "create")), ("", "pods", ("list",)), ("batch", "jobs", ("get", "delete"))]
    assert rules(several) == [
        {"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]},
        {"apiGroups": ["batch"], "resources": ["jobs"], "verbs": ["create", "delete", "get"]},
    ]


def test_the_platform_has_the_launchers_rights_and_may_look_at_nodes() -> None:
    assert the(deployment(), "Role", "trainyard-platform")["rules"] == rules(RIGHTS)
    assert the(deployment(), "ClusterRole", "trainyard-trainyard-platform")["rules"] == [
        {"apiGroups": [""], "resources": ["nodes"], "verbs": ["get", "list"]}
    ]


def test_with_namespaces_of_groups_the_launcher_may_make_them_and_knows_their_policy() -> None:
    apart = deployment(group_namespaces="lab-{group}")
    assert the(apart, "ClusterRole", "trainyard-trainyard-platform")["rules"] == rules(
        [("", "nodes", ("get", "list")), *EVERYWHERE]
    )
    record = Configuration.model_validate(launcher_record(apart))
    assert (record.group_namespaces, record.source) == ("lab-{group}", apart.storage.source)
    (policy,) = record.group_objects
    assert policy["spec"]["ingress"][0]["from"] == policy["spec"]["egress"][0]["to"] == ELSEWHERE
    assert the(apart, "NetworkPolicy", "trainyard-launches") == the(deployment(), "NetworkPolicy", "trainyard-launches")


def test_the_secrets_images_are_pulled_with_are_read_by_name_and_only_where_they_are_copied() -> None:
    apart = the(deployment(pull_secrets=["registry"], group_namespaces="lab-{group}"), "Role", "trainyard-platform")
    named = {"apiGroups": [""], "resources": ["secrets"], "resourceNames": ["registry"], "verbs": ["get"]}
    assert [rule for rule in apart["rules"] if "resourceNames" in rule] == [named]
    assert the(deployment(pull_secrets=["registry"]), "Role", "trainyard-platform")["rules"] == rules(RIGHTS)


def made_by(wanted: Deployment, kind: str, name: str) -> set[str]:
    """The resources that who has this role may make."""
    rules = the(wanted, kind, name)["rules"]
    return {resource for rule in rules if "create" in rule["verbs"] for resource in rule["resources"]}


def test_with_claims_of_groups_in_the_one_namespace_only_volumes_are_made_in_the_whole_cluster() -> None:
    assert made_by(deployment(groups="all"), "ClusterRole", "trainyard-trainyard-platform") == {"persistentvolumes"}


@pytest.mark.parametrize("how", [{"groups": "all"}, {"group_namespaces": "lab-{group}"}], ids=["groups", "namespaces"])
def test_every_groups_share_may_be_a_claim_that_the_launcher_makes(how: dict[str, str]) -> None:
    wanted = deployment(**how)
    record = Configuration.model_validate(launcher_record(wanted))
    assert ("volume/groups/{group}", "trainyard-group-{group}") in [(one.folder, one.claim) for one in record.claims]
    assert record.source == wanted.storage.source
    assert "persistentvolumes" in made_by(wanted, "ClusterRole", "trainyard-trainyard-platform")
    assert "persistentvolumeclaims" in made_by(wanted, "Role", "trainyard-platform")
    assert [one for one in objects(wanted) if one["kind"] == "Job"] == []


def test_a_deployment_may_have_more_in_each_groups_namespace() -> None:
    about = {"apiVersion": "kueue.x-k8s.io/v1beta1", "kind": "LocalQueue", "metadata": {"name": "people"}}
    queue = {**about, "spec": {"clusterQueue": "lab"}}
    apart = deployment(group_namespaces="lab-{group}", group_objects=[queue], launches={"kueue_queue": "people"})
    record = Configuration.model_validate(launcher_record(apart))
    assert [one["kind"] for one in record.group_objects] == ["NetworkPolicy", "LocalQueue"]


@pytest.mark.parametrize(
    ("name", "labels", "state"),
    [
        ("lab-{group}", {}, "bad"),
        ("lab-{group}", {"trainyard.io/platform": "trainyard"}, "good"),
        ("lab-{group}", {"kubernetes.io/metadata.name": "trainyard"}, "good"),
        ("", {}, "good"),
    ],
    ids=["no-label", "our-label", "its-name", "one-namespace"],
)
def test_the_doctor_says_when_no_policy_elsewhere_finds_the_platform(
    name: str, labels: dict[str, str], state: str, tmp_path: Path
) -> None:
    server = ApiServer()
    server.objects["/api/v1/namespaces/trainyard"] = {"metadata": {"name": "trainyard", "labels": labels}}

    async def asked() -> str:
        cluster = await Cluster.connect(server.kubeconfig(tmp_path), None)
        try:
            return (await doctor.entrance(cluster, deployment(group_namespaces=name))).state
        finally:
            await cluster.close()

    assert asyncio.run(asked()) == state
    server.close()


def test_launches_reach_the_entrance_name_servers_and_the_internet() -> None:
    platform = {"app.kubernetes.io/instance": "trainyard", "app.kubernetes.io/component": "platform"}
    assert the(deployment(), "NetworkPolicy", "trainyard-launches")["spec"] == {
        "podSelector": {
            "matchLabels": {"app.kubernetes.io/managed-by": "trainyard", "app.kubernetes.io/instance": "trainyard"},
            "matchExpressions": [{"key": "trainyard.io/launch", "operator": "Exists"}],
        },
        "ingress": [{"from": [{"podSelector": {"matchLabels": platform}}]}],
        "egress": [
            {"to": [{"podSelector": {"matchLabels": platform}}], "ports": [{"protocol": "TCP", "port": 8000}]},
            {"ports": [{"protocol": "UDP", "port": 53}, {"protocol": "TCP", "port": 53}]},
            {
                "to": [
                    {
                        "ipBlock": {
                            "cidr": "0.0.0.0/0",
                            "except": ["10.0.0.0/8", "100.64.0.0/10", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16"],
                        }
                    }
                ]
            },
        ],
        "policyTypes": ["Ingress", "Egress"],
    }


def test_without_internet_launches_reach_the_platform_only() -> None:
    closed = the(deployment(network={"internet": False}), "NetworkPolicy", "trainyard-launches")
    assert len(closed["spec"]["egress"]) == 2


def test_a_second_namespace_has_volumes_of_its_own_over_the_same_storage() -> None:
    apart = deployment(work_namespace="work", groups=[7])
    kinds = ("PersistentVolume", "PersistentVolumeClaim")
    volumes = {
        one["metadata"]["name"]: (one["spec"]["nfs"]["path"], one["spec"]["claimRef"]["namespace"])
        for one in objects(apart)
        if one["kind"] == kinds[0]
    }
    assert volumes == {
        "trainyard-trainyard-volume": ("/export/volume", "trainyard"),
        "trainyard-trainyard-launches": ("/export/launches", "trainyard"),
        "work-trainyard-volume": ("/export/volume", "work"),
        "work-trainyard-launches": ("/export/launches", "work"),
        "work-trainyard-group-7": ("/export/volume/groups/7", "work"),
    }
    levels = {
        one["metadata"]["name"]: one["metadata"]["labels"]["pod-security.kubernetes.io/enforce"]
        for one in objects(apart)
        if one["kind"] == "Namespace"
    }
    assert levels == {"trainyard": "baseline", "work": "restricted"}
    policy = the(apart, "NetworkPolicy", "trainyard-launches")
    assert policy["metadata"]["namespace"] == "work"
    assert policy["spec"]["ingress"][0]["from"] == ELSEWHERE


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


@pytest.mark.root
def test_a_prepared_share_is_its_groups_and_stays_so(tmp_path: Path) -> None:
    where = Home(tmp_path)
    where.volume.mkdir()
    for _ in range(2):
        share(where, 7, 30_007)
        told = where.group_share(7).stat()
        assert (told.st_mode & 0o7777, told.st_uid, told.st_gid) == (0o2770, 0, 30_007)


@pytest.mark.root
def test_a_link_in_the_place_of_a_share_is_given_to_nobody(tmp_path: Path) -> None:
    where, elsewhere = Home(tmp_path), tmp_path / "elsewhere"
    elsewhere.mkdir()
    where.group_share(7).parent.mkdir(parents=True)
    where.group_share(7).symlink_to(elsewhere)
    with pytest.raises(OSError, match=r"Not a directory|Too many levels"):
        share(where, 7, 30_007)
    assert elsewhere.stat().st_gid == tmp_path.stat().st_gid


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


def test_the_pod_prepares_its_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRAINYARD_INSIDE", "http://10.43.0.9:8000")
    record = tmp_path / "launcher.yaml"
    record.write_text(yaml.safe_dump(launcher_record(deployment())))
    settings = Settings(TRAINYARD_HOME=tmp_path / "home", host="0.0.0.0", tls_outside=True, public_url="https://trainyard")
    prepare_home(settings, record, Path(__file__).parents[2] / "images")
    where = Home(tmp_path / "home")
    assert load_launcher(where.root / "kubernetes.yaml").platform == "http://10.43.0.9:8000"
    ready = [(one.name, one.state, one.framework) for one in catalogue(where, "en", tmp_path)]
    assert ready == [("mxnet", "ready", "mxnet")]
    entries = json.loads((where.proxy / "traefik.yaml").read_text())["entryPoints"]
    assert (entries["public"]["address"], entries["http"]["address"]) == ("0.0.0.0:8000", "127.0.0.1:8002")


def test_an_image_of_the_cluster_is_in_the_catalogue_with_the_examples_a_command_is_checked_against(tmp_path: Path) -> None:
    where, sources = Home(tmp_path), Path(__file__).parents[2] / "images"
    for _ in range(2):
        add_to_catalogue(where, ["mxnet:1.9.1", "ours:3"], sources)
    assert [(one.name, one.version, one.state) for one in catalogue(where, "en", tmp_path)] == [
        ("mxnet", "1.9.1", "ready"),
        ("ours", "3", "ready"),
    ]
    (entry,) = find(where, "mxnet").entries
    assert os.access(where.images / "mxnet/1.9.1/examples" / PurePosixPath(entry).relative_to("/workspace/examples"), os.X_OK)


def test_an_image_of_the_cluster_is_ready_at_every_moment_while_it_is_put_in_its_place_again(tmp_path: Path) -> None:
    where, sources, done = Home(tmp_path / "home"), tmp_path / "sources", threading.Event()
    missed: list[Path] = []

    def offer(turn: int) -> None:
        (sources / "mxnet/examples").mkdir(parents=True, exist_ok=True)
        (sources / "mxnet/image.yaml").write_text("entries: [/workspace/examples/start.sh]\n")
        (sources / "mxnet/examples/start.sh").write_text(f"#!/bin/sh\n# {turn}\n")
        add_to_catalogue(where, ["mxnet:1.9.1"], sources)

    def look() -> None:
        while not done.is_set():
            whole = [where.images / "mxnet/1.9.1" / name for name in ("image.json", "examples/start.sh")]
            missed.extend(path for path in whole if not path.is_file() or not path.read_bytes())

    offer(0)
    looking = threading.Thread(target=look)
    looking.start()
    for turn in range(100):
        offer(turn)
    done.set()
    looking.join()
    assert missed == []
    assert (where.images / "mxnet/1.9.1/examples/start.sh").read_text() == "#!/bin/sh\n# 99\n"


def test_what_lies_beside_an_image_of_the_cluster_stays(tmp_path: Path) -> None:
    note = tmp_path / "images/mxnet/1.9.1/note"
    note.parent.mkdir(parents=True)
    note.touch()
    add_to_catalogue(Home(tmp_path), ["mxnet:1.9.1"], tmp_path)
    assert note.is_file()


def test_a_sandbox_is_refused_an_image_that_only_a_cluster_had(tmp_path: Path) -> None:
    add_to_catalogue(Home(tmp_path), ["mxnet:1.9.1"], tmp_path)
    with pytest.raises(NotFound, match="mxnet is not on this machine"):
        environment_of(Home(tmp_path), "mxnet")


def test_an_image_that_was_built_here_stays_as_it_is(tmp_path: Path) -> None:
    built = tmp_path / "images/mxnet/1.9.1"
    (built / "env").mkdir(parents=True)
    add_to_catalogue(Home(tmp_path), ["mxnet:1.9.1"], tmp_path)
    assert [path.name for path in built.iterdir()] == ["env"]
