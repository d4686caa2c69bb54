"""botocore's connections, which look at whom they have reached."""

from __future__ import annotations

import socket
from typing import Any

from botocore.awsrequest import AWSHTTPConnection, AWSHTTPConnectionPool, AWSHTTPSConnection, AWSHTTPSConnectionPool
from urllib3.exceptions import NewConnectionError

from trainyard.outward import is_public


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
