"""Binding a storage space once, after a write, a read and a deletion in it were seen to work."""

from __future__ import annotations

import re
import secrets
import unicodedata

from sqlalchemy.orm import Session
from trainyard.errors import Conflict, NotFound, Unavailable
from trainyard.records.storage import NewStorage, Storage, StorageOffer
from trainyard.words import N_

from trainyard_service.context import Context
from trainyard_service.database.tables.storage import StorageRow
from trainyard_service.events import Audience, announce
from trainyard_service.identity import Caller
from trainyard_service.preferences import allowed_hosts, hosts_of
from trainyard_service.storage.bucket import Bucket
from trainyard_service.storage.identities import make_keys
from trainyard_service.storage.keyring import Keyring
from trainyard_service.storage.place import Place, new_place, own_prefix, place_of


def offer(context: Context, caller: Caller) -> StorageOffer:
    """The platform's own store and a bucket name that is the caller's alone."""
    latin = unicodedata.normalize("NFKD", caller.name).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9]+", "-", latin).strip("-")[:40].strip("-") or "data"
    return StorageOffer(endpoint=context.settings.store_url, bucket=f"{own_prefix(caller.id)}{slug}")


def bind(context: Context, caller: Caller, new: NewStorage) -> Storage:
    """Bind ``new`` for good.

    Raises:
        Conflict: something is bound already. Invalid, NotFound, NotAllowed, Unavailable: the place is not usable, and why.
    """
    with context.database.read() as session:
        must_be_unbound(session, caller.id)
    place = new_place(context.settings, hosts_of(context), new, caller.id)
    bucket = Bucket(place)
    if place.embedded:
        bucket.make()
        place = make_keys(place)
        bucket = Bucket(place)
    elif new.create:
        bucket.make()
    elif not bucket.exists():
        # some stores make a missing bucket at the first write; the owner did not ask for one
        hint = N_("Look at its name, or let it be made.")
        raise NotFound("no-such-bucket", N_("The store has no such bucket."), hint=hint, field="bucket")
    verify(bucket)
    with context.database.write() as session:
        must_be_unbound(session, caller.id)
        row = _row(context, caller, place)
        session.add(row)
        session.flush()
        announce(session, "storage", caller.id, Audience.of(caller.id, administrators=False))
        return view(row)


def verify(bucket: Bucket) -> None:
    """Write, read and delete one small object.

    Raises:
        UserError: the step that did not work, in the store's words.
    """
    key, data = f".trainyard-check-{secrets.token_hex(8)}", secrets.token_bytes(32)
    bucket.put(key, data)
    try:
        read = b"".join(bucket.get(key)[1])
    finally:
        bucket.delete(key)
    if read != data:
        raise Unavailable("store-untrue", N_("The store did not give back what was written to it."), field="bucket")


def _row(context: Context, caller: Caller, place: Place) -> StorageRow:
    keyring = Keyring(context.settings.storage_key)
    return StorageRow(
        account_id=caller.id,
        endpoint=place.endpoint,
        bucket=place.bucket,
        region=place.region,
        embedded=place.embedded,
        access_key=keyring.seal(place.access_key),
        secret_key=keyring.seal(place.secret_key),
    )


def must_be_unbound(session: Session, account_id: int) -> None:
    """Raises:
    Conflict: a storage space is bound; it cannot be changed.
    """
    row = session.get(StorageRow, account_id)
    if row is not None:
        raise Conflict(
            "storage-bound",
            N_("The bucket {bucket} is bound already; a bound storage space cannot be changed."),
            field="bucket",
            bucket=row.bucket,
        )


def find(session: Session, account_id: int) -> StorageRow:
    """The storage space somebody bound.

    Raises:
        NotFound: none is bound yet.
    """
    row = session.get(StorageRow, account_id)
    if row is None:
        hint = N_("Bind one on the storage page, or with `trainyard storage bind`.")
        raise NotFound("no-storage", N_("No storage space is bound yet."), hint=hint)
    return row


def bucket_of(context: Context, account_id: int) -> Bucket:
    """The bucket somebody bound, ready to use.

    Raises:
        NotFound: none is bound yet.
    """
    with context.database.read() as session:
        row, hosts = find(session, account_id), allowed_hosts(session)
    return Bucket(place_of(context.settings, row, hosts))


def view(row: StorageRow) -> Storage:
    """What the owner sees, but for the mount; keys never leave the service."""
    return Storage(
        endpoint=row.endpoint,
        bucket=row.bucket,
        region=row.region,
        embedded=row.embedded,
        bound=row.bound,
    )
