"""What all tests share: their order, who of several workers runs which, and what cannot run here says why."""

from __future__ import annotations

import os
import random
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling
from xdist.workermanage import WorkerController

from tests.second_try import SecondTry, is_wanted

ORDER = ("browser", "slow")
PLATFORMS = ("tests/browser/", "tests/hub/")
SANDBOXES = ("tests/spawner/", "tests/contracts/", "tests/service/chain/")
MACHINE = (*PLATFORMS, *SANDBOXES, "tests/kubernetes/")
GROUPS = {"platforms": PLATFORMS, "sandboxes": SANDBOXES}
# few tests, long ones: at the end they would run alone, while other workers have nothing left to do
LONG = ("tests/mxnet/", "tests/images/", "tests/pages/", "tests/project/test_second_try", "tests/core/formats/test_killed")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--soak", type=int, default=1, metavar="ROUNDS", help="run every survival test this many times")


def pytest_configure(config: pytest.Config) -> None:
    if is_wanted():
        config.pluginmanager.register(SecondTry(MACHINE))
    # a shell starts background jobs with SIGINT ignored, and children would inherit that
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # a busy machine is no counter-example; a new one is looked for by make soak, where somebody is there to mend it
    same = config.getoption("--soak") == 1
    settings.register_profile("untimed", deadline=None, derandomize=same, suppress_health_check=[HealthCheck.too_slow])
    settings.load_profile("untimed")


class ByFile(LoadScopeScheduling):  # type: ignore[misc]
    """A file is one worker's, in our order; so is all that starts whole platforms, and all that starts single sandboxes.

    The longest come first: these two groups, side by side (what they start keeps out of each other's network), then ``LONG``.
    """

    def _split_scope(self, nodeid: str) -> str:
        return next((name for name, rooms in GROUPS.items() if nodeid.startswith(rooms)), nodeid.partition("::")[0])

    def _assign_work_unit(self, node: WorkerController) -> None:
        first = next((scope for prefix in (*GROUPS, *LONG) for scope in self.workqueue if scope.startswith(prefix)), None)
        if first is not None:
            self.workqueue.move_to_end(first, last=False)
        super()._assign_work_unit(node)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ByFile:
    return ByFile(config, log)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    rounds = metafunc.config.getoption("--soak")
    if rounds > 1 and metafunc.definition.get_closest_marker("survival"):
        metafunc.fixturenames.append("soak_round")
        metafunc.parametrize("soak_round", range(rounds))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=_weight)
    for item in items:
        if item.nodeid.startswith(MACHINE) and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(1200))  # the first of a file starts its platform
    if os.geteuid() != 0:
        for item in items:
            if item.get_closest_marker("root"):
                item.add_marker(pytest.mark.skip(reason="needs root"))


def _weight(item: pytest.Item) -> int:
    return sum(2 << rank for rank, marker in enumerate(ORDER) if item.get_closest_marker(marker))


@pytest.fixture(autouse=True)
def _same_signals() -> Iterator[None]:
    """What a test runs in this process may listen to a request to stop; processes that are forked later would too."""
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.fixture
def dice(request: pytest.FixtureRequest) -> random.Random:
    """When to kill, and the like: the same in every run of the suite, other in every round of a soak."""
    parameters = request.node.callspec.params if hasattr(request.node, "callspec") else {}
    return random.Random(parameters.get("soak_round", 0))


@pytest.fixture(scope="session")
def mxnet_python() -> Path:
    """The Python of an environment with the pins of images/mxnet; built once below .cache, for MXNet's own readers."""
    from tests.frameworks import python_of

    return python_of("mxnet")
