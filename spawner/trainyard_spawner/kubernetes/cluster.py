"""A Kubernetes API server over HTTP: requests, watches and programs in containers, with plain dictionaries for objects.

Finding a cluster and its credentials (kubeconfig with certificates, tokens and credential programs, or a service account) is
kubernetes_asyncio's; its 600 generated classes are left aside, since what is sent is what the pure functions build.
"""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from trainyard.errors import Unavailable
from trainyard.words import N_

Object = dict[str, Any]
REQUEST_SECONDS = 20
WATCH_SECONDS = 240
QUIET_SECONDS = 300
JSON = "application/json"
METADATA = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
MERGE = "application/merge-patch+json"
APPLY = "application/apply-patch+yaml"
PROTOCOL = "v4.channel.k8s.io"


class Refused(Exception):
    """The API server answered, and not with success. ``status`` is its HTTP status, ``reason`` its one word."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(f"{status} {reason}: {message}")
        self.status = status
        self.reason = reason
        self.message = message


def away(why: object) -> Unavailable:
    """The error for a cluster that does not answer."""
    return Unavailable(
        "cluster-away",
        N_("The cluster does not answer: {why}"),
        hint=N_("Try again in a moment; what runs there goes on."),
        why=str(why) or type(why).__name__,
    )


class Cluster:
    """One connection pool; belongs to the event loop it was made in."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self._session = client.rest_client.pool_manager
        self._host = client.configuration.host.rstrip("/")

    @classmethod
    async def connect(cls, kubeconfig: Path | None, context: str | None) -> Cluster:
        """The cluster of ``kubeconfig``, of the variable ``KUBECONFIG``, or of this pod.

        Raises:
            Unavailable: none of them leads to a cluster (``no-cluster``).
        """
        from kubernetes_asyncio import config
        from kubernetes_asyncio.client import ApiClient, Configuration

        found = Configuration()
        try:
            if kubeconfig is None and not os.environ.get("KUBECONFIG") and os.environ.get("KUBERNETES_SERVICE_HOST"):
                config.load_incluster_config(client_configuration=found)  # type: ignore[no-untyped-call]
            else:
                named = None if kubeconfig is None else str(kubeconfig)
                await config.load_kube_config(config_file=named, context=context, client_configuration=found)
        except (config.ConfigException, OSError) as error:
            raise Unavailable(
                "no-cluster",
                N_("No cluster could be found: {why}"),
                hint=N_("Name its kubeconfig in kubernetes.yaml or in KUBECONFIG."),
                why=str(error),
            ) from None
        return cls(ApiClient(found))

    async def close(self) -> None:
        """Give back the connections."""
        await self._client.close()

    async def get(self, path: str, **query: str) -> Object:
        """One object, or a list."""
        return await self._request("GET", path, query=query)

    async def post(self, path: str, body: Object) -> Object:
        """Make an object."""
        return await self._request("POST", path, body=body)

    async def metadata(self, path: str, **query: str) -> list[Object]:
        """What a list's objects are called and marked with, without what they hold."""
        found = await self._request("GET", path, query=query, accepted=METADATA)
        items: list[Object] = found["items"] or []  # where there is none it is null, as in no other list
        return items

    async def patch(self, path: str, body: Object) -> Object:
        """Merge ``body`` into an object."""
        return await self._request("PATCH", path, body=body, kind=MERGE)

    async def apply(self, path: str, body: Object, *, manager: str, force: bool = False, dry: bool = False) -> Object:
        """Make or change an object by server-side apply: ``manager`` owns the fields of ``body`` and no others."""
        query = {"fieldManager": manager, "force": str(force).lower(), **({"dryRun": "All"} if dry else {})}
        return await self._request("PATCH", path, query=query, body=body, kind=APPLY)

    async def delete(self, path: str, body: Object | None = None) -> Object:
        """Delete an object."""
        return await self._request("DELETE", path, body=body or {})

    async def date(self) -> str:
        """What the API server's clock says, as HTTP writes it."""
        import aiohttp

        async with self._open("GET", "/version", query=None, patience=aiohttp.ClientTimeout(total=REQUEST_SECONDS)) as answer:
            return str(answer.headers["Date"])

    async def watch(self, path: str, **query: str) -> AsyncIterator[Object]:
        """Events of a list from ``resourceVersion`` on, until the server ends it.

        Raises:
            Refused: 410, the version is too old.
            OSError: the connection broke.
        """
        import aiohttp

        asked = {**query, "watch": "true", "allowWatchBookmarks": "true", "timeoutSeconds": str(WATCH_SECONDS)}
        patience = aiohttp.ClientTimeout(total=None, sock_connect=REQUEST_SECONDS, sock_read=QUIET_SECONDS)
        async with self._open("GET", path, query=asked, patience=patience) as answer:
            rest = b""
            async for piece in answer.content.iter_any():
                *lines, rest = (rest + piece).split(b"\n")
                for line in lines:
                    yield _event(json.loads(line))

    @asynccontextmanager
    async def execute(
        self, pod: str, container: str, command: tuple[str, ...], *, terminal: bool, typed: bool = False
    ) -> AsyncIterator[Any]:
        """A websocket to ``command`` in a container; ``pod`` is the pod's path. Frames begin with a channel's number.

        What is sent is the program's input, on a terminal and where it is ``typed`` to it.
        """
        typed = typed or terminal
        query = [("container", container), ("stdout", "true"), ("stdin", str(typed).lower()), ("tty", str(terminal).lower())]
        query += [("command", word) for word in command]
        if not terminal:
            query.append(("stderr", "true"))
        address = f"{self._host}{pod}/exec".replace("http", "ws", 1)
        async with self._session.ws_connect(
            address, params=query, headers=await self._headers(), protocols=(PROTOCOL,), heartbeat=30, max_msg_size=0
        ) as socket:
            yield socket

    async def _request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Object | None = None,
        kind: str = JSON,
        accepted: str = JSON,
    ) -> Object:
        import aiohttp

        patience = aiohttp.ClientTimeout(total=REQUEST_SECONDS)
        async with self._open(method, path, query=query, patience=patience, body=body, kind=kind, accepted=accepted) as answer:
            content: Object = json.loads(await answer.read())
            return content

    @asynccontextmanager
    async def _open(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None,
        patience: Any,
        body: Object | None = None,
        kind: str = JSON,
        accepted: str = JSON,
    ) -> AsyncIterator[Any]:
        headers = {**await self._headers(), "Accept": accepted, "Content-Type": kind}
        data = None if body is None else json.dumps(body)
        async with self._session.request(
            method, f"{self._host}{path}", params=query or {}, data=data, headers=headers, timeout=patience
        ) as answer:
            if answer.status >= 400:
                raise _refusal(answer.status, await answer.text())
            yield answer

    async def _headers(self) -> dict[str, str]:
        headers: dict[str, str] = {}
        await self._client.update_params_for_auth(headers, [], ["BearerToken"])
        return headers


def _event(told: Object) -> Object:
    if told["type"] == "ERROR":
        status = told["object"]
        raise Refused(int(status.get("code", 500)), str(status.get("reason", "")), str(status.get("message", "")))
    return told


def _refusal(status: int, text: str) -> Refused:
    try:
        told = json.loads(text)
        return Refused(status, str(told.get("reason", "")), str(told.get("message", "")))
    except (ValueError, AttributeError):
        return Refused(status, "", text[:200])
