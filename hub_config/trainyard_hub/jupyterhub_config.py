"""The Hub's configuration: a table of contents. Each section is a function over a bare ``Config``; see tests/hub."""

from __future__ import annotations

from trainyard_hub.accounts import update_accounts
from trainyard_hub.base import update_base
from trainyard_hub.proxy_config import update_proxy
from trainyard_hub.roles import update_roles
from trainyard_hub.same_origin import update_same_origin
from trainyard_hub.services import update_services
from trainyard_hub.settings import Settings
from trainyard_hub.workspaces import update_workspaces

settings = Settings()
c = get_config()  # type: ignore[name-defined]  # noqa: F821 (given by traitlets)

update_base(c, settings)
update_proxy(c, settings)
update_same_origin(c)
update_accounts(c, settings)
update_services(c, settings)
update_roles(c)
update_workspaces(c, settings)
