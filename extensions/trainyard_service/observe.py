"""What an administrator watches: one log line and two measurements a request, and the headers every answer carries.

Log lines are JSON and hold the path without its query, never a header or a body: no token can get into them.
"""

from __future__ import annotations

import logging
import time
from logging.config import dictConfig

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

log = logging.getLogger("trainyard_service.access")

_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    # nothing below /user/, which has the same origin, may hold a window or a frame of ours
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
}
_QUIET = ("/health", "/metrics")


class Measurements:
    """The request counters of one service, and what its process takes."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)  # its memory, processor time and open files
        labels = ("method", "route", "status")
        self.requests = Counter("trainyard_requests", "Requests answered.", labels, registry=self.registry)
        self.seconds = Histogram("trainyard_request_seconds", "Time to the first byte.", labels[:2], registry=self.registry)


class Observer:
    """ASGI middleware: measures, logs and adds headers that an endpoint has not set itself."""

    def __init__(self, app: ASGIApp, measurements: Measurements) -> None:
        self._app = app
        self._measurements = measurements

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()

        async def observed(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
                self._observe(scope, message["status"], time.perf_counter() - began)
            await send(message)

        await self._app(scope, receive, observed)

    def _observe(self, scope: Scope, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", "(none)")
        method = scope["method"]
        self._measurements.requests.labels(method, route, status).inc()
        self._measurements.seconds.labels(method, route).observe(seconds)
        if not scope["path"].endswith(_QUIET):
            extra = {"method": method, "path": scope["path"], "status": status, "milliseconds": round(seconds * 1000, 1)}
            log.info("request", extra=extra)


def configure_logs(level: str) -> None:
    """JSON lines on standard error for everything; uvicorn's own access log (with queries) stays off."""
    dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {
                "json": {
                    "()": "pythonjsonlogger.json.JsonFormatter",
                    "format": "%(asctime)s %(levelname)s %(name)s %(message)s",
                    "rename_fields": {"asctime": "at", "levelname": "level", "name": "logger"},
                    "json_ensure_ascii": False,
                }
            },
            "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
            "root": {"level": level, "handlers": ["stderr"]},
            "loggers": {
                "uvicorn": {"level": "WARNING", "handlers": [], "propagate": True},
                "httpx": {"level": "WARNING"},
                "httpcore": {"level": "WARNING"},
                "botocore": {"level": "WARNING"},
                "watchfiles": {"level": "WARNING"},
            },
        }
    )
