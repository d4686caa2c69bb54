"""What every workspace spawner of ours does alike: the form, the service's admission, the steps a start tells, the environment.

Nothing starts without the service's answer, which is written in its ledger before it is given. Where a workspace then runs is
the business of the spawners built on this one: ``workspace`` (a sandbox of this machine), ``kubernetes.spawner`` (a pod).
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

import httpx
from jupyterhub.utils import url_path_join
from tornado.web import HTTPError
from trainyard.errors import UserError
from trainyard.words import translate
from traitlets import Float, Unicode, default

from trainyard_spawner.sandbox import IMAGE
from trainyard_spawner.service_calls import ServiceCalls
from trainyard_spawner.workspace_form import chosen, form

if TYPE_CHECKING:
    from jupyterhub.spawner import Spawner as Base
else:
    # the Hub's Spawner wants start, stop and poll of whoever is built on it: those are the other base's
    from traitlets.config import LoggingConfigurable as Base

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


class AdmittedSpawner(Base):  # type: ignore[misc]
    """One workspace per person, admitted by the service; to be named before a Spawner of the Hub among the bases."""

    service_url = Unicode(help="The service's address without ``/api/v1``, not by the proxy.").tag(config=True)
    service_token = Unicode(help="The internal token of Hub and service.").tag(config=True)
    graceful_seconds = Float(10, help="Seconds between the request to stop and the end.").tag(config=True)

    key = ""
    language = "en"
    lab_files: list[str] = []

    @default("env_keep")
    def _default_env_keep(self) -> list[str]:
        return []  # nothing of the Hub's environment goes in

    @default("options_form")
    def _default_options_form(self) -> Any:
        return AdmittedSpawner.show_form

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

    # -- what a start tells -----------------------------------------------------------------------------------------

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

    def _begin_telling(self) -> None:
        self._steps: list[tuple[int, str]] = []
        self._step = asyncio.Event()

    def _tell(self, percentage: int, words: str) -> None:
        self._steps.append((percentage, words))
        self._step.set()
        self._step = asyncio.Event()

    # -- what a restarted Hub must know -----------------------------------------------------------------------------

    def get_state(self) -> dict[str, Any]:
        """The launch's key beside what the spawner's own kind keeps."""
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

    @property
    def _prefix(self) -> str:
        """How the keys of all this person's launches begin."""
        return f"workspace-{self.user.name.removeprefix('u')}-"

    async def _grant(self) -> dict[str, Any]:
        """What the service grants, from now on this spawner's launch."""
        grant = await self._service.launch(self.user.name, self.user_options, partial(self._tell, 10))
        self.key = grant["key"]
        self.language = grant.get("language", "en")
        return grant

    async def _give_back(self, key: str) -> None:
        """What the launch ``key`` held is free; the reconciler sees that by itself, should the service be away now."""
        with suppress(HTTPError):
            await self._service.ended(self.user.name, key)

    def _environment_at(self, address: str, grant: dict[str, Any], platform_port: int) -> dict[str, str]:
        """The server's environment; it serves at ``address`` inside."""
        here = f"http://127.0.0.1:{platform_port}"
        api = url_path_join(here, self.hub.base_url, "api")
        own = {
            "JUPYTERHUB_SERVICE_URL": f"http://{address}{self.server.base_url}",
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

    def _explain(self, error: BaseException) -> None:
        """Let the Hub show our errors to the person in their language."""
        if isinstance(error, UserError):
            words = " ".join(part for part in (error.text(self.language), error.hint_text(self.language)) if part)
            error.jupyterhub_message = words  # type: ignore[attr-defined]

    async def _until_it_answers(self, url: str) -> bool:
        """Whether the server answers, or its launch ends before it does.

        The Hub's own wait grows to seconds between its tries; a page that is ready should not wait for that.
        """
        async with httpx.AsyncClient(timeout=2, trust_env=False) as client:
            while await self.poll() is None:
                with suppress(httpx.TransportError):
                    if (await client.get(url)).status_code < 500:
                        return True
                await asyncio.sleep(READY_SECONDS)
        return False
