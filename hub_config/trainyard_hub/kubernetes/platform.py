"""The platform's own pod: proxy, Hub, service and pages as containers that share one loopback. Pure functions.

They are one pod because whatever of them speaks to another does so on loopback, as on one machine; between pods each of those
ways would need certificates. A container that dies is started again and the others stay, so the proxy survives the Hub.
"""

from __future__ import annotations

from trainyard.jobs.launch import ON_CLUSTER

from trainyard_hub.kubernetes import secrets
from trainyard_hub.kubernetes.configuration import Deployment
from trainyard_hub.kubernetes.parts import (
    CONFIGURED,
    DATABASE_PORT,
    HOME,
    PROGRAMS,
    PUBLIC_PORT,
    PYTHON,
    STORE_PORT,
    UNTIL_READY,
    Object,
    asks,
    container,
    giving_away,
    metadata,
    named,
    pod,
    selector,
    variables,
)
from trainyard_hub.kubernetes.storage import LAUNCHES, VOLUME, claim_name

CONFIGURATION = "/etc/trainyard"
TOKEN_FOLDER = "/var/run/secrets/kubernetes.io/serviceaccount"  # noqa: S105 (a folder)
HUB_KEYS = ("service-hub-token", "pages-hub-token", "internal-token", "proxy-password", "hub-cookie", "hub-crypt-key")
SERVICE_KEYS = ("service-hub-token", "internal-token", "storage-key")
PAGES_KEYS = ("pages-hub-token",)
GRACE = 30


def deployment_object(deployment: Deployment, configured: str) -> Object:
    """The Deployment; never two pods at once, since both would write the same files. ``configured`` is what the configuration
    that its pod reads is known by.
    """
    made = pod(deployment, "platform", _specification(deployment))
    about = {**made["metadata"], "annotations": {CONFIGURED: configured}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": metadata(deployment, named(deployment, "platform"), "platform"),
        "spec": {
            "replicas": 1,
            "strategy": {"type": "Recreate"},
            "selector": {"matchLabels": selector(deployment, "platform")},
            "template": {**made, "metadata": about},
        },
    }


def environment(deployment: Deployment) -> dict[str, str]:
    """What every process of the platform is told, beside what the administrator set."""
    return {
        **deployment.settings,
        "HOME": "/tmp",  # noqa: S108 (a path inside the pod)
        "LANG": "C.UTF-8",
        "PATH": f"{PROGRAMS}:/usr/local/bin:/usr/bin:/bin",
        "TRAINYARD_HOME": HOME,
        "TRAINYARD_HOST": "0.0.0.0",  # noqa: S104 (the pod's; people come by the Service)
        "TRAINYARD_PORT": str(PUBLIC_PORT),
        "TRAINYARD_PUBLIC_URL": deployment.access.address,
        "TRAINYARD_TLS_OUTSIDE": "true",
    }


def service_environment(deployment: Deployment) -> dict[str, str]:
    """What the service must know of the others."""
    return {
        "TRAINYARD_SERVICE_PORT": "8010",
        "TRAINYARD_SERVICE_PUBLIC_URL": deployment.access.address,
        "TRAINYARD_SERVICE_HUB_API_URL": "http://127.0.0.1:8001/hub/api",
        "TRAINYARD_SERVICE_STORE_URL": deployment.store.url or f"http://{host_of(deployment, 's3')}:{STORE_PORT}",
        "TRAINYARD_SERVICE_LAUNCHER": ON_CLUSTER,
        "TRAINYARD_SERVICE_DATABASE_URL": database_urls(deployment)[0],
        "TRAINYARD_KUBERNETES": f"{HOME}/kubernetes.yaml",
    }


def database_urls(deployment: Deployment) -> tuple[str, str]:
    """The service's and the Hub's; the password is in ``PGPASSWORD``, which libpq reads."""
    outside = deployment.database
    if outside.url is not None and outside.hub is not None:
        return outside.url, outside.hub
    inside = f"postgresql+psycopg://trainyard@{host_of(deployment, 'postgresql')}:{DATABASE_PORT}"
    return f"{inside}/trainyard", f"{inside}/trainyard_hub"


def host_of(deployment: Deployment, service: str) -> str:
    """A Service's address, by the variable the cluster sets: a name would need the cluster's DNS."""
    variable = f"{named(deployment, service)}_SERVICE_HOST".replace("-", "_").upper()
    return f"$({variable})"


def _specification(deployment: Deployment) -> Object:
    return {
        "serviceAccountName": named(deployment, "platform"),
        "terminationGracePeriodSeconds": GRACE,
        "initContainers": [_prepare_home(deployment), _prepare_databases(deployment), _bootstrap(deployment)],
        "containers": [_proxy(deployment), _hub(deployment), _service(deployment), _pages(deployment)],
        "volumes": _volumes(deployment),
    }


def _prepare_home(deployment: Deployment) -> Object:
    command = [PYTHON, "-m", "trainyard_hub.kubernetes.prepare", "home"]
    own = {**environment(deployment), "TRAINYARD_INSIDE": f"http://{host_of(deployment, 'http')}:{PUBLIC_PORT}"}
    mounts = [_home(), *_secret_files(deployment, ("proxy-password",)), _configuration()]
    return container(deployment, "prepare", command, deployment.amounts.hub, mounts, env=variables(own))


def _prepare_databases(deployment: Deployment) -> Object:
    command = [PYTHON, "-m", "trainyard_hub.kubernetes.prepare", "databases", *database_urls(deployment)]
    env = variables(environment(deployment), _password(deployment))
    return container(deployment, "databases", command, deployment.amounts.hub, [], env=env)


def _bootstrap(deployment: Deployment) -> Object:
    password = f"{HOME}/secrets/administrator-password"
    command = [PYTHON, "-m", "trainyard_service", "bootstrap", "--password-file", password]
    mounts = [_home(), *_secret_files(deployment, ("administrator-password", *SERVICE_KEYS))]
    return container(deployment, "bootstrap", command, deployment.amounts.hub, mounts, env=_service_variables(deployment))


def _proxy(deployment: Deployment) -> Object:
    return container(
        deployment,
        "proxy",
        [f"{PROGRAMS}/traefik", f"--configfile={HOME}/proxy/traefik.yaml"],
        deployment.amounts.proxy,
        [_home()],
        env=variables({"PATH": PROGRAMS}),
        ports=[{"name": "http", "containerPort": PUBLIC_PORT}],
        readinessProbe={"httpGet": {"path": "/hub/health", "port": PUBLIC_PORT}, **UNTIL_READY},
        # the proxy's own answer: it outlives a Hub that is away, and people's connections with it
        livenessProbe=asks("http://127.0.0.1:8009/ping"),
    )


def _hub(deployment: Deployment) -> Object:
    configuration = f"{HOME}/hub/jupyterhub_config.py"
    own = {
        **environment(deployment),
        "TRAINYARD_HUB_DATABASE_URL": database_urls(deployment)[1],
        "TRAINYARD_SERVICE_LAUNCHER": ON_CLUSTER,
        "TRAINYARD_KUBERNETES": f"{HOME}/kubernetes.yaml",
    }
    return container(
        deployment,
        "hub",
        [PYTHON, "-m", "trainyard_hub.hub_main", "-f", configuration],
        deployment.amounts.hub,
        [_home(), *_secret_files(deployment, HUB_KEYS), _token()],
        env=variables(own, _password(deployment)),
        workingDir=f"{HOME}/hub",
        livenessProbe=asks("http://127.0.0.1:8001/hub/health"),
    )


def _service(deployment: Deployment) -> Object:
    files = [*_secret_files(deployment, SERVICE_KEYS), _store_keys(deployment)]
    made = container(
        deployment,
        "service",
        [PYTHON, "-m", "trainyard_service", "serve"],
        deployment.amounts.service,
        [_home(), *files, *_shared(), _token()],
        env=_service_variables(deployment),
        workingDir=f"{HOME}/service",
        livenessProbe=asks("http://127.0.0.1:8010/services/trainyard/api/v1/health"),
    )
    return {**made, "securityContext": giving_away()}


def _pages(deployment: Deployment) -> Object:
    own = {
        **environment(deployment),
        "TRAINYARD_PAGES_PORT": "8020",
        "TRAINYARD_PAGES_HUB_API_URL": "http://127.0.0.1:8001/hub/api",
        "TRAINYARD_PAGES_SERVICE_URL": "http://127.0.0.1:8010/services/trainyard",
        "TRAINYARD_PAGES_NOTEBOOKS": "/opt/trainyard/notebooks",
        # a restricted container makes no namespaces; what bubblewrap closes off is not in this one
        "TRAINYARD_PAGES_ENCLOSED": "false",
    }
    return container(
        deployment,
        "pages",
        [PYTHON, "-m", "trainyard_pages"],
        deployment.amounts.pages,
        [_home(), *_secret_files(deployment, PAGES_KEYS)],
        env=variables(own),
        workingDir=f"{HOME}/stack",
        livenessProbe=asks("http://127.0.0.1:8020/services/pages/health"),
    )


def _service_variables(deployment: Deployment) -> list[Object]:
    return variables({**environment(deployment), **service_environment(deployment)}, _password(deployment))


def _password(deployment: Deployment) -> dict[str, tuple[str, str]]:
    outside = deployment.database.password_secret
    return {"PGPASSWORD": (outside, "password") if outside else (secrets.name(deployment), secrets.DATABASE.key)}


def _home() -> Object:
    return {"name": "home", "mountPath": HOME}


def _configuration() -> Object:
    return {"name": "configuration", "mountPath": CONFIGURATION, "readOnly": True}


def _token() -> Object:
    """Only who speaks to the API server, the Hub for workspaces and the service for jobs, is given the pod's token."""
    return {"name": "token", "mountPath": TOKEN_FOLDER, "readOnly": True}


def _secret_files(deployment: Deployment, keys: tuple[str, ...]) -> list[Object]:
    """Each process sees the secrets it needs and no other."""
    return [
        {"name": "secrets", "mountPath": f"{HOME}/secrets/{key}", "subPath": key, "readOnly": True}
        for key in dict.fromkeys(keys)
    ]


def _store_keys(deployment: Deployment) -> Object:
    holder = "secrets" if deployment.store.keys_secret is None else "store-keys"
    return {"name": holder, "mountPath": f"{HOME}/secrets/s3.json", "subPath": "s3.json", "readOnly": True}


def _shared() -> list[Object]:
    shared = [{"name": name, "mountPath": f"{HOME}/{name}"} for name in (VOLUME, LAUNCHES)]
    # what stays of launches, out of the reach of their pods, which are shown their own folders only
    return [*shared, {"name": LAUNCHES, "mountPath": f"{HOME}/kept", "subPath": ".kept"}]


def _volumes(deployment: Deployment) -> list[Object]:
    claims = [
        {"name": name, "persistentVolumeClaim": {"claimName": claim_name(deployment, name)}} for name in (VOLUME, LAUNCHES)
    ]
    # each file is mounted by itself, into the containers that need it
    kept: list[Object] = [{"name": "secrets", "secret": {"secretName": secrets.name(deployment), "defaultMode": 0o444}}]
    if deployment.store.keys_secret is not None:
        kept.append({"name": "store-keys", "secret": {"secretName": deployment.store.keys_secret, "defaultMode": 0o444}})
    return [
        {"name": "home", "emptyDir": {"sizeLimit": "1Gi"}},
        {"name": "tmp", "emptyDir": {"sizeLimit": "2Gi"}},
        {"name": "configuration", "configMap": {"name": named(deployment, "configuration")}},
        *kept,
        *claims,
        {"name": "token", "projected": {"defaultMode": 0o444, "sources": _token_sources()}},
    ]


def _token_sources() -> list[Object]:
    """What the kubelet would mount by itself, if it asked which container."""
    namespace = {"path": "namespace", "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"}}
    return [
        {"serviceAccountToken": {"path": "token", "expirationSeconds": 3607}},
        {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
        {"downwardAPI": {"items": [namespace]}},
    ]
