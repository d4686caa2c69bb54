"""Reconciler and driver of searches in a process of their own, to be killed: ``python searches_alone.py HOME DATABASE_URL``."""

import asyncio
import sys
from importlib import import_module
from pathlib import Path

from trainyard_service.app import create_context
from trainyard_service.jobs.part import jobs_part
from trainyard_service.memory_directory import MemoryDirectory
from trainyard_service.neighbours import neighbours_part
from trainyard_service.searches.part import searches_part
from trainyard_service.settings import Settings


async def main() -> None:
    settings = Settings(home=Path(sys.argv[1]), database_url=sys.argv[2])
    launcher = import_module("trainyard_spawner.sandbox_launcher").SandboxLauncher(settings.places)
    context = create_context(settings, hub=MemoryDirectory(), launcher=launcher)
    async with neighbours_part(context), jobs_part(context), searches_part(context):
        print("ready", flush=True)
        await asyncio.Event().wait()


asyncio.run(main())
