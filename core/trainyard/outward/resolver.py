"""aiohttp's resolver, and so that of s3fs: a name that leads inward is not known."""

from __future__ import annotations

import asyncio
import socket

from aiohttp.abc import AbstractResolver, ResolveResult

from trainyard.outward import is_public


class OutwardResolver(AbstractResolver):
    """Knows public addresses only."""

    async def resolve(self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC) -> list[ResolveResult]:
        """The public addresses of a name.

        Raises:
            OSError: it is unknown, or has a private address.
        """
        found = await asyncio.get_running_loop().getaddrinfo(host, port, family=family, type=socket.SOCK_STREAM)
        results = []
        for kind, _, protocol, _, address in found:
            if not is_public(str(address[0])):
                raise OSError(None, "the name leads into a private network")
            entry = {"hostname": host, "host": str(address[0]), "port": port, "family": kind, "proto": protocol}
            results.append(ResolveResult(**entry, flags=socket.AI_NUMERICHOST))  # type: ignore[typeddict-item]
        return results

    async def close(self) -> None:
        """Nothing is kept."""
