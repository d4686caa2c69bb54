"""Where mounts lie below the state folder, and which launches use them. Standard library only.

``mounts/<owner>/<bucket>`` is the mount. In ``mounts/.state``, ``<owner>.lock`` is locked while it is served by the process
``<owner>.pid``, the time of ``<owner>.wanted`` is when it was last asked for, ``<owner>.log`` is what its process said, and
``drafts`` holds files being written.
"""

from __future__ import annotations

import json
import time
from contextlib import suppress
from pathlib import Path

from trainyard_spawner.locks import Lock

# from the wish to the supervisor that uses it; the launch's image may have to be looked at first
WANTED_SECONDS = 120.0


class Places:
    """Paths of one home's mounts."""

    def __init__(self, root: Path) -> None:
        self.root = root / "mounts"
        self.state = self.root / ".state"
        self.drafts = self.state / "drafts"
        self.guard = self.state / "guard"
        self._launches = root / "launches"

    def make(self) -> None:
        """Make the folders."""
        for folder in (self.root, self.state, self.drafts):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def owner(self, owner: int) -> Path:
        """The folder that sandboxes get to see: it holds the mount and nothing else."""
        return self.root / str(owner)

    def lock(self, owner: int) -> Path:
        """Locked while the owner's mount is served."""
        return self.state / f"{owner}.lock"

    def pid(self, owner: int) -> Path:
        """Who serves it, as long as the lock is held."""
        return self.state / f"{owner}.pid"

    def wanted(self, owner: int) -> Path:
        """Touched whenever a launch is about to use the mount."""
        return self.state / f"{owner}.wanted"

    def log(self, owner: int) -> Path:
        """What the process that serves the mount had to say."""
        return self.state / f"{owner}.log"

    def owners(self) -> list[int]:
        """Everybody who has, or had, a mount."""
        if not self.root.is_dir():
            return []
        return sorted(int(folder.name) for folder in self.root.iterdir() if folder.name.isdecimal())

    def is_served(self, owner: int) -> bool:
        """Whether a process serves the owner's mount."""
        return Lock.is_held(self.lock(owner))

    def used(self) -> set[int]:
        """Owners whose mount a living launch has."""
        watch = self._launches / ".watch"
        if not self.state.is_dir() or not watch.is_dir():
            return set()
        living = [path.name for path in watch.iterdir() if Lock.is_held(path)]
        return {owner for key in living for owner in self._mounted_by(key)}

    def is_wanted(self, owner: int) -> bool:
        """Whether a launch uses the mount or is about to."""
        with suppress(OSError):
            if time.time() - self.wanted(owner).stat().st_mtime < WANTED_SECONDS:
                return True
        return owner in self.used()

    def _mounted_by(self, key: str) -> list[int]:
        with suppress(OSError, ValueError, LookupError, TypeError):
            spec = json.loads((self._launches / key / "spec.json").read_bytes())
            sources = [Path(mount["source"]) for mount in spec["mounts"]]
            return [int(source.name) for source in sources if source.parent == self.root]
        return []
