"""A botocore client of one bucket, whose connections look at whom they have reached."""

from __future__ import annotations

import socket
from typing import Any, Protocol

import botocore.session
from botocore.awsrequest import AWSHTTPConnection, AWSHTTPConnectionPool, AWSHTTPSConnection, AWSHTTPSConnectionPool
from botocore.config import Config
from urllib3.exceptions import NewConnectionError

from trainyard.outward import is_public


class Bucket(Protocol):
    """Where a bucket lies. ``direct``: no proxy of the environment lies between; ``inward``: it may be in this network."""

    @property
    def endpoint(self) -> str: ...
    @property
    def region(self) -> str: ...
    @property
    def access_key(self) -> str: ...
    @property
    def secret_key(self) -> str: ...
    @property
    def direct(self) -> bool: ...
    @property
    def inward(self) -> bool: ...


def s3_client(bucket: Bucket, *, attempts: int, connections: int) -> Any:
    """A client of the store that ``bucket`` lies in: costly to make, and safe to share between threads."""
    config = Config(
        s3={"addressing_style": "path"},
        connect_timeout=5,
        read_timeout=60,
        retries={"max_attempts": attempts, "mode": "standard"},
        max_pool_connections=connections,
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        proxies={} if bucket.direct else None,
    )
    client = botocore.session.Session().create_client(
        "s3",
        endpoint_url=bucket.endpoint,
        region_name=bucket.region or "us-east-1",
        aws_access_key_id=bucket.access_key,
        aws_secret_access_key=bucket.secret_key,
        config=config,
    )
    if not bucket.inward:
        keep_outward(client, bucket.endpoint)
    return client


def keep_outward(client: Any, endpoint: str) -> None:
    """Let a botocore client connect to public addresses only."""
    session = client._endpoint.http_session
    if session._proxy_config.proxy_url_for(endpoint) is None:
        session._manager.pool_classes_by_scheme = {"http": _Pool, "https": _TlsPool}


class _Connection(AWSHTTPConnection):  # type: ignore[misc]
    def _new_conn(self) -> socket.socket:
        return _checked(self, super()._new_conn())


class _TlsConnection(AWSHTTPSConnection):  # type: ignore[misc]
    def _new_conn(self) -> socket.socket:
        return _checked(self, super()._new_conn())


class _Pool(AWSHTTPConnectionPool):  # type: ignore[misc]
    ConnectionCls = _Connection


class _TlsPool(AWSHTTPSConnectionPool):  # type: ignore[misc]
    ConnectionCls = _TlsConnection


def _checked(connection: Any, made: socket.socket) -> socket.socket:
    peer = made.getpeername()[0]
    if not is_public(peer):
        made.close()
        raise NewConnectionError(connection, "the name leads into a private network")
    return made
