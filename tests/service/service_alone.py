"""A service in a process of its own, to be killed: ``service_alone.py HOME PORT TOKEN``; one person, whose token is TOKEN."""

from __future__ import annotations

import secrets
import sys
from pathlib import Path

import uvicorn
from sqlalchemy import select
from trainyard_service.app import create_app, create_context
from trainyard_service.database.tables.accounts import AccountRow
from trainyard_service.memory_directory import MemoryDirectory
from trainyard_service.settings import Settings

sys.path.insert(0, str(Path(__file__).parents[2]))
from tests.service.conftest import NoLauncher

home, port, token = sys.argv[1:]
settings = Settings(home=Path(home), port=int(port), database_url=f"sqlite:///{home}/alone.db")
settings.places.secrets.mkdir(parents=True, exist_ok=True)
for path in (settings.internal_token, settings.hub_token):
    path.write_text(secrets.token_hex(32))
hub = MemoryDirectory()
context = create_context(settings, hub=hub, launcher=NoLauncher())  # type: ignore[arg-type]
with context.database.write() as session:
    row = session.scalar(select(AccountRow))
    if row is None:
        row = AccountRow(name="anna", name_key="anna", password_hash="!", state="active")
        session.add(row)
        session.flush()
    hub._sessions[token] = hub._sessions.pop(hub.sign_in(row.hub_name))
uvicorn.run(create_app(context, ()), host="127.0.0.1", port=settings.port, log_config=None, access_log=False)
