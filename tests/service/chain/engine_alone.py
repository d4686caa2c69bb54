"""The reconciler in a process of its own, to be killed: ``python engine_alone.py HOME DATABASE_URL``.

It says ``ready``, and ``acting`` when it holds the lease.
"""

import asyncio
import logging
import sys
from importlib import import_module
from pathlib import Path

from trainyard_service.app import create_context
from trainyard_service.jobs.part import install
from trainyard_service.memory_directory import MemoryDirectory
from trainyard_service.neighbours import neighbours_part
from trainyard_service.settings import Settings


async def main() -> None:
    settings = Settings(home=Path(sys.argv[1]), database_url=sys.argv[2])
    launcher = import_module("trainyard_spawner.sandbox_launcher").SandboxLauncher(settings.places)
    context = create_context(settings, hub=MemoryDirectory(), launcher=launcher)
    print("ready", flush=True)
    async with neighbours_part(context):
        await install(context).run()


class Told(logging.Handler):
    """The engine logs that it acts."""

    def emit(self, record: logging.LogRecord) -> None:
        if "acts" in record.getMessage():
            print("acting", flush=True)


logging.getLogger("trainyard_service.jobs").setLevel(logging.INFO)
logging.getLogger("trainyard_service.jobs").addHandler(Told())
asyncio.run(main())
