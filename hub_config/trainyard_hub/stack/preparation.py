"""What need not be ready before people may come in: further images and the public datasets, one after the other.

Run by the process manager; it ends when everything is there, and is started again when it fails.
"""

from __future__ import annotations

import subprocess
import sys

from trainyard_hub.settings import Settings


def steps(settings: Settings) -> list[list[str]]:
    """The commands, in order: each may be killed and started again, and does nothing when its work is done."""
    python = sys.executable
    datasets = [[python, "-m", "trainyard_service.public_datasets"]] if settings.public_datasets else []
    return [*datasets, *([python, "-m", "trainyard_spawner.images", "build", name] for name in settings.image_names[1:])]


def main() -> int:
    """Run every step; the exit status says whether one failed, so that the manager tries again later."""
    failed = 0
    for step in steps(Settings()):
        print(" ".join(step[1:]), flush=True)
        failed += subprocess.run(step, check=False).returncode != 0
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
