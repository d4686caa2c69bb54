"""Database and object store as single pods, for trying out: each a StatefulSet of one with its claim, and a Service."""

from __future__ import annotations

from trainyard_hub.kubernetes import secrets
from trainyard_hub.kubernetes.configuration import Deployment
from trainyard_hub.kubernetes.parts import (
    DATABASE_PORT,
    HOME,
    PROGRAMS,
    PYTHON,
    STORE_PORT,
    UNTIL_READY,
    Object,
    container,
    metadata,
    named,
    pod,
    resources,
    restricted,
    selector,
    variables,
)
from trainyard_hub.kubernetes.storage import single_claim

DATA = "/var/lib/postgresql/data"
STORE_INNER = "8030"
STORE_KEYS = "/etc/trainyard/s3.json"


def backing(deployment: Deployment) -> list[Object]:
    """Both, where they do not lie outside of the cluster."""
    made: list[Object] = []
    if deployment.database.url is None:
        made += [_service(deployment, ("database", "postgresql", DATABASE_PORT)), _database(deployment)]
    if deployment.store.url is None:
        made += [_service(deployment, ("store", "s3", STORE_PORT)), _store(deployment)]
    return made


def _service(deployment: Deployment, of: tuple[str, str, int]) -> Object:
    component, service, port = of
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata(deployment, named(deployment, service), component),
        "spec": {
            "type": "ClusterIP",
            "selector": selector(deployment, component),
            "ports": [{"name": service, "port": port, "targetPort": port, "protocol": "TCP"}],
        },
    }


def _database(deployment: Deployment) -> Object:
    wanted = deployment.database
    env = variables(
        {"POSTGRES_USER": "trainyard", "POSTGRES_DB": "trainyard", "PGDATA": f"{DATA}/cluster"},
        {"POSTGRES_PASSWORD": (secrets.name(deployment), secrets.DATABASE.key)},
    )
    ready = {"exec": {"command": ["pg_isready", "-q", "-U", "trainyard"]}, **UNTIL_READY}
    one: Object = {
        "name": "postgresql",
        "image": wanted.image,
        "imagePullPolicy": deployment.pull_policy,
        "env": env,
        "ports": [{"name": "postgresql", "containerPort": DATABASE_PORT}],
        "resources": resources(deployment.amounts.database),
        "securityContext": restricted(wanted.uid),
        "readinessProbe": ready,
        "volumeMounts": [
            {"name": "data", "mountPath": DATA},
            {"name": "run", "mountPath": "/var/run/postgresql"},
            {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108 (a path inside the pod)
        ],
    }
    return _stateful(deployment, "database", one, wanted.size)


def _store(deployment: Deployment) -> Object:
    # not below HOME: the folder a file is mounted into is root's, and SeaweedFS' certificates are made beside its keys
    key = {"name": "secrets", "mountPath": STORE_KEYS, "subPath": "s3.json", "readOnly": True}
    env = {
        "PATH": f"{PROGRAMS}:/usr/bin:/bin",
        "TRAINYARD_HOME": HOME,
        "TRAINYARD_STORE_PORT": STORE_INNER,
        "GOMEMLIMIT": "300MiB",
        "WEED_MASTER_VOLUME_GROWTH_COPY_1": "1",
    }
    one = container(
        deployment,
        "seaweedfs",
        [PYTHON, "-m", "trainyard_hub.kubernetes.prepare", "store", str(STORE_PORT)],
        deployment.amounts.store,
        [{"name": "run", "mountPath": HOME}, {"name": "data", "mountPath": f"{HOME}/store"}, key],
        env=variables(env),
        ports=[{"name": "s3", "containerPort": STORE_PORT}],
        readinessProbe={"httpGet": {"path": "/healthz", "port": STORE_PORT}, **UNTIL_READY},
    )
    return _stateful(deployment, "store", one, deployment.store.size)


def _stateful(deployment: Deployment, component: str, one: Object, size: str) -> Object:
    """A set of one pod; its claim stays when the set goes."""
    uid = one["securityContext"]["runAsUser"]
    volumes: list[Object] = [
        {"name": "run", "emptyDir": {"sizeLimit": "64Mi"}},
        {"name": "tmp", "emptyDir": {"sizeLimit": "1Gi"}},
    ]
    if component == "store":
        volumes.append({"name": "secrets", "secret": {"secretName": secrets.name(deployment), "defaultMode": 0o444}})
    specification: Object = {
        "securityContext": {"fsGroup": uid, "fsGroupChangePolicy": "OnRootMismatch"},
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": 60,
        "containers": [one],
        "volumes": volumes,
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": metadata(deployment, named(deployment, component), component),
        "spec": {
            "replicas": 1,
            "serviceName": named(deployment, "postgresql" if component == "database" else "s3"),
            "selector": {"matchLabels": selector(deployment, component)},
            "template": pod(deployment, component, specification),
            "volumeClaimTemplates": [single_claim(deployment, component, size)],
        },
    }
