"""The deployment's secrets as a table: each is made once, on the cluster, and shown by nobody.

``render`` prints only that there is such a Secret; ``apply`` makes the keys that are missing and touches no other.
"""

from __future__ import annotations

import base64
import json
import secrets as dice
from collections.abc import Callable, Collection
from dataclasses import dataclass

from cryptography.fernet import Fernet

from trainyard_hub.kubernetes.configuration import Deployment
from trainyard_hub.kubernetes.parts import Object, metadata, named
from trainyard_hub.stack.secrets import TOKENS, readable_password, store_identities

# the same in a chart's language, where its tool throws the dice
_HEX = "randAlphaNum 64 | sha256sum"
_ACTIONS = json.dumps(["Admin", "Read", "Write", "List", "Tagging"])
_CREDENTIALS = '[{"accessKey": "%s", "secretKey": "%s"}]'
_IDENTITIES = f'{{"identities": [{{"name": "admin", "credentials": {_CREDENTIALS}, "actions": {_ACTIONS}}}]}}'


@dataclass(frozen=True)
class Kept:
    """One key of the Secret: how it is made here, and the expression by which a chart makes it."""

    key: str
    make: Callable[[], str]
    chart: str


def _token() -> str:
    return dice.token_hex(32)


def _storage_key() -> str:
    return Fernet.generate_key().decode()


HUB_CRYPT = Kept("hub-crypt-key", _token, _HEX)
STORAGE_KEY = Kept("storage-key", _storage_key, "randAlphaNum 32 | b64enc")
ADMINISTRATOR = Kept("administrator-password", readable_password, "randAlphaNum 20")
IDENTITIES = Kept("s3.json", store_identities, f"printf `{_IDENTITIES}` (randAlphaNum 20) (randAlphaNum 43)")
DATABASE = Kept("database-password", _token, _HEX)


def kept(deployment: Deployment) -> tuple[Kept, ...]:
    """Every key this deployment needs; what lies outside brings its own Secret."""
    own = [*(Kept(name, _token, _HEX) for name in TOKENS), HUB_CRYPT, STORAGE_KEY, ADMINISTRATOR]
    if deployment.store.url is None:
        own.append(IDENTITIES)
    if deployment.database.url is None:
        own.append(DATABASE)
    return tuple(own)


def name(deployment: Deployment) -> str:
    """What the Secret is called."""
    return named(deployment, "secrets")


def secret(deployment: Deployment, missing: Collection[str] | None = None) -> Object:
    """The Secret with freshly made values; ``missing`` names the keys that are not there yet (None: all)."""
    made = {one.key: one.make() for one in kept(deployment) if missing is None or one.key in missing}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": metadata(deployment, name(deployment), "platform"),
        "type": "Opaque",
        "data": {key: base64.b64encode(value.encode()).decode() for key, value in made.items()},
    }
