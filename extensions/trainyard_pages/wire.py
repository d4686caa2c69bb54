"""The browser's websocket to its kernel: messages of the page's one widget pass, nothing else does."""

from __future__ import annotations

import asyncio
import json
import logging
import queue
from typing import Any
from urllib.parse import urlsplit

from tornado.web import HTTPError
from tornado.websocket import WebSocketClosedError, WebSocketHandler

from trainyard_pages.identity import Signed
from trainyard_pages.kernel import GONE, PageKernel

FAILED = 4500
METHODS = {"update", "custom"}
log = logging.getLogger(__name__)


class ChannelHandler(Signed, WebSocketHandler):
    """``<prefix>kernels/<id>``: opens for the kernel's viewer only, from our own pages only."""

    kernel: PageKernel | None = None
    relay: asyncio.Task[None] | None = None

    def check_origin(self, origin: str) -> bool:
        """The page and this socket have the same host."""
        return urlsplit(origin).netloc.lower() == self.request.headers.get("Host", "").lower()

    async def get(self, *arguments: Any, **named: Any) -> None:
        """Refuse before the upgrade whoever is not signed in or comes from another page."""
        self.require_viewer()
        if not self.request.headers.get("Origin"):
            raise HTTPError(403, "a page's socket is opened by a page")
        await super().get(*arguments, **named)

    async def open(self, number: str) -> None:
        """Join the browser with its kernel; another viewer's kernel looks like none."""
        kernel = self.settings["pool"].find(number, self.viewer)
        if kernel is None:
            self.close(GONE, "no such page")
            return
        try:
            await asyncio.wait_for(asyncio.shield(kernel.shown), 40)
        except (RuntimeError, TimeoutError):
            self.close(FAILED, "the page failed")
            return
        if self.ws_connection is None:  # the tab was closed meanwhile, and ``on_close`` knew of no kernel yet
            if kernel.page is None:
                kernel.close_for_page()
            return
        if kernel.page is not None:
            kernel.page.close(1000, "opened elsewhere")
        self.kernel, kernel.page, kernel.left = kernel, self, None
        self.relay = asyncio.ensure_future(self._relay(kernel))

    def on_message(self, message: str | bytes) -> None:
        """One widget message ``{"method", …}`` from the browser, for the page's widget and no other comm."""
        if self.kernel is None:
            return
        data = json.loads(message)
        if not isinstance(data, dict) or data.get("method") not in METHODS:
            self.close(1008, "not a widget message")
            return
        channel = self.kernel.client.shell_channel
        content = {"comm_id": self.kernel.model, "data": data}
        channel.send(self.kernel.client.session.msg("comm_msg", content))

    def on_close(self) -> None:
        """The page is gone; its kernel waits a little for a reload of the connection."""
        if self.relay is not None:
            self.relay.cancel()
        if self.kernel is not None and self.kernel.page is self:
            self.kernel.page = None
            self.kernel.close_for_page()

    async def _relay(self, kernel: PageKernel) -> None:
        try:
            while kernel.alive:
                try:
                    message = await kernel.client.get_iopub_msg(timeout=1)
                except queue.Empty:
                    continue
                await self._forward(kernel, message)
            self.close(GONE, "the kernel ended")
        except (WebSocketClosedError, asyncio.CancelledError):
            return

    async def _forward(self, kernel: PageKernel, message: dict[str, Any]) -> None:
        content = message["content"]
        if message["msg_type"] == "comm_msg" and content.get("comm_id") == kernel.model:
            data = content["data"]
            if data.get("method") in METHODS:
                await self.write_message(json.dumps(data))
        elif message["msg_type"] in {"stream", "error"}:
            log.warning("a page kernel wrote", extra={"kernel": kernel.id[:8], "text": str(content)[:2000]})
