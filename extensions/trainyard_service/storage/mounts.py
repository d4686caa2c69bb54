"""Bound buckets as files in workspaces and trainings: who has one mounted, mounted again when its process was lost.

The mounter is reached by a dotted name, as the launcher is. A bucket that cannot be mounted keeps nobody from working: the
reason is in the log and on the storage page.
"""

from __future__ import annotations

import logging
import time
from importlib import import_module

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session
from trainyard.errors import UserError
from trainyard.jobs.buckets import BucketMounter, BucketSpec
from trainyard.jobs.launch import Identity, Mount
from trainyard.records.storage import Storage

from trainyard_service.context import Context
from trainyard_service.database.rows import ask
from trainyard_service.database.tables.accounts import AccountRow
from trainyard_service.database.tables.storage import StorageRow
from trainyard_service.preferences import hosts_of
from trainyard_service.storage.place import place_of

log = logging.getLogger(__name__)
_PART = "bucket_mounts"
INSIDE = "/workspace/mnt/bucket"
_FIRST_PAUSE, _LAST_PAUSE = 2.0, 300.0
_BOUND = select(StorageRow.account_id).where(StorageRow.account_id == bindparam("account"))


class Mounts:
    """The mounts of this machine's people."""

    def __init__(self, context: Context) -> None:
        self._context = context
        module, _, name = context.settings.bucket_mounter.partition(":")
        self.mounter: BucketMounter | None = getattr(import_module(module), name)(context.home) if name else None
        self._mended: dict[int, tuple[float, float]] = {}

    def for_launch(self, account_id: int, asking: Session | None = None) -> tuple[Mount, ...]:
        """What a launch of this person mounts beside everything else; nothing when there is no bucket or no way to mount it.

        ``asking``: a session that can tell whether there is a bucket at all; without one it is asked anew.
        """
        try:
            if asking is not None and ask(asking, _BOUND, account=account_id).first() is None:
                return ()
            spec = None if self.mounter is None else self._spec(account_id)
            return () if self.mounter is None or spec is None else self.mounter.mount(spec)
        except UserError as error:
            log.warning("the bucket of account %s is not mounted: %s", account_id, error)
        except Exception:
            log.exception("the bucket of account %s is not mounted", account_id)
        return ()

    def tell(self, storage: Storage, account_id: int, language: str) -> Storage:
        """``storage`` with where its files are seen, or why they are not."""
        problem = None if self.mounter is None else self.mounter.problem(storage.endpoint, storage.bucket)
        if self.mounter is None or problem is not None:
            words = "" if problem is None else f"{problem.text(language)} {problem.hint_text(language)}".strip()
            return storage.model_copy(update={"mount_problem": words})
        mounted = self.mounter.is_mounted(account_id)
        return storage.model_copy(update={"mounted": mounted, "path": f"{INSIDE}/{storage.bucket}"})

    def mend(self) -> None:
        """Mount again what running launches use and nobody serves any more."""
        if self.mounter is None:
            return
        for account_id in self.mounter.lost():
            due, pause = self._mended.get(account_id, (0.0, _FIRST_PAUSE))
            if time.monotonic() < due:
                continue
            log.warning("the mount of account %s was lost; mounting it again", account_id)
            # one that dies at once again and again shall not keep the machine busy
            pause = _FIRST_PAUSE if time.monotonic() - due > _LAST_PAUSE else min(pause * 2, _LAST_PAUSE)
            self._mended[account_id] = (time.monotonic() + pause, pause)
            self.for_launch(account_id)

    def tidy(self) -> None:
        """Remove what killed processes left."""
        if self.mounter is not None:
            self.mounter.tidy()

    def _spec(self, account_id: int) -> BucketSpec | None:
        with self._context.database.read() as session:
            row = session.get(StorageRow, account_id)
            if row is None:
                return None
            account = session.get_one(AccountRow, account_id)
            identity = Identity(name=account.hub_name, uid=account.uid, gid=account.uid)
        place = place_of(self._context.settings, row, hosts_of(self._context))
        return BucketSpec(
            owner=account_id,
            bucket=place.bucket,
            endpoint=place.endpoint,
            region=place.region,
            access_key=place.access_key,
            secret_key=place.secret_key,
            direct=place.direct,
            inward=place.inward,
            identity=identity,
        )


def mounts_of(context: Context) -> Mounts:
    """The mounts of a running service, made once."""
    made: Mounts = context.parts.setdefault(_PART, None) or Mounts(context)
    context.parts[_PART] = made
    return made
