"""The reconciler in a process of its own, to be killed: ``python engine_alone.py HOME DATABASE_URL``."""

import asyncio
import sys
from importlib import import_module
from pathlib import Path

from trainyard_service.app import create_context
from trainyard_service.jobs.part import install
from trainyard_service.memory_directory import MemoryDirectory
from trainyard_service.settings import Settings

settings = Settings(home=Path(sys.argv[1]), database_url=sys.argv[2])
launcher = import_module("trainyard_spawner.sandbox_launcher").SandboxLauncher(settings.places)
context = create_context(settings, hub=MemoryDirectory(), launcher=launcher)
print("ready", flush=True)
asyncio.run(install(context).run())
