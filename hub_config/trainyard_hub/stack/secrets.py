"""The stack's secrets: made once, files of mode 0600 in a folder of mode 0700, never in a log or an argument list."""

from __future__ import annotations

import fcntl
import json
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from trainyard.home import Home

# letters and digits that cannot be taken for one another when typed from a screen
READABLE = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"
TOKENS = ("service-hub-token", "internal-token", "pages-hub-token", "proxy-password", "hub-cookie")


def make_secrets(home: Home) -> None:
    """Make every secret that is not there yet."""
    private_folder(home.secrets)
    for name in TOKENS:
        read_or_make(home.secrets / name, lambda: secrets.token_hex(32))
    read_or_make(home.secrets / "administrator-password", readable_password)
    read_or_make(home.secrets / "s3.json", store_identities)


def readable_password(groups: int = 4, length: int = 5) -> str:
    """A password of about 116 bits that a person can type."""
    return "-".join("".join(secrets.choice(READABLE) for _ in range(length)) for _ in range(groups))


def store_identities() -> str:
    """SeaweedFS' ``s3.json`` with one administrator, the service."""
    credentials = {"accessKey": secrets.token_hex(10), "secretKey": secrets.token_urlsafe(32)}
    actions = ["Admin", "Read", "Write", "List", "Tagging"]
    return json.dumps({"identities": [{"name": "admin", "credentials": [credentials], "actions": actions}]}, indent=1)


def read_or_make(path: Path, make: Callable[[], str]) -> str:
    """The secret in ``path``; made when missing or empty, in a way that two starts at once agree on one."""
    if not _has_content(path):
        with _alone_in(path.parent):
            if not _has_content(path):
                write_private(path, make())
    return path.read_text().strip()


def _has_content(path: Path) -> bool:
    try:
        return path.stat().st_size > 0
    except FileNotFoundError:
        return False


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Held by one process, or thread, a folder at a time."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def write_private(path: Path, text: str) -> None:
    """Write ``text`` to ``path`` by rename; nobody but the owner can read it at any moment."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    draft.replace(path)


def private_folder(path: Path) -> Path:
    """``path`` as a folder of mode 0700."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.chmod(0o700)
    return path
