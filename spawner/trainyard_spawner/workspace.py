"""The Hub's spawner: JupyterLab in a sandbox, admitted by the service, adopted again after the Hub was killed.

Nothing starts without the service's answer, which is written in its ledger before it is given. The launch belongs to
its supervisor, so the Hub keeps no more than the launch's key.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
from jupyterhub.spawner import Spawner
from jupyterhub.utils import random_port, url_path_join
from tornado.web import HTTPError
from trainyard.errors import UserError
from trainyard.home import Home
from trainyard.jobs.launch import LaunchSpec, LaunchState
from trainyard.words import N_, translate
from traitlets import Float, Instance, Unicode, default

from trainyard_spawner import lab_assets
from trainyard_spawner.early_end import ended_early
from trainyard_spawner.images import environment_of
from trainyard_spawner.sandbox import HOME, IMAGE
from trainyard_spawner.sandbox_launcher import SandboxLauncher
from trainyard_spawner.service_calls import ServiceCalls
from trainyard_spawner.workspace_form import chosen, form

QUICK = ("python", "-P", "-m", "trainyard_server.start")
# what an image has that knows nothing of us, or was built before the quick one was written
STOCK = ("jupyterhub-singleuser",)
OPTIONS = (
    "--KernelManager.transport=ipc",
    "--ServerApp.terminals_enabled=True",
    # else it asks npm, where the machine has it, for places that are not in the sandbox
    f"--LanguageServerManager.node_roots={IMAGE}",
)
READY_SECONDS = 0.05


class WorkspaceSpawner(Spawner):  # type: ignore[misc]
    """One workspace per person, in the local sandbox."""

    service_url = Unicode(help="The service's address without ``/api/v1``, not by the proxy.").tag(config=True)
    service_token = Unicode(help="The internal token of Hub and service.").tag(config=True)
    graceful_seconds = Float(10, help="Seconds between the request to stop and the end.").tag(config=True)
    launcher = Instance(SandboxLauncher, help="What starts the process tree.")

    key = ""
    language = "en"
    lab_files: list[str] = []

    @default("launcher")
    def _default_launcher(self) -> SandboxLauncher:
        return shared_launcher()

    @default("env_keep")
    def _default_env_keep(self) -> list[str]:
        return []  # nothing of the Hub's environment goes in

    @default("options_form")
    def _default_options_form(self) -> Any:
        return WorkspaceSpawner.show_form

    @default("poll_interval")
    def _default_poll_interval(self) -> int:
        return 5

    # -- what may be chosen -----------------------------------------------------------------------------------------

    async def show_form(self) -> str:
        """The choices the service offers, as JSON that the Hub's spawn page draws."""
        return form(await self._service.options(self.user.name))

    def options_from_form(self, formdata: dict[str, list[str]]) -> dict[str, Any]:
        """What was chosen; the service checks it, here it only takes shape."""
        return chosen(formdata)

    # -- life -------------------------------------------------------------------------------------------------------

    async def start(self) -> tuple[str, int]:
        """Ask, launch, and wait until the server inside answers; returns where."""
        self._steps: list[tuple[int, str]] = []
        self._step = asyncio.Event()
        self._tell(5, N_("Asking for resources"))
        await self._end_forgotten()
        grant = await self._service.launch(self.user.name, self.user_options)
        self.key = grant["key"]
        self.language = grant.get("language", "en")
        try:
            return await self._launch(self._specification(grant))
        except BaseException as error:
            if isinstance(error, UserError):
                words = " ".join(part for part in (error.text(self.language), error.hint_text(self.language)) if part)
                error.jupyterhub_message = words  # type: ignore[attr-defined]
            await self.stop(now=True)
            raise

    async def stop(self, now: bool = False) -> None:
        """Ask the server to end, wait for it, and give back what it held."""
        if not self.key:
            return
        changes = self.launcher.changes()
        await asyncio.to_thread(self.launcher.stop, self.key, grace=1 if now else self.graceful_seconds)
        await self._until(changes, lambda state: state is None or state.phase == "ended")
        with suppress(HTTPError):
            # the service's reconciler sees the end by itself, should it be away right now
            await self._service.ended(self.user.name, self.key)
        self.launcher.forget(self.key)

    async def poll(self) -> int | None:
        """None while it runs, else its exit code."""
        state = self.launcher.state(self.key) if self.key else None
        if state is None:
            return 0
        if state.phase != "ended":
            return None
        return state.exit_code if state.exit_code is not None else 128 + (state.signal or 0)

    async def progress(self) -> AsyncIterator[dict[str, Any]]:
        """What is happening, in words, as it happens."""
        told = 0
        while True:
            steps = getattr(self, "_steps", [])
            for percentage, words in steps[told:]:
                yield {"progress": percentage, "message": translate(words, self.language)}
            told = len(steps)
            if not self._spawn_pending:
                return
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._step.wait(), 1)

    # -- what a restarted Hub must know -----------------------------------------------------------------------------

    def get_state(self) -> dict[str, Any]:
        """The launch's key, nothing more."""
        return {**super().get_state(), "key": self.key}

    def load_state(self, state: dict[str, Any]) -> None:
        """Find the launch again."""
        super().load_state(state)
        self.key = state.get("key", "")

    def clear_state(self) -> None:
        """Forget the launch."""
        super().clear_state()
        self.key = ""

    # -- parts ------------------------------------------------------------------------------------------------------

    @property
    def _service(self) -> ServiceCalls:
        return ServiceCalls(self.service_url, self.service_token)

    def _tell(self, percentage: int, words: str) -> None:
        self._steps.append((percentage, words))
        self._step.set()
        self._step = asyncio.Event()

    def _specification(self, grant: dict[str, Any]) -> LaunchSpec:
        """The service's grant, completed by what only the Hub knows."""
        known = {name: value for name, value in grant.items() if name in LaunchSpec.model_fields and value is not None}
        port = random_port()
        platform = urlsplit(self.launcher.home.address.read_text(encoding="utf-8").strip())
        platform_port = platform.port or 80
        extra = {
            "argv": self._arguments(environment_of(self.launcher.home, str(grant["image"]))),
            # servers read configuration where they start, and others write to a folder on the share
            "working_directory": HOME,
            "environment": self._environment(grant, port, platform_port),
            "listen_port": port,
            "platform_port": platform_port,
            "grace": self.graceful_seconds,
        }
        return LaunchSpec.model_validate({**known, **extra})

    def _arguments(self, environment: Path) -> tuple[str, ...]:
        """The server's command; JupyterLab's files come from the Hub, where the waiting browser fetches the first already."""
        quick = any(environment.glob("lib/python3*/site-packages/trainyard_server/start.py"))
        command = (*(QUICK if quick else STOCK), *OPTIONS)
        prefix = lab_assets.prefix(environment)
        if prefix is None:
            return command
        address = url_path_join(self.hub.base_url, "lab", prefix)
        self.lab_files = [f"{address}/{name}" for name in lab_assets.needed_first(environment)]
        return (*command, f"--LabApp.override_static_url={address}/")

    def _environment(self, grant: dict[str, Any], port: int, platform_port: int) -> dict[str, str]:
        here = f"http://127.0.0.1:{platform_port}"
        api = url_path_join(here, self.hub.base_url, "api")
        own = {
            "JUPYTERHUB_SERVICE_URL": f"http://127.0.0.1:{port}{self.server.base_url}",
            "JUPYTERHUB_API_URL": api,
            "JUPYTERHUB_ACTIVITY_URL": url_path_join(api, "users", self.user.name, "activity"),
            "JUPYTERHUB_ROOT_DIR": str(grant["working_directory"]),
            "JUPYTERHUB_DEFAULT_URL": "/lab",
            "TRAINYARD_URL": here,
            "TRAINYARD_GROUP": grant.get("group") or "",
            # a secret per start, for what runs inside and must not be asked by others
            "TRAINYARD_WORKSPACE_SECRET": secrets.token_urlsafe(24),
        }
        inherited = {name: str(value) for name, value in self.get_env().items() if value is not None}
        return {**inherited, **own, **grant.get("environment", {})}

    async def _launch(self, spec: LaunchSpec) -> tuple[str, int]:
        self._tell(20, N_("Preparing the sandbox"))
        changes = self.launcher.changes()
        await _to_its_end(asyncio.to_thread(self.launcher.start, spec))
        state = await self._until(changes, lambda state: state is None or state.phase != "starting")
        if state is None or state.phase != "running" or state.address is None:
            raise ended_early(self.launcher.home, self.key, state)
        self._tell(40, N_("Starting JupyterLab"))
        await self._until_it_answers(f"http://{state.address}{self.server.base_url}api")
        self._tell(95, N_("Opening the page"))
        host, _, port = state.address.rpartition(":")
        return host, int(port)

    async def _end_forgotten(self) -> None:
        """End what a Hub started for this person and was killed before it wrote that down: nobody can reach it any more."""
        prefix = f"workspace-{self.user.name.removeprefix('u')}-"
        for state in await asyncio.to_thread(self.launcher.states):
            if state.key.startswith(prefix) and state.phase != "ended":
                self.key = state.key
                await self.stop(now=True)

    async def _until(self, changes: AsyncIterator[str], reached: Any) -> LaunchState | None:
        """Wait for the launch to reach a state; woken by the kernel's file events."""
        try:
            while not reached(state := self.launcher.state(self.key)):
                await anext(changes)
            return state
        finally:
            with suppress(AttributeError):
                await changes.aclose()  # type: ignore[attr-defined]

    async def _until_it_answers(self, url: str) -> None:
        """The Hub's own wait grows to seconds between its tries; a page that is ready should not wait for that."""
        async with httpx.AsyncClient(timeout=2, trust_env=False) as client:
            while await self.poll() is None:
                with suppress(httpx.TransportError):
                    if (await client.get(url)).status_code < 500:
                        return
                await asyncio.sleep(READY_SECONDS)
        raise ended_early(self.launcher.home, self.key, self.launcher.state(self.key) if self.key else None)


async def _to_its_end(work: Coroutine[Any, Any, Any]) -> None:
    """A thread cannot be cancelled: who gives up waits for it nevertheless, since only what has started can be stopped."""
    task = asyncio.ensure_future(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise


_shared: list[SandboxLauncher] = []


def shared_launcher() -> SandboxLauncher:
    """One launcher for all spawners of this Hub."""
    if not _shared:
        _shared.append(SandboxLauncher(Home.from_environment()))
        _shared[0].remove_leftovers()
    return _shared[0]
