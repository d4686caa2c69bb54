"""Every bucket of the embedded store has keys of its own, which open that bucket and nothing else.

The store speaks AWS' IAM on the port of S3; an identity made there holds at once and over restarts. Only the service has the
administrator's key, and uses it to make buckets and identities; whatever reads and writes, the process behind a mount included,
has the bucket's own. With an account its identities go: what is to be removed is read from the rows whenever it is looked for,
so that a store that was away, or a service that was killed, only delays it.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import lru_cache
from typing import Any

import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from sqlalchemy import select
from sqlalchemy.orm import Session
from trainyard.errors import UserError
from trainyard.records.accounts import AccountState

from trainyard_service.context import Context
from trainyard_service.database.tables.accounts import AccountRow
from trainyard_service.database.tables.storage import StorageRow
from trainyard_service.storage.bucket import Bucket, in_words
from trainyard_service.storage.keyring import Keyring
from trainyard_service.storage.place import Place, embedded_place

log = logging.getLogger(__name__)
# tried on SeaweedFS 4.48: these carry uploads in parts and copies too; s3:Put* would let the key open the bucket to everybody
ALLOWED = ("s3:ListBucket", "s3:GetObject", "s3:PutObject", "s3:DeleteObject")
POLICY = "own-bucket"
_TAKEN, _MISSING = "EntityAlreadyExists", "NoSuchEntity"
_OWNER = re.compile(r"u([1-9]\d*)-")


@lru_cache(maxsize=4)
def _client(place: Place) -> Any:
    return botocore.session.Session().create_client(
        "iam",
        endpoint_url=place.endpoint,
        region_name=place.region,
        aws_access_key_id=place.access_key,
        aws_secret_access_key=place.secret_key,
        config=Config(connect_timeout=5, read_timeout=20, proxies={}, retries={"max_attempts": 3, "mode": "standard"}),
    )


def policy(bucket: str) -> dict[str, Any]:
    """What a bucket's own keys may: everything with its objects, nothing with the bucket itself."""
    resources = [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"]
    return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": list(ALLOWED), "Resource": resources}]}


@in_words
def make_keys(administrator: Place) -> Place:
    """The same bucket of the embedded store with new keys of its own; earlier keys of it end. Repeatable after a kill.

    Raises:
        UserError: the store refuses or does not answer.
    """
    iam, name = _client(administrator), administrator.bucket
    try:
        iam.create_user(UserName=name)
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") != _TAKEN:
            raise
    iam.put_user_policy(UserName=name, PolicyName=POLICY, PolicyDocument=json.dumps(policy(name)))
    for old in iam.list_access_keys(UserName=name).get("AccessKeyMetadata", ()):
        iam.delete_access_key(UserName=name, AccessKeyId=old["AccessKeyId"])
    made = iam.create_access_key(UserName=name)["AccessKey"]
    return replace(administrator, access_key=made["AccessKeyId"], secret_key=made["SecretAccessKey"])


def remove_leftovers(context: Context) -> list[str]:
    """End the keys of buckets whose owners' accounts were deleted; the names. A silent store is asked again later."""
    try:
        administrator = embedded_place(context.settings, "")
    except UserError:
        # this platform has no store of its own
        return []
    try:
        return _remove_leftovers(context, _client(administrator))
    except UserError as error:
        log.info("the keys of deleted accounts are looked for again later: %s", error)
        return []


@in_words
def _remove_leftovers(context: Context, iam: Any) -> list[str]:
    # listed before the rows are read: what is made meanwhile is not among them
    names = [one["UserName"] for page in iam.get_paginator("list_users").paginate() for one in page.get("Users", ())]
    with context.database.read() as session:
        gone = [name for name in names if _is_left_over(session, name)]
    for name in gone:
        _remove(iam, name)
        log.info("the keys of a bucket nobody owns any more were removed", extra={"bucket": name})
    return gone


def _is_left_over(session: Session, name: str) -> bool:
    """Whether its account was deleted, or bound another bucket in the end."""
    match = _OWNER.match(name)
    account = session.get(AccountRow, int(match[1])) if match else None
    if account is None:
        # not ours to judge: the database may be an older one that was put back, or another
        return False
    bound = session.get(StorageRow, account.id)
    return account.state == AccountState.DELETED or (bound is not None and (not bound.embedded or bound.bucket != name))


def _remove(iam: Any, name: str) -> None:
    """Keys first: they are what opens the bucket. Repeatable after a kill."""
    with _missing_is_fine():
        for key in iam.list_access_keys(UserName=name).get("AccessKeyMetadata", ()):
            iam.delete_access_key(UserName=name, AccessKeyId=key["AccessKeyId"])
    with _missing_is_fine():
        iam.delete_user_policy(UserName=name, PolicyName=POLICY)
    with _missing_is_fine():
        iam.delete_user(UserName=name)


@contextmanager
def _missing_is_fine() -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") != _MISSING:
            raise


def give_own_keys(context: Context) -> int:
    """Give keys of their own to buckets bound before there were any; how many. What fails is tried at the next start."""
    with context.database.read() as session:
        query = select(StorageRow).where(StorageRow.embedded, StorageRow.access_key == "")
        buckets = [(row.account_id, row.bucket) for row in session.scalars(query)]
    done = 0
    for account_id, bucket in buckets:
        with suppress(ClientError, BotoCoreError):
            administrator = embedded_place(context.settings, bucket)
            Bucket(administrator).make()
            _keep(context, account_id, make_keys(administrator))
            done += 1
    return done


def _keep(context: Context, account_id: int, place: Place) -> None:
    keyring = Keyring(context.settings.storage_key)
    with context.database.write() as session:
        row = session.get(StorageRow, account_id)
        if row is not None:
            row.access_key, row.secret_key = keyring.seal(place.access_key), keyring.seal(place.secret_key)
