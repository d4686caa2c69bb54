"""Configures how people sign in and what the Hub's own pages look like."""

from __future__ import annotations

import json
import secrets
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trainyard.words import N_, messages

from trainyard_hub.authenticator import TrainyardAuthenticator
from trainyard_hub.language import NoteLanguage, current_language, for_templates
from trainyard_hub.service_calls import ServiceCalls
from trainyard_hub.signup import style_version
from trainyard_hub.stack.secrets import read_or_make

if TYPE_CHECKING:
    from trainyard_hub.settings import Settings

REFRESH_SECONDS = 10
# the same as on the pages: who goes from one to the other stays in one place
NAVIGATION = (
    ("overview", N_("Overview")),
    ("datasets", N_("Datasets")),
    ("workspace", N_("Workspace")),
    ("trainings", N_("Training")),
    ("searches", N_("Tuning")),
    ("models", N_("Models")),
    ("storage", N_("Storage")),
    ("admin", N_("Admin")),
)


def update_accounts(c: Any, settings: Settings) -> None:
    """Set authenticator, languages and templates on a traitlets ``Config``."""
    service = ServiceCalls(f"{settings.service_url.rstrip('/')}/api/v1", settings.home.secrets / "internal-token")
    c.JupyterHub.authenticator_class = TrainyardAuthenticator
    c.TrainyardAuthenticator.service = service
    c.TrainyardAuthenticator.allow_all = True
    c.TrainyardAuthenticator.manage_groups = True
    c.TrainyardAuthenticator.auth_refresh_age = REFRESH_SECONDS
    c.TrainyardAuthenticator.refresh_pre_spawn = True
    c.TrainyardAuthenticator.enable_auth_state = True
    c.CryptKeeper.keys = [crypt_key(settings.home.secrets / "hub-crypt-key")]
    c.JupyterHub.template_paths = [str(files("trainyard_hub") / "templates")]
    c.JupyterHub.template_vars = {
        **for_templates(),
        "style_version": style_version(),
        "read_json": lambda user: json.loads,
        "display_name": display_name,
        "navigation": navigation,
        "spawner_words": lambda user: messages("trainyard_spawner", current_language()),
    }
    c.JupyterHub.tornado_settings.update({"transforms": [NoteLanguage]})


def display_name(user: Any) -> str:
    """What a person is called, as the service told at the last refresh."""
    if user is None:
        return ""
    names: dict[str, str] = user.authenticator.names
    hub_name: str = user.name
    return names.get(hub_name, hub_name)


def navigation(user: Any) -> list[tuple[str, str]]:
    """The entries of the head, page and word; Admin is for administrators."""
    administrates = user is not None and user.name in user.authenticator.administrators
    return [entry for entry in NAVIGATION if administrates or entry[0] != "admin"]


def crypt_key(path: Path) -> bytes:
    """The key the Hub encrypts session numbers with; made at first use, mode 0600."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    return bytes.fromhex(read_or_make(path, lambda: secrets.token_hex(32)))
