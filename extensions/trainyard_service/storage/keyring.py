"""Keys of bound storage, encrypted at rest with Fernet keys that lie in a file only the service reads.

The file holds one key a line, the newest first: the first encrypts, all decrypt. ``rotate`` puts a new key on top and encrypts
every row again; the old keys stay in the file until ``rotate`` was seen to succeed, then they go.
"""

from __future__ import annotations

import os
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from sqlalchemy import select
from trainyard.errors import Unavailable
from trainyard.words import N_

from trainyard_service.database.engine import Database
from trainyard_service.database.tables.storage import StorageRow


class Keyring:
    """Encrypts and decrypts; reads the file at each use, so that a rotation needs no restart."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def seal(self, secret: str) -> str:
        """``secret`` as a Fernet token."""
        return self._vault().encrypt(secret.encode()).decode()

    def open(self, sealed: str) -> str:
        """The secret in a Fernet token.

        Raises:
            Unavailable: no key of the file opens it (the file was lost or replaced).
        """
        try:
            return self._vault().decrypt(sealed.encode()).decode()
        except InvalidToken as error:
            raise Unavailable(
                "storage-key-lost",
                N_("The keys of this storage space cannot be decrypted: the platform's key file is another one."),
                hint=N_("Tell an administrator to restore secrets/storage-key from a backup."),
            ) from error

    def keys(self) -> list[bytes]:
        """The keys, the newest first; the first one is made when there is none."""
        try:
            return self._path.read_bytes().split()
        except FileNotFoundError:
            self._write([Fernet.generate_key()], first=True)
            return self._path.read_bytes().split()

    def add(self) -> None:
        """Put a new key on top."""
        self._write([Fernet.generate_key(), *self.keys()])

    def drop_old(self) -> None:
        """Keep only the newest key."""
        self._write(self.keys()[:1])

    def _vault(self) -> MultiFernet:
        return MultiFernet([Fernet(key) for key in self.keys()])

    def _write(self, keys: list[bytes], *, first: bool = False) -> None:
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = self._path.with_name(f"{self._path.name}.{os.getpid()}")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(b"\n".join(keys) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        try:
            # of two processes that start at once, one makes the first key
            os.link(draft, self._path) if first else draft.replace(self._path)
        except FileExistsError:
            pass
        finally:
            draft.unlink(missing_ok=True)


def rotate(database: Database, keyring: Keyring) -> int:
    """Encrypt every key of bound storage with a new key; the number of rows. Safe to repeat after a kill."""
    keyring.add()
    with database.write() as session:
        rows = session.scalars(select(StorageRow).where(StorageRow.access_key != "")).all()
        for row in rows:
            row.access_key, row.secret_key = (keyring.seal(keyring.open(sealed)) for sealed in (row.access_key, row.secret_key))
    keyring.drop_old()
    return len(rows)
