"""A running service for each test: real uvicorn on a free port, a fresh database on SQLite and on PostgreSQL.

``service`` is the seam every test of this room uses: ``service.account("anna", group="vision")`` makes a person, and
``service.client(person)`` is an ``httpx.Client`` that calls as that person. Mark a test (or module) ``one_database`` when the
database makes no difference to it.
"""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import socket
import subprocess
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from sqlalchemy import create_engine, text
from trainyard.jobs.launch import Finding, Launcher
from trainyard.records.accounts import AccountState, Quota
from trainyard_service.app import create_app, create_context
from trainyard_service.context import Context
from trainyard_service.database.engine import Database
from trainyard_service.database.tables.accounts import AccountRow, GroupRow, MembershipRow
from trainyard_service.database.upgrade import upgrade
from trainyard_service.memory_directory import MemoryDirectory
from trainyard_service.parts import PARTS
from trainyard_service.settings import Settings

POSTGRES = Path("/usr/lib/postgresql/15/bin")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class NoLauncher:
    """For services whose tests start nothing; any use of it fails the test."""

    def devices(self) -> tuple[str, ...]:
        return ()

    def device_types(self) -> dict[str, str]:
        return {}

    def nearest(self, asked: Any) -> None:
        """There is one machine."""

    def findings(self, language: str) -> tuple[Finding, ...]:
        return ()

    def states(self) -> list[Any]:
        return []

    def state(self, key: str) -> None:
        return None

    def expect(self, key: str, identity: Any, mounts: Any) -> None:
        """What the Hub starts is not this one's business."""

    def forget(self, key: str) -> None:
        """Nothing is known."""

    async def changes(self) -> AsyncIterator[str]:
        for key in ():
            yield key


@dataclass(frozen=True)
class SomeOne:
    """A person of a test."""

    id: int
    name: str
    token: str
    hub_name: str


@dataclass
class Service:
    """A running service and the means to call it as anybody."""

    context: Context
    address: str
    hub: MemoryDirectory
    _clients: list[httpx.Client] = field(default_factory=list)

    @property
    def api(self) -> str:
        return self.address + self.context.settings.api_path

    def client(self, someone: SomeOne | str | None = None, **headers: str) -> httpx.Client:
        """Calls as a person, with a bare token, or as nobody; paths are relative to the API."""
        token = someone.token if isinstance(someone, SomeOne) else someone
        if token:
            headers["Authorization"] = f"Bearer {token}"
        client = httpx.Client(base_url=self.api, headers=headers, trust_env=False, timeout=120)
        self._clients.append(client)
        return client

    def internal(self) -> httpx.Client:
        """Calls as the Hub does."""
        return self.client(self.context.settings.internal_token.read_text())

    def group(self, name: str, quota: Quota | None = None) -> GroupRow:
        with self.context.database.write() as session:
            row = GroupRow(name=name, name_key=name.casefold())
            row.quota = quota or Quota()
            session.add(row)
        return row

    def account(
        self,
        name: str,
        *groups: GroupRow,
        administrator: bool = False,
        state: AccountState = AccountState.ACTIVE,
        password_hash: str = "!",
    ) -> SomeOne:
        with self.context.database.write() as session:
            row = AccountRow(
                name=name, name_key=name.casefold(), password_hash=password_hash, state=state, administrator=administrator
            )
            session.add(row)
            session.flush()
            for group in groups:
                session.add(MembershipRow(group_id=group.id, account_id=row.id))
        return SomeOne(row.id, name, self.hub.sign_in(row.hub_name), row.hub_name)

    def workspace_token(self, someone: SomeOne) -> str:
        """The token a workspace of this person has."""
        return self.hub.start_workspace(someone.hub_name)

    def close(self) -> None:
        for client in self._clients:
            client.close()


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Debian's PostgreSQL in a temporary folder, as an ordinary user; the URL of its server."""
    if not POSTGRES.is_dir():
        pytest.skip("Debian's postgresql-15 is not installed")
    folder = Path("/tmp") / f"trainyard-pg-{secrets.token_hex(4)}"
    folder.mkdir()
    user = {"user": "nobody", "group": "nogroup"} if os.geteuid() == 0 else {}
    if user:
        shutil.chown(folder, "nobody", "nogroup")
    name = user.get("user") or pwd.getpwuid(os.geteuid()).pw_name
    data = folder / "data"
    environment = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"}
    run: dict[str, Any] = {"check": True, "cwd": folder, "stdout": subprocess.DEVNULL, "env": environment, **user}
    subprocess.run([POSTGRES / "initdb", "-D", data, "-A", "trust", "-E", "UTF8", "--no-sync"], **run)
    options = f"-k {folder} -h '' -F -c max_connections=200 -c full_page_writes=off -c synchronous_commit=off"
    subprocess.run([POSTGRES / "pg_ctl", "-D", data, "-w", "-l", folder / "log", "-o", options, "start"], **run)
    yield f"postgresql+psycopg://{name}@/{{database}}?host={folder}"
    subprocess.run([POSTGRES / "pg_ctl", "-D", data, "-m", "immediate", "stop"], **run)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "service.db"
    _migrate(f"sqlite:///{path}")
    with create_engine(f"sqlite:///{path}").connect() as connection:
        connection.execute(text("PRAGMA wal_checkpoint(TRUNCATE)"))
    return path


@pytest.fixture(scope="session")
def postgres_template(postgres_server: str) -> str:
    _administrate(postgres_server, "CREATE DATABASE template_service")
    _migrate(postgres_server.format(database="template_service"))
    return postgres_server


def _migrate(url: str) -> None:
    database = Database(url)
    upgrade(database)
    database.close()


def _administrate(server: str, statement: str) -> None:
    engine = create_engine(server.format(database="postgres"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(statement))
    engine.dispose()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "database_url" in metafunc.fixturenames:
        one = metafunc.definition.get_closest_marker("one_database")
        metafunc.parametrize("database_url", ["sqlite"] if one else ["sqlite", "postgresql"], indirect=True)


@pytest.fixture
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A fresh, migrated database."""
    if request.param == "sqlite":
        path = tmp_path / "service.db"
        shutil.copy(request.getfixturevalue("sqlite_template"), path)
        yield f"sqlite:///{path}"
        return
    server: str = request.getfixturevalue("postgres_template")
    name = f"t{secrets.token_hex(6)}"
    _administrate(server, f"CREATE DATABASE {name} TEMPLATE template_service")
    yield server.format(database=name)
    _administrate(server, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def launcher() -> Launcher:
    """What the service starts jobs with; rooms that start some override this fixture."""
    return NoLauncher()  # type: ignore[return-value]


@pytest.fixture
def settings_of(tmp_path: Path, database_url: str) -> Callable[..., Settings]:
    """Settings of a service in a temporary home; keyword arguments override."""

    def make(**changes: Any) -> Settings:
        values = {"home": tmp_path / "home", "database_url": database_url, "port": free_port(), **changes}
        settings = Settings(**values)
        settings.places.secrets.mkdir(parents=True, exist_ok=True)
        for path in (settings.internal_token, settings.hub_token):
            if not path.exists():
                path.write_text(secrets.token_hex(32))
        return settings

    return make


@pytest.fixture
def no_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody looks after jobs: one that is a row only, and has a token, is not found missing."""
    monkeypatch.setattr("trainyard_service.jobs.engine.JobEngine.reconcile", lambda self, news=None: None)


@pytest.fixture
def start_service(settings_of: Callable[..., Settings], launcher: Launcher) -> Iterator[Callable[..., Service]]:
    """Start a service with changed settings (or parts); all are stopped at the end of the test."""
    running: list[tuple[uvicorn.Server, threading.Thread, Service]] = []

    def start(parts: tuple[Any, ...] = PARTS, hub: MemoryDirectory | None = None, **changes: Any) -> Service:
        listener = socket.create_server(("127.0.0.1", 0))
        settings, hub = settings_of(port=listener.getsockname()[1], **changes), hub or MemoryDirectory()
        context = create_context(settings, hub=hub, launcher=launcher)
        config = uvicorn.Config(create_app(context, parts), log_config=None, access_log=False, timeout_graceful_shutdown=1)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
        thread.start()
        while not server.started:
            assert thread.is_alive(), "the service did not start"
            thread.join(0.005)
        service = Service(context, f"http://127.0.0.1:{settings.port}", hub)
        running.append((server, thread, service))
        return service

    yield start
    for server, thread, service in running:
        service.close()
        server.should_exit = True
        thread.join(120)
        service.context.database.close()


@pytest.fixture
def service(start_service: Callable[..., Service]) -> Service:
    """A running service with default settings."""
    return start_service()
