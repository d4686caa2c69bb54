"""Workspaces: our spawner, one a person, with a token that reaches the service and nothing else."""

from __future__ import annotations

import os
from typing import Any

from trainyard.errors import Invalid
from trainyard.words import N_
from trainyard_spawner.kubernetes import configuration as configurations
from trainyard_spawner.service_calls import WAIT_SECONDS

from trainyard_hub.roles import RESTRICTED
from trainyard_hub.services import CALL_SERVICE
from trainyard_hub.settings import Settings

START_SECONDS = 60
WATCH_SECONDS = 240


def update_workspaces(c: Any, settings: Settings) -> None:
    """Set the spawner and what a workspace's token may."""
    c.JupyterHub.spawner_class = "trainyard_spawner.workspace.WorkspaceSpawner"
    c.JupyterHub.allow_named_servers = False
    c.Spawner.start_timeout = START_SECONDS + WAIT_SECONDS
    c.Spawner.http_timeout = START_SECONDS
    c.Spawner.server_token_scopes = [
        "users:activity!user",
        "access:servers!server",
        CALL_SERVICE,
        RESTRICTED,
    ]
    c.AdmittedSpawner.service_url = settings.service_url
    c.AdmittedSpawner.service_token = (settings.home.secrets / "internal-token").read_text().strip()
    # one setting for both: the service knows of workspaces what its launcher tells
    if settings.on_cluster:
        _update_pods(c, settings)


def _update_pods(c: Any, settings: Settings) -> None:
    """Workspaces as pods of the cluster that ``kubernetes.yaml`` describes; one may wait for a node, its image and volumes."""
    configuration = configurations.load(configurations.place_of(settings.home))
    # KubeSpawner finds its cluster by the variable only, and takes the kubeconfig's current context
    if configuration.context is not None:
        raise Invalid(
            "kubernetes-context",
            N_("kubernetes.yaml names the context {context}, which the Hub cannot choose."),
            hint=N_("Name a kubeconfig there whose current context it is."),
            context=configuration.context,
        )
    if configuration.kubeconfig is not None:
        os.environ["KUBECONFIG"] = str(configuration.kubeconfig)
    c.JupyterHub.spawner_class = "trainyard_spawner.kubernetes.spawner.WorkspacePodSpawner"
    c.WorkspacePodSpawner.start_timeout = int(configuration.start_seconds) + START_SECONDS + WAIT_SECONDS
    # it lists anew whenever a watch ends, and would do so every ten seconds
    c.ResourceReflector.timeout_seconds = WATCH_SECONDS
    c.ResourceReflector.restart_seconds = WATCH_SECONDS
    c.ResourceReflector.request_timeout = WATCH_SECONDS + START_SECONDS
