"""What a job's files tell, as the service shows it."""

from __future__ import annotations

import pytest
from trainyard_service.trainings.views import moment


@pytest.mark.parametrize("seconds", [1e300, -1e300, float("nan"), float("inf"), 0, None])
def test_a_time_no_calendar_has_is_none(seconds):
    assert moment(seconds) is None


def test_a_time_is_in_utc():
    assert moment(86_400).isoformat() == "1970-01-02T00:00:00+00:00"
