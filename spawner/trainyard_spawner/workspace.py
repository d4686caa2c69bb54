"""The Hub's spawner on one machine: JupyterLab in a sandbox, adopted again after the Hub was killed.

The launch belongs to its supervisor, so the Hub keeps no more than the launch's key.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from jupyterhub.spawner import Spawner
from jupyterhub.utils import random_port, url_path_join
from trainyard.home import Home
from trainyard.jobs.launch import LaunchSpec, LaunchState
from trainyard.words import N_
from traitlets import Instance, default

from trainyard_spawner import lab_assets
from trainyard_spawner.admitted import OPTIONS, QUICK, STOCK, AdmittedSpawner
from trainyard_spawner.early_end import ended_early
from trainyard_spawner.images import environment_of
from trainyard_spawner.sandbox import HOME
from trainyard_spawner.sandbox_launcher import SandboxLauncher


class WorkspaceSpawner(AdmittedSpawner, Spawner):  # type: ignore[misc]
    """One workspace per person, in the local sandbox."""

    launcher = Instance(SandboxLauncher, help="What starts the process tree.")

    @default("launcher")
    def _default_launcher(self) -> SandboxLauncher:
        return shared_launcher()

    # -- life -------------------------------------------------------------------------------------------------------

    async def start(self) -> tuple[str, int]:
        """Ask, launch, and wait until the server inside answers; returns where."""
        self._begin_telling()
        self._tell(5, N_("Asking for resources"))
        await self._end_forgotten()
        grant = await self._grant()
        try:
            return await self._launch(self._specification(grant))
        except BaseException as error:
            self._explain(error)
            await self.stop(now=True)
            raise

    async def stop(self, now: bool = False) -> None:
        """Ask the server to end, wait for it, and give back what it held."""
        if not self.key:
            return
        changes = self.launcher.changes()
        await asyncio.to_thread(self.launcher.stop, self.key, grace=1 if now else self.graceful_seconds)
        await self._until(changes, lambda state: state is None or state.phase == "ended")
        await self._give_back(self.key)
        self.launcher.forget(self.key)

    async def poll(self) -> int | None:
        """None while it runs, else its exit code."""
        state = self.launcher.state(self.key) if self.key else None
        if state is None:
            return 0
        if state.phase != "ended":
            return None
        return state.exit_code if state.exit_code is not None else 128 + (state.signal or 0)

    # -- parts ------------------------------------------------------------------------------------------------------

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
            "environment": self._environment_at(f"127.0.0.1:{port}", grant, platform_port),
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

    async def _launch(self, spec: LaunchSpec) -> tuple[str, int]:
        self._tell(20, N_("Preparing the sandbox"))
        changes = self.launcher.changes()
        await _to_its_end(asyncio.to_thread(self.launcher.start, spec))
        state = await self._until(changes, lambda state: state is None or state.phase != "starting")
        if state is None or state.phase != "running" or state.address is None:
            raise ended_early(self.launcher.home, self.key, state)
        self._tell(40, N_("Starting JupyterLab"))
        if not await self._until_it_answers(f"http://{state.address}{self.server.base_url}api"):
            raise ended_early(self.launcher.home, self.key, self.launcher.state(self.key) if self.key else None)
        self._tell(95, N_("Opening the page"))
        host, _, port = state.address.rpartition(":")
        return host, int(port)

    async def _end_forgotten(self) -> None:
        """End what a Hub started for this person and was killed before it wrote that down: nobody can reach it any more."""
        for state in await asyncio.to_thread(self.launcher.states):
            if state.key.startswith(self._prefix) and state.phase != "ended":
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
