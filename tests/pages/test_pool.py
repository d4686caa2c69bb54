"""How many kernels a viewer gets, however fast they ask."""

from __future__ import annotations

import asyncio
import itertools
from pathlib import Path
from typing import Any

import pytest
from trainyard.errors import TooMany
from trainyard_pages import pool as pool_module
from trainyard_pages.kernel import Place
from trainyard_pages.pool import Pool
from trainyard_pages.settings import Settings


class QuickKernel:
    """Stands in for a process: what is asked here is only how many of them there are."""

    numbers = itertools.count()

    def __init__(self, _place: Place) -> None:
        self.id, self.viewer, self.left, self.alive = str(next(self.numbers)), "", None, True

    async def start(self) -> None:
        await asyncio.sleep(0)

    async def stop(self) -> None:
        self.alive = False

    def give(self, viewer: str, _identity: dict[str, Any]) -> None:
        self.viewer = viewer


@pytest.mark.parametrize(("viewers", "most"), [(1, 3), (9, 5)])
async def test_pages_opened_at_once_do_not_pass_the_limits(monkeypatch, tmp_path, viewers, most):
    monkeypatch.setattr(pool_module, "PageKernel", QuickKernel)
    settings = Settings.model_construct(pool=1, kernels=5, kernels_per_viewer=3, grace=60, kernel_memory=1 << 30)
    pool = Pool(settings, Place(tmp_path, Path("/nonexistent"), 1))
    pool.start()
    asked = [pool.take(f"u{number % viewers}", {}) for number in range(9)]
    got = await asyncio.gather(*asked, return_exceptions=True)
    refused = [answer for answer in got if isinstance(answer, TooMany)]
    await pool.stop()
    assert (len(got) - len(refused), pool.given) == (most, most)
