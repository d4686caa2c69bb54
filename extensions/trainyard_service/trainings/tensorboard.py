"""A TensorBoard on one training's run, in a sandbox of its own as the training's owner; ended when nobody looks any more."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote

import httpx
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from trainyard.errors import Conflict, TooMany, Unavailable
from trainyard.home import Home
from trainyard.jobs.launch import LaunchSpec, LaunchState, Mount, Resources
from trainyard.records.monitoring import TENSORBOARD_SECONDS
from trainyard.words import N_

from trainyard_service import images
from trainyard_service.context import Context
from trainyard_service.database.tables.trainings import TrainingRow
from trainyard_service.jobs.kinds import identity_of
from trainyard_service.jobs.settings import JobSettings
from trainyard_service.trainings.places import RUN

PREFIX = "tensorboard-"
MOST = 8
PORT = 6006
_TOLD = frozenset(
    {
        *("content-type", "content-disposition", "content-range", "accept-ranges", "content-security-policy"),
        *("cache-control", "etag", "expires", "last-modified", "vary", "x-content-type-options"),
    }
)
_PASSED = ("accept", "content-type", "if-none-match", "range")
_ANSWER_SECONDS = 15
"""So long its first answer may take: on a busy node it starts slowly, and each connection is a program in its pod."""
_MOST_CONNECTIONS = 12


@dataclass
class TensorBoards:
    """Starts, proxies and ends TensorBoards. Which ones run is asked of the launcher; their last use is the time of a file,
    so that several services know it.
    """

    context: Context
    settings: JobSettings
    _clients: dict[str, httpx.AsyncClient] = field(default_factory=lambda: defaultdict(_client))

    def start(self, rows: Sequence[TrainingRow], prefix: str) -> str:
        """Make sure a TensorBoard runs on the training, or on several together; its key.

        Raises:
            TooMany: the limit is reached.
        """
        key = key_of([row.id for row in rows])
        self._use(key)
        state = self.context.launcher.state(key)
        if state is not None and state.phase == "ended":
            self.context.launcher.forget(key)
        elif state is not None:
            return key
        if sum(one.phase != "ended" for one in self._all()) >= MOST:
            raise TooMany(
                "too-many-tensorboards",
                N_("{limit} TensorBoards run already."),
                hint=N_("They end {minutes} minutes after their last use; try again then."),
                limit=MOST,
                minutes=round(self.settings.tensorboard_idle / 60),
            )
        self.context.launcher.start(self._spec(rows, key, prefix))
        return key

    def _spec(self, rows: Sequence[TrainingRow], key: str, prefix: str) -> LaunchSpec:
        # a port by number of the training: where the network is shared with the host, two must not meet
        port = PORT + int(key.removeprefix(PREFIX)[:3], 16)
        groups = tuple(dict.fromkeys(row.group.gid for row in rows))
        home = self.context.home
        program = ("python", "-m", "tensorboard.main", "--logdir", str(RUN), "--reload_interval", "5", "--host", "127.0.0.1")
        return LaunchSpec(
            key=key,
            image=images.reference(images.find(self.context.home, self.settings.tools_image)),
            argv=(*program, "--port", str(port), "--path_prefix", prefix),
            environment={"HOME": "/tmp", "LANG": "C.UTF-8", "PATH": "/opt/image/bin:/usr/bin:/bin"},  # noqa: S108
            working_directory=RUN,
            mounts=_mounts(rows, home),
            resources=Resources(cpu=1, memory=self.settings.tensorboard_memory, uncounted=True),
            identity=identity_of(rows[0].job).model_copy(update={"groups": groups}),
            internet=False,
            listen_port=port,
            grace=5,
        )

    async def until_ready(self, key: str, prefix: str) -> None:
        """Wait until it answers.

        Raises:
            Unavailable: it ended, or did not answer in time.
        """
        deadline, state = time.monotonic() + TENSORBOARD_SECONDS, None
        while (rest := deadline - time.monotonic()) > 0:
            state = await asyncio.to_thread(self.context.launcher.state, key)
            if state is None or state.phase == "ended":
                break
            if state.address:
                with contextlib.suppress(httpx.TransportError):
                    await self._clients[key].get(f"http://{state.address}{prefix}/", timeout=min(_ANSWER_SECONDS, rest))
                    return
            await asyncio.sleep(0.1)
        if state is not None and state.phase != "ended":
            raise Unavailable(
                "tensorboard-starting",
                N_("TensorBoard has not started yet. {why}"),
                hint=N_("Open it again in a moment."),
                why=state.message,
            )
        raise Unavailable(
            "tensorboard-failed",
            N_("TensorBoard did not start."),
            hint=N_("Try again; if it happens again, tell an administrator."),
        )

    async def proxy(self, key: str, request: Request) -> Response:
        """Pass one request on; the answer streams through. Credentials stay here.

        Raises:
            Unavailable: it does not run (any more).
        """
        state = await asyncio.to_thread(self.context.launcher.state, key)
        if state is None or state.phase != "running" or not state.address:
            raise Unavailable(
                "tensorboard-ended", N_("This TensorBoard has ended."), hint=N_("Open it again from the training's page.")
            )
        self._use(key)
        query = f"?{request.url.query}" if request.url.query else ""
        headers = {name: request.headers[name] for name in _PASSED if name in request.headers}
        body = await request.body()
        client = self._clients[key]  # from here on nobody else's turn comes, who could close it, until it sends
        forwarded = client.build_request(
            request.method, f"http://{state.address}{request.url.path}{query}", headers=headers, content=body
        )
        try:
            answer = await client.send(forwarded, stream=True)
        except httpx.TransportError as error:
            reason = type(error).__name__
            raise Unavailable("tensorboard-away", N_("TensorBoard does not answer: {reason}."), reason=reason) from None
        kept = headers_told(answer.headers, request.url.path.partition("/tensorboard/")[0] + "/tensorboard/")
        return StreamingResponse(_body(answer), answer.status_code, kept)

    async def cull(self) -> None:
        """End those nobody has used for a while, until cancelled."""
        while True:
            await asyncio.sleep(min(60.0, self.settings.tensorboard_idle / 2))
            for state in await asyncio.to_thread(self._all):
                if state.phase == "ended":
                    self._mark(state.key).unlink(missing_ok=True)
                    if (client := self._clients.pop(state.key, None)) is not None:
                        await client.aclose()
                    with contextlib.suppress(Conflict):  # somebody has just started it again
                        await asyncio.to_thread(self.context.launcher.forget, state.key)
                elif self._idle(state.key) > self.settings.tensorboard_idle:
                    await asyncio.to_thread(self.context.launcher.stop, state.key)

    def stop(self, training_id: str) -> None:
        """The training is gone."""
        self.context.launcher.stop(f"{PREFIX}{training_id}")

    def _mark(self, key: str) -> Path:
        folder = self.context.home.service / "tensorboards"
        folder.mkdir(exist_ok=True)
        return folder / key

    def _use(self, key: str) -> None:
        self._mark(key).touch()

    def _idle(self, key: str) -> float:
        """Seconds since its last use; from now on where that is not known."""
        try:
            return time.time() - self._mark(key).stat().st_mtime
        except FileNotFoundError:
            self._use(key)
            return 0

    def _all(self) -> list[LaunchState]:
        return [state for state in self.context.launcher.states() if state.key.startswith(PREFIX)]


def key_of(trainings: Sequence[str]) -> str:
    """The key of the TensorBoard on these trainings; of several by what they are called together, in any order."""
    if len(trainings) == 1:
        return f"{PREFIX}{trainings[0]}"
    return PREFIX + hashlib.sha256(",".join(sorted(trainings)).encode()).hexdigest()[:24]


def _mounts(rows: Sequence[TrainingRow], home: Home) -> tuple[Mount, ...]:
    """The run folder of one training, or those of several by their names, told apart where names are the same."""
    if len(rows) == 1:
        return (Mount(source=home.run(rows[0].id), target=RUN),)
    names = [row.name for row in rows]
    shown = [name if names.count(name) == 1 else f"{name} {row.id[:6]}" for name, row in zip(names, rows, strict=True)]
    return tuple(Mount(source=home.run(row.id), target=RUN / name) for name, row in zip(shown, rows, strict=True))


def headers_told(headers: Mapping[str, str], below: str) -> dict[str, str]:
    """What a browser is told: enough for TensorBoard, nothing that reaches beyond ``below``.

    It runs as the training's owner, reads what the owner wrote, and answers under our origin: a ``Service-Worker-Allowed``
    of its own would take over everybody's pages, and a redirection leads past what a content policy allows.
    """
    told = {name: value for name, value in headers.items() if name.lower() in _TOLD}
    address = headers.get("location", "")
    # a browser reads %2e as a dot, and a tab not at all
    climbs = ".." in unquote(address).replace("\t", "")
    return {**told, "location": address} if address.startswith(below) and not climbs else told


def _client() -> httpx.AsyncClient:
    """One for each TensorBoard: who looks at one waits for it alone."""
    limits = httpx.Limits(max_connections=_MOST_CONNECTIONS)
    return httpx.AsyncClient(timeout=httpx.Timeout(60, connect=5), limits=limits, trust_env=False)


async def _body(answer: httpx.Response) -> AsyncIterator[bytes]:
    try:
        async for block in answer.aiter_bytes():
            yield block
    finally:
        await answer.aclose()
