"""One JSON object a line; addresses without their query, no tokens, no cookies."""

from __future__ import annotations

import logging
from typing import Any

from pythonjsonlogger.json import JsonFormatter
from tornado.web import RequestHandler

FIELDS = {"asctime": "at", "levelname": "level", "name": "logger"}
"""As in the service's log, so that both are searched in the same way."""
access = logging.getLogger("trainyard_pages.access")


def set_up(level: str) -> None:
    """Send everything to stderr as JSON."""
    handler = logging.StreamHandler()
    form = "%(asctime)s %(levelname)s %(name)s %(message)s"
    handler.setFormatter(JsonFormatter(form, rename_fields=FIELDS, json_ensure_ascii=False))
    logging.basicConfig(level=level, handlers=[handler], force=True)
    # said of every websocket, as browsers send no Sec-Fetch headers there over plain HTTP; our own check of Origin is stricter
    logging.getLogger("tornado.application").addFilter(lambda record: "Skipping XSRF check" not in record.getMessage())
    for noisy in ("alembic", "httpx", "httpcore", "asyncio", "traitlets"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


def request(handler: RequestHandler) -> None:
    """One answered request."""
    status = handler.get_status()
    level = logging.ERROR if status >= 500 and status != 503 else logging.INFO
    if handler.request.path.endswith("/health"):
        level = logging.DEBUG
    fields: dict[str, Any] = {
        "method": handler.request.method,
        "path": handler.request.path,
        "status": status,
        "milliseconds": round(handler.request.request_time() * 1000, 1),
        "viewer": getattr(handler, "viewer", ""),
    }
    access.log(level, "request", extra=fields)
