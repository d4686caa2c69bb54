"""Which platform the command line and the client talk to, as whom: environment, then a person's own file, then this machine.

1. ``TRAINYARD_URL`` with ``TRAINYARD_TOKEN_FILE`` (preferred) or ``TRAINYARD_TOKEN``
2. ``~/.config/trainyard/login.json`` (mode 0600), written by ``trainyard login``
3. the state folder of a platform on this machine: its address and its administrator's token
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

from platformdirs import user_config_path

from trainyard.errors import NotAllowed, NotSignedIn
from trainyard.home import Home
from trainyard.words import N_


@dataclass(frozen=True)
class Connection:
    """The platform's address and a token; the token is never shown."""

    url: str
    token: str

    def __repr__(self) -> str:
        return f"Connection(url={self.url!r})"


def login_file() -> Path:
    """Where ``trainyard login`` keeps address and token."""
    return user_config_path("trainyard") / "login.json"


def find() -> Connection:
    """The connection to use.

    Raises:
        NotSignedIn: none is known.
        NotAllowed: the file with the token can be read by others.
    """
    found = _from_environment() or _from_login() or of_this_machine(Home.from_environment())
    if found is None:
        raise NotSignedIn(
            "no-connection",
            N_("No platform is known to talk to."),
            hint=N_("Run `trainyard login ADDRESS`, or set TRAINYARD_URL and TRAINYARD_TOKEN_FILE."),
        )
    return found


def remember(connection: Connection) -> Path:
    """Keep ``connection`` for the next time, readable by its owner only."""
    path = login_file()
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    part = path.with_suffix(f".{os.getpid()}.part")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump({"url": connection.url, "token": connection.token}, file)
    part.replace(path)
    return path


def _from_environment() -> Connection | None:
    url, file = os.environ.get("TRAINYARD_URL"), os.environ.get("TRAINYARD_TOKEN_FILE")
    token = Path(file).read_text().strip() if file else os.environ.get("TRAINYARD_TOKEN", "")
    return Connection(url, token) if url and token else None


def _from_login() -> Connection | None:
    path = login_file()
    if os.environ.get("TRAINYARD_HOME") or not path.is_file():
        return None
    _must_be_private(path)
    content = json.loads(path.read_text())
    return Connection(content["url"], content["token"])


def of_this_machine(home: Home) -> Connection | None:
    """The platform whose state lies in ``home``, as its administrator; None when it has not been started there.

    Raises:
        NotAllowed: the file with the token can be read by others.
    """
    if not home.address.is_file() or not home.administrator_token.is_file():
        return None
    _must_be_private(home.administrator_token)
    return Connection(home.address.read_text().strip(), home.administrator_token.read_text().strip())


def _must_be_private(path: Path) -> None:
    if path.stat().st_mode & 0o077:
        raise NotAllowed(
            "token-readable",
            N_("{file} holds a token and can be read by others (mode {mode})."),
            hint=N_("Run `chmod 600 {file}`, and make a new token if others use this machine."),
            file=str(path),
            mode=f"{path.stat().st_mode & 0o777:o}",
        )
