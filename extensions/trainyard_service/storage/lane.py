"""Calls to stores wait in threads of their own: somebody's store that answers slowly must not keep the platform waiting."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from functools import partial, wraps
from typing import Any, ParamSpec, TypeVar, cast

from anyio import CapacityLimiter, to_thread

from trainyard_service.context import Context

AT_ONCE = 24
P = ParamSpec("P")
R = TypeVar("R")


def lane(context: Context) -> CapacityLimiter:
    """What counts these threads of a running service."""
    made: CapacityLimiter = context.parts.setdefault("stores", CapacityLimiter(AT_ONCE))
    return made


def in_lane(endpoint: Callable[P, R]) -> Callable[P, Coroutine[Any, Any, R]]:
    """A blocking endpoint with a ``context``, run in the lane of the stores."""

    @wraps(endpoint)
    async def waiting(*args: P.args, **kwargs: P.kwargs) -> R:
        context = cast(Context, kwargs["context"])
        return await to_thread.run_sync(partial(endpoint, *args, **kwargs), limiter=lane(context))

    return waiting


async def streamed(context: Context, chunks: Iterator[bytes]) -> AsyncIterator[bytes]:
    """What a store sends, each piece waited for in the lane; who reads slowly holds no thread."""
    while chunk := await to_thread.run_sync(next, chunks, b"", limiter=lane(context)):
        yield chunk
