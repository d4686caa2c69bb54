"""Who may do what in a deployment, who sees which secret and who reaches whom, on its objects."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from trainyard_hub.kubernetes import doctor, restricted
from trainyard_hub.kubernetes.configuration import Deployment
from trainyard_hub.kubernetes.everything import launcher_record, objects
from trainyard_hub.kubernetes.rights import rules
from trainyard_spawner.kubernetes.cluster import Cluster
from trainyard_spawner.kubernetes.configuration import Configuration
from trainyard_spawner.kubernetes.doctor import EVERYWHERE, RIGHTS

from tests.hub.deployed import containers, deployment, the
from tests.spawner.api_server import ApiServer

# the platform, from another namespace: by our label or, from v1.21 on, by its namespace's name
ELSEWHERE = [
    {
        "podSelector": {"matchLabels": {"app.kubernetes.io/instance": "trainyard", "app.kubernetes.io/component": "platform"}},
        "namespaceSelector": {"matchLabels": mark},
    }
    for mark in ({"trainyard.io/platform": "trainyard"}, {"kubernetes.io/metadata.name": "trainyard"})
]


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
