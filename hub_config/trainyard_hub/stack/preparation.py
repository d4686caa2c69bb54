"""What need not be ready before people may come in: the public datasets and further images, one after the other.

Run by the process manager. Each step may be killed and started again, and does nothing when its work is done; one that fails
(no network, no space) is tried again later, for ever.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trainyard_hub.settings import Settings

FIRST_PAUSE = 30.0
LONGEST_PAUSE = 900.0
LONGEST_WAIT = 120.0


def steps(settings: Settings) -> list[list[str]]:
    """The commands, in order."""
    python = sys.executable
    # the first image is built before the address is told, and renewed here when the code has changed since
    datasets = [[python, "-m", "trainyard_service.public_datasets"]] if settings.public_datasets else []
    images = [] if settings.on_cluster else [*settings.image_names, *_built_besides(settings)]
    return [*datasets, *([python, "-m", "trainyard_spawner.images", "build", name] for name in images)]


def _built_besides(settings: Settings) -> list[str]:
    """Images that somebody built by hand: they too are renewed when the code has changed since."""
    from trainyard_spawner.images import built, recipes

    return [one.name for one in recipes() if one.name not in settings.image_names and built(settings.home, one.name)]


def main() -> None:
    """Run every step until each has succeeded once."""
    # whoever waits for the address comes first, before our own imports too
    os.nice(10)
    from trainyard_hub.settings import Settings

    settings = Settings()
    wait_until_well(settings)
    left, pause = steps(settings), FIRST_PAUSE
    while left:
        left = [step for step in left if not _succeeds(step)]
        if left:
            time.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)


def wait_until_well(settings: Settings) -> None:
    """Wait until the platform answers, two minutes at most."""
    from trainyard_hub.stack.health import Health
    from trainyard_hub.stack.processes import stack

    deadline = time.monotonic() + LONGEST_WAIT
    with Health(settings) as health:
        while not all(map(health.is_well, stack(settings))) and time.monotonic() < deadline:
            time.sleep(0.5)


def _succeeds(step: list[str]) -> bool:
    print(" ".join(step[1:]), flush=True)
    status = subprocess.run(step, check=False).returncode
    print(f"ended with status {status}", flush=True)
    return status == 0


if __name__ == "__main__":
    main()
