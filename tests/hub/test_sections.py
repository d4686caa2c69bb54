"""Each section of the Hub's configuration, on a bare ``Config``."""

from __future__ import annotations

from pathlib import Path

import bcrypt
import pytest
from trainyard_hub.base import update_base
from trainyard_hub.proxy_config import update_proxy
from trainyard_hub.roles import update_roles
from trainyard_hub.services import update_services
from trainyard_hub.settings import Settings
from trainyard_hub.stack.home import prepare_home
from trainyard_hub.stack.processes import hub_configuration
from trainyard_hub.stack.secrets import make_secrets
from trainyard_hub.workspaces import update_workspaces
from traitlets.config import Config

ADMINISTRATION = ("admin:", "proxy", "shutdown", "admin-ui")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    settings = Settings(TRAINYARD_HOME=tmp_path / "home", port=9000)
    prepare_home(settings.home)
    make_secrets(settings.home)
    return settings


def test_configuration_is_a_table_of_contents() -> None:
    assert len(hub_configuration().read_text().splitlines()) < 50


def test_a_hub_that_ends_disturbs_nobody(settings: Settings) -> None:
    c = Config()
    update_base(c, settings)
    assert (c.JupyterHub.cleanup_servers, c.JupyterHub.cleanup_proxy) == (False, False)


def test_cookie_secret_is_kept(settings: Settings) -> None:
    first, second = Config(), Config()
    update_base(first, settings)
    update_base(second, settings)
    assert first.JupyterHub.cookie_secret == second.JupyterHub.cookie_secret
    assert len(first.JupyterHub.cookie_secret) == 32


def test_another_database_is_taken_by_url(settings: Settings) -> None:
    c = Config()
    update_base(c, settings.model_copy(update={"hub_database_url": "postgresql+psycopg:///hub"}))
    assert c.JupyterHub.db_url == "postgresql+psycopg:///hub"


def test_the_proxy_is_not_the_hubs_child(settings: Settings) -> None:
    c = Config()
    update_proxy(c, settings)
    assert c.Proxy.should_start is False
    password = c.TraefikProxy.traefik_api_password
    assert bcrypt.checkpw(password.encode(), c.TraefikProxy.traefik_api_hashed_password.encode())


def test_services_ask_no_question_and_are_known_by_their_tokens(settings: Settings) -> None:
    c = Config()
    update_services(c, settings)
    assert [service["name"] for service in c.JupyterHub.services] == ["trainyard", "pages"]
    assert all(service["oauth_no_confirm"] for service in c.JupyterHub.services)
    assert len({service["api_token"] for service in c.JupyterHub.services}) == 2


def test_no_role_administers_the_hub() -> None:
    c = Config()
    update_roles(c)
    scopes = [scope for role in c.JupyterHub.load_roles for scope in role["scopes"]]
    assert [scope for scope in scopes if scope.startswith(ADMINISTRATION)] == []


def test_a_workspace_token_is_marked_and_reaches_only_the_service(settings: Settings) -> None:
    c = Config()
    update_workspaces(c, settings)
    assert set(c.Spawner.server_token_scopes) == {
        "users:activity!user",
        "access:servers!server",
        "access:services!service=trainyard",
        "custom:trainyard:restricted",
    }
