"""Workspaces: our spawner, one a person, with a token that reaches the service and nothing else."""

from __future__ import annotations

from typing import Any

from trainyard_hub.roles import RESTRICTED
from trainyard_hub.services import CALL_SERVICE
from trainyard_hub.settings import Settings

START_SECONDS = 60


def update_workspaces(c: Any, settings: Settings) -> None:
    """Set the spawner and what a workspace's token may."""
    c.JupyterHub.spawner_class = "trainyard_spawner.workspace.WorkspaceSpawner"
    c.JupyterHub.allow_named_servers = False
    c.Spawner.start_timeout = START_SECONDS
    c.Spawner.http_timeout = START_SECONDS
    c.Spawner.server_token_scopes = [
        "users:activity!user",
        "access:servers!server",
        CALL_SERVICE,
        RESTRICTED,
    ]
    c.WorkspaceSpawner.service_url = settings.service_url
    c.WorkspaceSpawner.service_token = (settings.home.secrets / "internal-token").read_text().strip()
