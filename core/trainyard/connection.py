"""Which platform the command line and the client talk to, as whom: environment, then a person's own file, then this machine.

1. ``TRAINYARD_URL`` with ``TRAINYARD_TOKEN_FILE`` (preferred) or ``TRAINYARD_TOKEN``; in a workspace both are there already
2. ``~/.config/trainyard/login.json`` (mode 0600), written by ``trainyard login``
3. the state folder of a platform on this machine: its address and its administrator's token
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from platformdirs import user_config_path

from trainyard.errors import Invalid, NotAllowed, NotSignedIn, Unavailable
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
        NotSignedIn: none is known, or the file it should be in cannot be read.
        Unavailable: it is the one of this machine, which is stopped.
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


def forget() -> Path | None:
    """Remove what ``remember`` kept; its file, or None when there was none."""
    path = login_file()
    try:
        path.unlink()
    except FileNotFoundError:
        return None
    return path


def given(address: str, token: str) -> Connection:
    """What a person typed as a connection.

    Raises:
        Invalid: the address has no scheme, or the token is not one.
    """
    if not address.startswith(("http://", "https://")):
        hint = N_("Write it as in the browser, with http:// or https:// before it.")
        raise Invalid("no-address", N_("{address} is not an address."), hint=hint, field="address", address=address)
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        hint = N_("Make one on the account page, or with `trainyard tokens create NAME`.")
        raise Invalid("no-token", N_("This is not an access token."), hint=hint, field="token")
    return Connection(address.rstrip("/"), token)


def _token_of_workspace(url: str) -> str:
    """The token that the Hub gave this workspace, for the platform at ``url``; empty in a notebook of another Hub."""
    api = os.environ.get("JUPYTERHUB_API_URL", url)
    return os.environ.get("JUPYTERHUB_API_TOKEN", "") if urlsplit(api).netloc == urlsplit(url).netloc else ""


def _from_environment() -> Connection | None:
    url, file = os.environ.get("TRAINYARD_URL"), os.environ.get("TRAINYARD_TOKEN_FILE")
    if not url:
        return None
    token = _read(Path(file)) if file else os.environ.get("TRAINYARD_TOKEN") or _token_of_workspace(url)
    return given(url, token.strip()) if token else None


def _from_login() -> Connection | None:
    path = login_file()
    if os.environ.get("TRAINYARD_HOME") or not path.is_file():
        return None
    _must_be_private(path)
    try:
        content = json.loads(_read(path))
        return given(content["url"], content["token"])
    except (ValueError, KeyError, TypeError):
        raise NotSignedIn(
            "login-unreadable",
            N_("{file} does not hold a sign-in."),
            hint=N_("Run `trainyard login ADDRESS` again."),
            file=str(path),
        ) from None


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else type(error).__name__
        sentence = N_("The token cannot be read from {file}: {reason}.")
        raise NotSignedIn("token-unreadable", sentence, file=str(path), reason=reason) from None


def of_this_machine(home: Home) -> Connection | None:
    """The platform whose state lies in ``home``, as its administrator; None when it has never been started there.

    Raises:
        Unavailable: it is stopped. NotAllowed: the file with the token can be read by others.
    """
    if not home.administrator_token.is_file():
        return None
    if not home.address.is_file():
        raise Unavailable(
            "not-running",
            N_("The platform with its state in {home} is stopped."),
            hint=N_("Start it with `make run`."),
            home=str(home.root),
        )
    _must_be_private(home.administrator_token)
    return given(_read(home.address).strip(), _read(home.administrator_token).strip())


def _must_be_private(path: Path) -> None:
    if path.stat().st_mode & 0o077:
        raise NotAllowed(
            "token-readable",
            N_("{file} holds a token and can be read by others (mode {mode})."),
            hint=N_("Run `chmod 600 {file}`, and make a new token if others use this machine."),
            file=str(path),
            mode=f"{path.stat().st_mode & 0o777:o}",
        )
