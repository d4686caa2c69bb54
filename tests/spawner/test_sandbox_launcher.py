"""The sandbox launcher keeps the launcher's contract, with control groups and by summing memory."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from trainyard.home import Home
from trainyard_spawner.sandbox_launcher import SandboxLauncher

from tests.contracts.launcher import LauncherContract
from tests.spawner.conftest import end_all


class TestWithWhatTheMachineOffers(LauncherContract):
    """Control groups where they can be written; the summing supervisor elsewhere."""

    @pytest.fixture
    def launcher(self, home: Home) -> Iterator[SandboxLauncher]:
        launcher = SandboxLauncher(home)
        yield launcher
        end_all(launcher)


class TestSummingMemory(LauncherContract):
    """As on a machine where no control group can be written."""

    @pytest.fixture
    def launcher(self, home: Home) -> Iterator[SandboxLauncher]:
        launcher = SandboxLauncher(home, limits="sum")
        yield launcher
        end_all(launcher)
