"""One running platform for the tests that only look at it, and one for those that are unkind to it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.hub.running import HubPlatform


@pytest.fixture(scope="module")
def platform() -> Iterator[HubPlatform]:
    """A running platform."""
    running = HubPlatform()
    try:
        running.start()
        yield running
    finally:
        running.stop()
