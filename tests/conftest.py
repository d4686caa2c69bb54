"""What all tests share: fast ones run first, and what cannot run here says why."""

from __future__ import annotations

import os

import pytest

ORDER = ("browser", "slow")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--soak", action="store_true", help="repeat the survival tests for long")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=_weight)
    if os.geteuid() != 0:
        for item in items:
            if item.get_closest_marker("root"):
                item.add_marker(pytest.mark.skip(reason="needs root"))


def _weight(item: pytest.Item) -> int:
    return sum(2 << rank for rank, marker in enumerate(ORDER) if item.get_closest_marker(marker))
