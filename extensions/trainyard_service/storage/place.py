"""Where a bucket is and with which keys: what a row, or a form that is not bound yet, means; and who may be reached."""

from __future__ import annotations

import json
import socket
from dataclasses import dataclass
from urllib.parse import urlparse

from trainyard.errors import Invalid, Unavailable
from trainyard.outward import is_public
from trainyard.outward.hosts import AllowedHosts
from trainyard.records.storage import NewStorage
from trainyard.words import N_

from trainyard_service.database.tables.storage import StorageRow
from trainyard_service.settings import Settings
from trainyard_service.storage.keyring import Keyring

_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True)
class Place:
    """One bucket with the keys to it. Never leaves the service, never logged.

    ``inward``: it may lie on this machine or in its network, because it is our own or the administrator allows that.
    """

    endpoint: str
    bucket: str
    region: str
    access_key: str
    secret_key: str
    embedded: bool
    inward: bool = False

    @property
    def direct(self) -> bool:
        """Whether no proxy of the environment lies between: our own store is on this machine."""
        return self.embedded

    def __repr__(self) -> str:
        return f"Place({self.endpoint!r}, {self.bucket!r})"


def embedded_place(settings: Settings, bucket: str) -> Place:
    """A bucket of the platform's own store, with the administrator's key: for making buckets and their own keys.

    Raises:
        Unavailable: this platform has no store of its own.
    """
    try:
        identities = json.loads(settings.store_keys.read_text(encoding="utf-8"))["identities"]
        keys = next(one for one in identities if one["name"] == "admin")["credentials"][0]
    except (OSError, ValueError, LookupError, StopIteration) as error:
        raise Unavailable(
            "no-own-store",
            N_("This platform has no store of its own."),
            hint=N_("Bind a bucket of another store, with its address and keys."),
        ) from error
    return Place(settings.store_url, bucket, "us-east-1", keys["accessKey"], keys["secretKey"], embedded=True, inward=True)


def place_of(settings: Settings, row: StorageRow, hosts: AllowedHosts) -> Place:
    """The place a row stands for. Its address is checked again: a name may lead elsewhere than when it was bound."""
    if not row.embedded:
        must_be_reachable(settings, hosts, row.endpoint)
    elif not row.access_key:
        # bound before buckets had keys of their own, until it is given some at the service's start
        return embedded_place(settings, row.bucket)
    keyring = Keyring(settings.storage_key)
    keys = keyring.open(row.access_key), keyring.open(row.secret_key)
    # the own store's port may have changed since
    endpoint = settings.store_url if row.embedded else row.endpoint
    inward = row.embedded or may_be_inside(settings, hosts, row.endpoint)
    return Place(endpoint, row.bucket, row.region, *keys, embedded=row.embedded, inward=inward)


def new_place(settings: Settings, hosts: AllowedHosts, new: NewStorage, owner: int) -> Place:
    """The place a form means; without an address it is the platform's own store.

    Raises:
        Invalid: an address that may not be reached, missing keys, or somebody else's bucket of the own store.
    """
    if not new.endpoint or new.endpoint.rstrip("/") == settings.store_url.rstrip("/"):
        must_be_ones_own(new.bucket, owner)
        return embedded_place(settings, new.bucket)
    must_be_reachable(settings, hosts, new.endpoint)
    for field, value in (("access_key", new.access_key), ("secret_key", new.secret_key)):
        if not value.strip():
            raise Invalid("key-missing", N_("A storage space with an address of its own needs both keys."), field=field)
    keys = new.access_key.strip(), new.secret_key.strip()
    endpoint, inward = new.endpoint.rstrip("/"), may_be_inside(settings, hosts, new.endpoint)
    return Place(endpoint, new.bucket, new.region, *keys, embedded=False, inward=inward)


def own_prefix(owner: int) -> str:
    """What the names of a person's buckets in the own store begin with: ids are never given twice."""
    return f"u{owner}-"


def must_be_ones_own(bucket: str, owner: int) -> None:
    """Raises:
    Invalid: the bucket's name does not begin with the person's number.
    """
    if not bucket.startswith(own_prefix(owner)):
        raise Invalid(
            "bucket-name",
            N_("In the platform's own store your bucket's name begins with {prefix}; {bucket} does not."),
            field="bucket",
            prefix=own_prefix(owner),
            bucket=bucket,
        )


def may_be_inside(settings: Settings, hosts: AllowedHosts, endpoint: str) -> bool:
    """Whether an administrator lets a store with this address lie in the private network."""
    parsed = urlparse(endpoint)
    return settings.private_storage or hosts.names(parsed.hostname or "", parsed.port or _PORTS.get(parsed.scheme, 0))


def must_be_reachable(settings: Settings, hosts: AllowedHosts, endpoint: str) -> None:
    """Refuse addresses that lead into this machine or its network: the service must not be anybody's way in.

    Raises:
        Invalid: not an http(s) address, unknown, or private while the administrator has not allowed that.
    """
    parsed = urlparse(endpoint)
    if parsed.scheme not in _PORTS or not parsed.hostname or parsed.username or parsed.query or not _has_port(endpoint):
        raise Invalid(
            "endpoint", N_("{endpoint} is not an address such as https://s3.example.org."), field="endpoint", endpoint=endpoint
        )
    if may_be_inside(settings, hosts, endpoint):
        return
    try:
        found = socket.getaddrinfo(parsed.hostname, parsed.port or _PORTS[parsed.scheme], type=socket.SOCK_STREAM)
    except (OSError, ValueError, UnicodeError) as error:
        sentence = N_("The name {host} is not known.")
        raise Invalid("endpoint-unknown", sentence, field="endpoint", host=parsed.hostname) from error
    for *_, address in found:
        if not is_public(str(address[0])):
            raise Invalid(
                "endpoint-private",
                N_("{host} is an address of this machine or a private network, which may not be bound."),
                hint=N_("An administrator can allow the host: `trainyard admin allowed-hosts`."),
                field="endpoint",
                host=parsed.hostname,
            )


def _has_port(endpoint: str) -> bool:
    """Whether its port is none or a number that a port can have."""
    try:
        return urlparse(endpoint).port != 0
    except ValueError:
        return False
