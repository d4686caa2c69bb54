"""One page's kernel: its sandboxed process, its channels, the viewer it was given to, and the one widget it shows."""

from __future__ import annotations

import asyncio
import json
import os
import queue
import secrets
import shutil
import socket
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
from jupyter_client.asynchronous.client import AsyncKernelClient

from trainyard_pages import sandbox

CHANNEL = "TRAINYARD_PAGE_CHANNEL"
READY_WITHIN = 60.0
GONE = 4404  # the close code after which a page loads itself again


@dataclass(frozen=True)
class Place:
    """Where kernels live: a folder of sockets only we enter, the socket to the service, the kernels' user id; and whether
    each is enclosed by bubblewrap, or runs as we do, in a container of our own.
    """

    runtime: Path
    service: Path
    uid: int
    enclosed: bool = True

    @property
    def service_seen(self) -> str:
        """The socket to the service as a kernel sees it."""
        return sandbox.SERVICE_SOCKET if self.enclosed else str(self.service)

    def seen(self, folder: Path) -> str:
        """A kernel's own folder as it sees it."""
        return sandbox.KERNEL_FOLDER if self.enclosed else str(folder)

    def command(self, folder: Path) -> list[str]:
        """How the kernel of ``folder`` is started."""
        return sandbox.command(folder, self.service, self.uid) if self.enclosed else sandbox.bare_command(folder)


class PageKernel:
    """A kernel from its start, without identity, through its one viewer, to its end."""

    def __init__(self, place: Place) -> None:
        self.id = secrets.token_hex(16)
        self.viewer: str | None = None
        self.model: str | None = None
        self.shown: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.left: float | None = None
        self.page: Any = None
        self.channel: socket.socket | None = None
        self._place = place
        self._folder = place.runtime / self.id[:12]
        self._process: asyncio.subprocess.Process | None = None
        self.client = AsyncKernelClient()

    async def start(self) -> None:
        """Start the process and wait until it answers.

        Raises:
            RuntimeError: it ended or did not answer in time.
        """
        self._write_connection()
        ours, theirs = socket.socketpair()
        self.channel = ours
        with theirs:
            self._process = await asyncio.create_subprocess_exec(
                *self._place.command(self._folder),
                env={**sandbox.environment(), CHANNEL: str(theirs.fileno())},
                pass_fds=(theirs.fileno(),),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL,  # ipykernel greets there; our logs go to stderr
                start_new_session=True,
            )
        self.client.start_channels(stdin=False, hb=False)
        try:
            await asyncio.wait_for(self._answer(), READY_WITHIN)
        except (TimeoutError, RuntimeError) as problem:
            await self.stop()
            raise RuntimeError("a page kernel did not become ready") from problem

    def give(self, viewer: str, identity: dict[str, Any]) -> None:
        """Hand the viewer over, once; the kernel belongs to ``viewer`` from now on."""
        channel, self.channel = self.channel, None
        if channel is None or self.viewer is not None:
            raise RuntimeError("a page kernel is given away once")
        self.viewer = viewer
        with channel:
            channel.sendall(json.dumps(identity).encode() + b"\n")

    async def is_alive(self) -> bool:
        """Whether the process runs (asked by the notebook executor)."""
        return self._process is not None and self._process.returncode is None

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        return self._process is not None and self._process.returncode is None

    def memory(self) -> int:
        """Bytes resident in the process and its children."""
        if self._process is None:
            return 0
        try:
            root = psutil.Process(self._process.pid)
            return sum(_resident(process) for process in [root, *root.children(recursive=True)])
        except psutil.NoSuchProcess:
            return 0

    async def stop(self) -> None:
        """End the process and remove its folder; safe to call twice."""
        if self.channel is not None:
            self.channel.close()
            self.channel = None
        if self.page is not None:
            self.page.close(GONE, "the kernel ended")
        self.client.stop_channels()
        if self._process is not None and self._process.returncode is None:
            self._process.kill()  # bubblewrap takes its process namespace along
            await self._process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)

    def close_for_page(self) -> None:
        """The page's websocket is gone; from now on the kernel waits for a reload."""
        self.left = time.monotonic()

    def _write_connection(self) -> None:
        self._folder.mkdir(mode=0o700)
        ports = {f"{name}_port": number for number, name in enumerate(("shell", "iopub", "stdin", "hb", "control"), 1)}
        common: dict[str, Any] = {"transport": "ipc", "signature_scheme": "hmac-sha256", "kernel_name": "", **ports}
        key = secrets.token_hex(32)
        file = self._folder / "connection.json"
        file.touch(mode=0o600)
        file.write_text(json.dumps({**common, "key": key, "ip": f"{self._place.seen(self._folder)}/k"}))
        if os.geteuid() == 0:
            for path in (self._folder, file):
                os.chown(path, self._place.uid, self._place.uid)
        info: Any = {**common, "key": key.encode(), "ip": str(self._folder / "k")}
        self.client.load_connection_info(info)

    async def _answer(self) -> None:
        """The kernel's first answer; what the first cell of any notebook costs is paid here too."""
        answered = False
        while not answered:
            self.client.kernel_info()
            try:
                answered = bool(await self.client.get_shell_msg(timeout=0.25))
            except queue.Empty:
                if not self.alive:
                    raise RuntimeError("the kernel ended at its start") from None
        warm = self.client.execute("None", silent=True, store_history=False)
        while (await self.client.get_shell_msg(timeout=READY_WITHIN))["parent_header"].get("msg_id") != warm:
            pass
        while await self.client.iopub_channel.msg_ready():
            await self.client.get_iopub_msg(timeout=1)


def _resident(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.NoSuchProcess:
        return 0
