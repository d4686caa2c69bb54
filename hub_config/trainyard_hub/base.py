"""The Hub itself: where it listens, what it remembers, and that a restart of it disturbs nobody."""

from __future__ import annotations

from typing import Any

from trainyard_hub.services import FIRST_ADMINISTRATOR
from trainyard_hub.settings import Settings

ACTIVITY_SECONDS = 60


def update_base(c: Any, settings: Settings) -> None:
    """Set addresses, database and cookie secret."""
    home = settings.home
    c.JupyterHub.hub_bind_url = settings.hub_url
    c.JupyterHub.db_url = settings.hub_database_url or f"sqlite:///{home.hub / 'jupyterhub.sqlite'}"
    c.JupyterHub.cookie_secret = bytes.fromhex((home.secrets / "hub-cookie").read_text().strip())
    # workspaces and proxy are nobody's children: a Hub that ends, or is killed, leaves them standing
    c.JupyterHub.cleanup_servers = False
    c.JupyterHub.cleanup_proxy = False
    c.JupyterHub.default_url = "/services/pages/"
    c.JupyterHub.redirect_to_server = False
    c.JupyterHub.last_activity_interval = ACTIVITY_SECONDS
    c.JupyterHub.service_check_interval = ACTIVITY_SECONDS
    c.JupyterHub.log_level = settings.log_level
    # times are added by whoever reads: the process manager keeps one log a process
    c.Application.log_datefmt = "%Y-%m-%dT%H:%M:%S"
    c.JupyterHub.shutdown_on_logout = False
    # known before they ever sign in, so that the machine's own token can be made for them
    c.Authenticator.allowed_users = {FIRST_ADMINISTRATOR}
    c.JupyterHub.tornado_settings = {"slow_spawn_timeout": 3, "slow_stop_timeout": 3}
