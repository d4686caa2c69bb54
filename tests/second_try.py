"""One more try for a test that drives whole platforms on a shared machine, told loudly at the end: see docs/testing.md.

pytest-rerunfailures would do, but what a shared fixture starts only at the second try it never ends, and both tries of a
test share one time limit.
"""

from __future__ import annotations

import os
from functools import partial
from typing import Any, cast

import pytest
from _pytest.fixtures import FixtureDef
from _pytest.runner import call_and_report  # what a protocol is made of; pytest gives it no public name

FAILURE = "failure of the first try"  # the user property that carries it from a worker
LINES = 15


class SecondTry:
    """A plugin; ``prefixes`` say where the node ids begin that get a second try."""

    def __init__(self, prefixes: tuple[str, ...]) -> None:
        self._prefixes = prefixes
        self._told: dict[str, tuple[str, bool]] = {}
        self._forgotten: set[FixtureDef[Any]] = set()

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
        """The first try; after its failure the second is a whole protocol again, with its own time limit."""
        if not item.nodeid.startswith(self._prefixes) or _is_second(item) or item.config.option.usepdb:
            return None
        place = {"nodeid": item.nodeid, "location": item.location}
        item.ihook.pytest_runtest_logstart(**place)
        reports, once_more = self._first_try(cast(pytest.Function, item), nextitem)
        if once_more:
            item.user_properties.append((FAILURE, "\n".join(_end(report) for report in reports if report.failed)))
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=nextitem)
            return True
        for report in reports:
            item.ihook.pytest_runtest_logreport(report=report)
        item.ihook.pytest_runtest_logfinish(**place)
        return True

    def _first_try(self, item: pytest.Function, nextitem: pytest.Item | None) -> tuple[list[pytest.TestReport], bool]:
        """Its reports, and whether there shall be a second: then what the file shares stays, but for what failed itself."""
        reports = [call_and_report(item, "setup", log=False)]
        if reports[0].passed and not item.config.option.setuponly:
            reports.append(call_and_report(item, "call", log=False))
        once_more = any(report.failed for report in reports) and self._forget_failed_fixtures(item)
        following: Any = _Sibling(item) if once_more else nextitem
        if item.session.shouldfail or item.session.shouldstop:
            following, once_more = None, False
        reports.append(call_and_report(item, "teardown", log=False, nextitem=following))
        item._initrequest()
        return reports, once_more

    def _forget_failed_fixtures(self, item: pytest.Function) -> bool:
        """End them with this try, else pytest answers with the kept failure; false where one had its second try before."""
        known = {one for found in item._fixtureinfo.name2fixturedefs.values() for one in found if one.scope != "function"}
        failed = {one for one in known if one.cached_result is not None and one.cached_result[2] is not None}
        if item not in item.session._setupstate.stack or failed & self._forgotten:
            return False
        for fixture in failed:
            item.addfinalizer(partial(fixture.finish, cast(Any, item._request)))
        self._forgotten |= failed
        return True

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        failure = dict(report.user_properties).get(FAILURE)
        if failure is not None:
            _, failed = self._told.get(report.nodeid, ("", False))
            self._told[report.nodeid] = (str(failure), failed or report.failed)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if not self._told:
            return
        title = f"A SECOND TRY WAS NEEDED BY {len(self._told)}: DEFECTS TO BE MENDED (docs/testing.md)"
        terminalreporter.section(title, sep="!", yellow=True, bold=True)
        for name, (failure, failed) in self._told.items():
            terminalreporter.line(f"{name} – the second try {'failed too' if failed else 'passed'}; the first one:", bold=True)
            for line in failure.splitlines():
                terminalreporter.line(f"    {line}")


def is_wanted() -> bool:
    """``RERUNS=0`` turns second tries off."""
    return os.environ.get("RERUNS", "1") != "0"


def _is_second(item: pytest.Item) -> bool:
    return any(name == FAILURE for name, _ in item.user_properties)


class _Sibling:
    """Stands for a next test of the same file, so that only what is the test's own is torn down."""

    def __init__(self, item: pytest.Item) -> None:
        self._item = item

    def listchain(self) -> list[Any]:
        return [*self._item.listchain()[:-1], self]


def _end(report: pytest.TestReport) -> str:
    return "\n".join([f"({report.when})", *report.longreprtext.splitlines()[-LINES:]])
