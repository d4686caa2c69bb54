"""A small S3 server that misbehaves: what it does follows from the key that is asked for."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

_ERROR = '<?xml version="1.0"?><Error><Code>{code}</Code><Message>{code}</Message></Error>'
_ENTRY = "<Contents><Key>{key}</Key><Size>{size}</Size><LastModified>2026-01-01T00:00:00.000Z</LastModified></Contents>"
_CODES = {403: "AccessDenied", 404: "NoSuchKey", 500: "InternalError", 503: "SlowDown"}


@dataclass
class BadStore:
    """``objects`` by key; ``trouble`` by key: a status, ``"stalls"``, ``"breaks"`` or ``"silent"``; ``left``: how often."""

    port: int
    objects: dict[str, bytes] = field(default_factory=dict)
    trouble: dict[str, int | str] = field(default_factory=dict)
    left: dict[str, int] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)
    released: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: Any) -> None:
        pass

    @property
    def store(self) -> BadStore:
        told: BadStore = self.server.told  # type: ignore[attr-defined]
        return told

    @property
    def key(self) -> str:
        return unquote(urlsplit(self.path).path).strip("/").partition("/")[2]

    def do_GET(self) -> None:
        with suppress(BrokenPipeError, ConnectionResetError):
            self._answer()

    do_HEAD = do_GET

    def do_DELETE(self) -> None:
        self.store.asked.append(("DELETE", self.key))
        self.store.objects.pop(self.key, None)
        self._send(204, b"")

    def do_PUT(self) -> None:
        data = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.store.asked.append(("PUT", self.key))
        trouble = self._trouble()
        if isinstance(trouble, int):
            self._refuse(trouble)
            return
        self.store.objects[self.key] = data
        self._send(200, b"", ETag='"x"')

    def _trouble(self) -> int | str | None:
        found = self.store.trouble.get(self.key)
        if found is not None and self.key in self.store.left:
            self.store.left[self.key] -= 1
            if self.store.left[self.key] < 0:
                return None
        return found

    def _list(self) -> None:
        prefix = parse_qs(urlsplit(self.path).query).get("prefix", [""])[0]
        found = sorted(key for key in self.store.objects if key.startswith(prefix))
        entries = "".join(_ENTRY.format(key=key, size=len(self.store.objects[key])) for key in found)
        self._send(200, f"<ListBucketResult>{entries}</ListBucketResult>".encode(), Content_Type="application/xml")

    def _answer(self) -> None:
        if not self.key:
            self._list()
            return
        self.store.asked.append((self.command, self.key))
        trouble = self._trouble()
        if isinstance(trouble, int):
            self._refuse(trouble)
        elif trouble == "silent":
            self.store.released.wait(30)
            self.close_connection = True
        elif self.key not in self.store.objects:
            self._refuse(404)
        elif trouble in ("stalls", "breaks") and self.command == "GET":
            self._begin(self.store.objects[self.key], stall=trouble == "stalls")
        else:
            self._send_range(self.store.objects[self.key])

    def _send_range(self, data: bytes) -> None:
        asked = self.headers.get("Range", "").removeprefix("bytes=")
        if asked and self.command == "GET":
            first, _, last = asked.partition("-")
            part = data[int(first) : int(last or len(data)) + 1]
            self._send(206, part, Content_Range=f"bytes {first}-{int(first) + len(part) - 1}/{len(data)}")
        else:
            self._send(200, data)

    def _begin(self, data: bytes, *, stall: bool) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data[: len(data) // 2])
        self.wfile.flush()
        self.close_connection = True
        if stall:
            self.store.released.wait(30)
        else:
            time.sleep(0.01)

    def _refuse(self, status: int) -> None:
        self._send(status, _ERROR.format(code=_CODES[status]).encode(), Content_Type="application/xml")

    def _send(self, status: int, data: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(data)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)


@contextmanager
def bad_store() -> Iterator[BadStore]:
    """It runs as long as the block does."""
    httpd = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    httpd.daemon_threads = True
    store = httpd.told = BadStore(httpd.server_address[1])  # type: ignore[attr-defined]
    thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield store
    finally:
        store.released.set()
        httpd.shutdown()
        httpd.server_close()
