"""Real web servers for tests: one that hands out pictures, and what servers do wrong. Each answers by its path."""

from __future__ import annotations

import gzip
import threading
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from typing import Any
from urllib.parse import parse_qs, urlsplit

from PIL import Image


def picture(colour: str = "red", kind: str = "PNG", size: tuple[int, int] = (8, 6)) -> bytes:
    buffer = BytesIO()
    Image.new("RGB", size, colour).save(buffer, kind)
    return buffer.getvalue()


PNG = picture()
BOMB = gzip.compress(PNG + b"\0" * 50_000_000)


@dataclass
class WebServer:
    """A running server; ``asked`` are the paths in their order, ``most_at_once`` how many were answered at the same time."""

    port: int
    asked: list[str] = field(default_factory=list)
    failing: dict[str, int] = field(default_factory=dict)
    most_at_once: int = 0
    now: int = 0
    released: threading.Event = field(default_factory=threading.Event)

    def url(self, path: str, host: str = "127.0.0.1") -> str:
        return f"http://{host}:{self.port}{path}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    lock = threading.Lock()

    def log_message(self, *_: Any) -> None:
        pass

    def do_GET(self) -> None:
        server: WebServer = self.server.told  # type: ignore[attr-defined]
        with self.lock:
            server.asked.append(self.path)
            server.now += 1
            server.most_at_once = max(server.most_at_once, server.now)
        try:
            with suppress(BrokenPipeError, ConnectionResetError):
                parts = urlsplit(self.path)
                getattr(self, f"on_{parts.path.strip('/').split('/')[0]}", self.on_missing)(parse_qs(parts.query))
        finally:
            with self.lock:
                server.now -= 1

    def send(self, data: bytes, status: int = 200, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content_Length": str(len(data)), "Content_Type": "image/png", **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(data)

    def on_missing(self, _: Any) -> None:
        self.send(b"nothing here", 404)

    def on_pictures(self, _: Any) -> None:
        """Another picture at every path."""
        number = zlib.crc32(self.path.encode())
        self.send(picture(f"#{number & 0xFFFFFF:06x}"))

    def on_slowly(self, _: Any) -> None:
        time.sleep(0.05)
        self.send(PNG)

    def on_status(self, query: Any) -> None:
        self.send(b"no", int(query["is"][0]), **({"Retry_After": query["after"][0]} if "after" in query else {}))

    def on_flaky(self, query: Any) -> None:
        """So many refusals at each path, then the picture."""
        server: WebServer = self.server.told  # type: ignore[attr-defined]
        left = server.failing.setdefault(self.path, int(query["times"][0]))
        server.failing[self.path] = left - 1
        if left > 0:
            self.send(b"later", 503, Retry_After=query.get("after", ["0"])[0])
        else:
            self.send(PNG)

    def on_to(self, query: Any) -> None:
        self.send(b"", 302, Location=query["url"][0])

    def on_round(self, _: Any) -> None:
        self.send(b"", 302, Location=f"{self.path}/x")

    def on_page(self, _: Any) -> None:
        self.send(b"<!doctype html><title>please sign in</title>" * 9, Content_Type="text/html")

    def on_lying(self, _: Any) -> None:
        self.send(b"<!doctype html><title>I am a picture</title>" * 9, Content_Type="image/jpeg")

    def on_plain(self, _: Any) -> None:
        self.send(PNG, Content_Type="text/plain")

    def on_endless(self, _: Any) -> None:
        self.send_response(200)
        self.end_headers()
        self.close_connection = True
        self.wfile.write(PNG)
        while True:
            self.wfile.write(b"\0" * 65536)

    def on_announced(self, query: Any) -> None:
        self.send_response(200)
        self.send_header("Content-Length", query["bytes"][0])
        self.end_headers()
        self.close_connection = True
        self.wfile.write(PNG)

    def on_bomb(self, _: Any) -> None:
        self.send(BOMB, Content_Encoding="gzip")

    def on_packed(self, _: Any) -> None:
        self.send(gzip.compress(PNG), Content_Encoding="gzip")

    def on_brotli(self, _: Any) -> None:
        self.send(PNG, Content_Encoding="br")

    def on_empty(self, _: Any) -> None:
        self.send(b"")

    def on_stalls(self, _: Any) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "1000")
        self.end_headers()
        self.wfile.write(PNG[:20])
        self.wfile.flush()
        self.server.told.released.wait(30)  # type: ignore[attr-defined]
        self.close_connection = True

    def on_silent(self, _: Any) -> None:
        self.server.told.released.wait(30)  # type: ignore[attr-defined]
        self.close_connection = True

    def on_drips(self, _: Any) -> None:
        """A byte now and then: never silent, never done."""
        self.send_response(200)
        self.send_header("Content-Length", "100000")
        self.end_headers()
        self.close_connection = True
        self.wfile.write(PNG)
        while not self.server.told.released.wait(0.05):  # type: ignore[attr-defined]
            self.wfile.write(b"\0")
            self.wfile.flush()

    def on_dripping_head(self, _: Any) -> None:
        self.close_connection = True
        self.wfile.write(b"HTTP/1.1 200 OK\r\n")
        while not self.server.told.released.wait(0.05):  # type: ignore[attr-defined]
            self.wfile.write(b"X-A: b\r\n")
            self.wfile.flush()

    def on_auth(self, _: Any) -> None:
        told = self.headers.get("Authorization", "") + self.headers.get("Cookie", "")
        self.send(PNG if not told else b"somebody's secret", Set_Cookie="a=b")


@contextmanager
def web_server(host: str = "127.0.0.1") -> Iterator[WebServer]:
    """It runs as long as the block does."""
    httpd = ThreadingHTTPServer((host, 0), _Handler)
    httpd.daemon_threads = True
    server = httpd.told = WebServer(httpd.server_address[1])  # type: ignore[attr-defined]
    thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.released.set()
        httpd.shutdown()
        httpd.server_close()
