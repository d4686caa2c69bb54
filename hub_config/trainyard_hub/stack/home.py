"""The state folder: made once, remembers whether root made it, and belongs to one running stack at a time."""

from __future__ import annotations

import fcntl
import json
import os
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import IO, Any

from trainyard.errors import Conflict, NotAllowed
from trainyard.home import Home
from trainyard.words import N_

from trainyard_hub.stack.secrets import private_folder, write_private

# below these everything belongs to one process; the others are entered by sandboxes of other uids
PRIVATE = ("secrets", "logs", "service", "hub", "proxy", "store", "stack")
SHARED = ("images", "launches", "volume")


def prepare_home(home: Home) -> None:
    """Make the folders of ``home``.

    Raises:
        Conflict: root made it and an ordinary user wants it, or the other way round (``home-made-by-other``).
        NotAllowed: it cannot be made or entered by us (``home-closed``).
    """
    try:
        home.root.mkdir(parents=True, exist_ok=True)
        _describe(home)
    except PermissionError as error:
        raise NotAllowed(
            "home-closed",
            N_("The state folder {home} cannot be used by user id {own}: no right to {path}."),
            hint=N_("Start as the user it belongs to, or choose another folder: TRAINYARD_HOME=… make run"),
            home=str(home.root),
            own=os.geteuid(),
            path=str(error.filename),
        ) from error
    # others may pass through to what is theirs, and list nothing
    home.root.chmod(0o711 if os.geteuid() == 0 else 0o700)
    for name in PRIVATE:
        private_folder(home.root / name)
    for name in SHARED:
        (home.root / name).mkdir(mode=0o711, exist_ok=True)


def stack_folder(home: Home) -> Path:
    """Configuration and state of the process manager."""
    return home.root / "stack"


def _describe(home: Home) -> None:
    mine = {"made_by": "root" if os.geteuid() == 0 else "user", "uid": os.geteuid()}
    made = _maker(home)
    if made is not None:
        if made["uid"] == mine["uid"]:
            return
        raise Conflict(
            "home-made-by-other",
            N_("{home} was made by {maker} (user id {uid}); you are user id {own}."),
            hint=N_("Start as that user, or choose another folder: TRAINYARD_HOME=… make run"),
            home=str(home.root),
            maker=made["made_by"],
            uid=made["uid"],
            own=mine["uid"],
        )
    now = datetime.now(UTC).isoformat(timespec="seconds")
    write_private(home.description, json.dumps(mine | {"made_at": now, "version": version("trainyard")}, indent=1))


def _maker(home: Home) -> dict[str, Any] | None:
    """Who made the folder, by its description; by its owner where we may not even read that."""
    try:
        made: dict[str, Any] = json.loads(home.description.read_text())
    except FileNotFoundError:
        return None
    except PermissionError:
        owner = home.root.stat().st_uid
        return {"made_by": "user" if owner else "root", "uid": owner}
    return made


class HomeLock:
    """Held by the one foreground process of a home; its file tells the process id to who comes second."""

    def __init__(self, home: Home) -> None:
        self._path = stack_folder(home) / "run.lock"
        self._file: IO[str] | None = None

    def acquire(self) -> bool:
        """Take the lock; False when another process holds it."""
        file = self._path.open("a+")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            return False
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        self._file = file
        return True

    def holder(self) -> int | None:
        """The process id of who holds the lock, or None when nobody does."""
        if self.acquire():
            self.release()
            return None
        text = self._path.read_text().strip()
        return int(text) if text else None

    def release(self) -> None:
        """Give the lock back; ending the process does so too."""
        if self._file is not None:
            self._file.close()
            self._file = None
