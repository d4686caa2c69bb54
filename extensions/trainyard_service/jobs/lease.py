"""Of several services on one database one acts: it holds the lease, and the system frees that at its death, however it died.

On PostgreSQL an advisory lock of a connection of its own, beside SQLite an ``flock(2)`` on ``<database>-acting``. The lease
spares double work; it is not what keeps a job from starting twice: rows and the launcher's keys do, also in the moment in
which a service has lost its connection and does not know it yet.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import logging
import os
import threading
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import psycopg

from trainyard_service.database.engine import Database

log = logging.getLogger(__name__)
_LOCK = 0x747261696E  # "train", among the advisory locks of this database
_AGAIN_SECONDS = 1.0
Lost = asyncio.Event


def lease(database: Database) -> AbstractAsyncContextManager[Lost]:
    """Wait until the lease is ours, then hold it; the event is set when it was lost while we held it."""
    if database.conninfo is not None:
        return _advisory_lock(database.conninfo)
    return _file_lock(database.file) if database.file is not None else _alone()


@asynccontextmanager
async def _alone() -> AsyncIterator[Lost]:
    yield Lost()


@asynccontextmanager
async def _advisory_lock(conninfo: str) -> AsyncIterator[Lost]:
    connection = await _locked_connection(conninfo)
    lost = Lost()
    watching = asyncio.create_task(_watch(connection, lost))
    try:
        yield lost
    finally:
        watching.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await watching
        await connection.close()


async def _locked_connection(conninfo: str) -> psycopg.AsyncConnection[tuple[object, ...]]:
    while True:
        try:
            connection = await psycopg.AsyncConnection.connect(conninfo, autocommit=True)
            try:
                await connection.execute("SELECT pg_advisory_lock(%s)", (_LOCK,))
            except BaseException:
                await connection.close()
                raise
            return connection
        except psycopg.OperationalError as error:
            log.warning("no lease of the database: %s", type(error).__name__)
            await asyncio.sleep(_AGAIN_SECONDS)


async def _watch(connection: psycopg.AsyncConnection[tuple[object, ...]], lost: Lost) -> None:
    """Nobody notifies this connection; it only ever says that it broke."""
    try:
        async for _ in connection.notifies():
            pass
    except psycopg.OperationalError:
        log.warning("the lease of the database was lost")
    lost.set()


@asynccontextmanager
async def _file_lock(database: Path) -> AsyncIterator[Lost]:
    waiting = _Waiting(database.with_name(f"{database.name}-acting"))
    try:
        await waiting.taken
        yield Lost()
    finally:
        waiting.give_up()


class _Waiting:
    """A thread that waits for the lock, as waiting for ``flock`` cannot be cancelled; it may outlive our interest."""

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._loop = asyncio.get_running_loop()
        self.taken: asyncio.Future[None] = self._loop.create_future()
        self._guard = threading.Lock()
        self._wanted = True
        self._held = False
        threading.Thread(target=self._wait, daemon=True, name="lease").start()

    def _wait(self) -> None:
        fcntl.flock(self._descriptor, fcntl.LOCK_EX)
        with self._guard:
            self._held = True
            if not self._wanted:
                os.close(self._descriptor)
                return
            self._loop.call_soon_threadsafe(self._tell)

    def _tell(self) -> None:
        if not self.taken.done():
            self.taken.set_result(None)

    def give_up(self) -> None:
        """Free the lock now, or as soon as it would be ours."""
        with self._guard:
            self._wanted = False
            if self._held:
                os.close(self._descriptor)
