"""Runs the pages service until it is asked to stop: ``python -m trainyard_pages``."""

from __future__ import annotations

import asyncio
import logging
import signal

from trainyard.deferred import defer_iri_grammar, imported

from trainyard_pages import logs
from trainyard_pages.settings import Settings


async def run(settings: Settings) -> None:
    """Start, wait for SIGTERM or SIGINT, stop."""
    # before whatever reads notebooks
    defer_iri_grammar()
    service = imported("trainyard_pages.app").Service(settings)
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    await service.start()
    logging.getLogger("trainyard_pages").info("listening", extra={"port": service.port, "prefix": settings.prefix})
    await ended.wait()
    await service.stop()


def main() -> None:
    """Read the settings and run."""
    settings = Settings()
    logs.set_up(settings.log_level)
    asyncio.run(run(settings))


if __name__ == "__main__":
    main()
