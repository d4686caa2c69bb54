"""The stack as a table: each process, how it is started, where it says that it is well, and how long it may take to stop."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path

from trainyard_hub.settings import Settings
from trainyard_hub.stack import proxy, store

PROGRAMS = Path(sys.executable).parent


@dataclass(frozen=True)
class Process:
    """One process under the manager. ``health`` answers 200 when it is ready; ``stop_seconds`` until SIGKILL; ``settings`` are
    the classes (dotted names) its environment is read by.

    Lower ``priority`` starts first and stops last. A process with ``once`` ends by itself and is not started again.
    """

    name: str
    command: list[str]
    directory: Path
    priority: int
    health: str = ""
    environment: dict[str, str] = field(default_factory=dict)
    stop_seconds: int = 10
    once: bool = False
    settings: tuple[str, ...] = ()


def stack(settings: Settings) -> list[Process]:
    """Every process of the stack, in the order of their start."""
    home, python = settings.home, sys.executable
    return [
        Process(
            "store",
            store.command(settings, PROGRAMS),
            store.security_folder(settings),
            priority=10,
            health=f"{settings.store_url}/healthz",
            environment=store.environment(),
            # it takes 16 s to end by itself and is made to survive being killed
            stop_seconds=2,
        ),
        Process("proxy", proxy.command(settings, PROGRAMS), home.proxy, priority=10, health=""),
        Process(
            "service",
            [python, "-m", "trainyard_service", "serve"],
            home.service,
            priority=20,
            health=f"{settings.service_url}/api/v1/health",
            environment=service_environment(settings),
            settings=(
                "trainyard_service.settings:Settings",
                "trainyard_service.jobs.settings:JobSettings",
                "trainyard_service.disk.settings:DiskSettings",
            ),
        ),
        Process(
            "hub",
            [python, "-m", "trainyard_hub.hub_main", "-f", str(hub_configuration())],
            home.hub,
            priority=30,
            health=f"{settings.hub_url}/hub/health",
        ),
        Process(
            "pages",
            [python, "-m", "trainyard_pages"],
            home.root / "stack",
            priority=40,
            health=f"{settings.pages_url}/services/pages/health",
            environment=pages_environment(settings),
            settings=("trainyard_pages.settings:Settings",),
        ),
        Process(
            "preparation",
            [python, "-m", "trainyard_hub.stack.preparation"],
            home.root / "stack",
            priority=50,
            once=True,
        ),
    ]


def hub_configuration() -> Path:
    """Where ``jupyterhub_config.py`` lies."""
    return Path(__file__).resolve().parents[1] / "jupyterhub_config.py"


def service_environment(settings: Settings) -> dict[str, str]:
    """What the service must know of the others, as the stack's own settings say."""
    return {
        "TRAINYARD_SERVICE_PORT": str(settings.inner("service_port")),
        "TRAINYARD_SERVICE_PUBLIC_URL": settings.address,
        "TRAINYARD_SERVICE_HUB_API_URL": settings.hub_api_url,
        "TRAINYARD_SERVICE_STORE_URL": settings.store_url,
    }


def pages_environment(settings: Settings) -> dict[str, str]:
    """What the pages service must know of the others."""
    return {
        "TRAINYARD_PAGES_PORT": str(settings.inner("pages_port")),
        "TRAINYARD_PAGES_HUB_API_URL": settings.hub_api_url,
        "TRAINYARD_PAGES_SERVICE_URL": settings.service_url,
    }
