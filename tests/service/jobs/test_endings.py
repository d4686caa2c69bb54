"""What is kept of a start that failed."""

from __future__ import annotations

import errno

import pytest
from trainyard.errors import Conflict
from trainyard.jobs.states import Cause
from trainyard_service.jobs.endings import ending_view, launch_failure

pytestmark = pytest.mark.one_database


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), Cause.DISK_FULL),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), Cause.DISK_FULL),
        (OSError(errno.EIO, "Input/output error"), Cause.LAUNCH_FAILED),
    ],
    ids=["full", "quota", "broken"],
)
def test_a_start_that_finds_no_room_is_told_as_a_full_disk(error: OSError, cause: Cause) -> None:
    assert launch_failure(error)["cause"] is cause


def test_a_refusal_because_of_a_full_disk_is_told_as_one() -> None:
    refused = Conflict("log-not-writable", "The log cannot be written.")
    refused.__cause__ = OSError(errno.ENOSPC, "No space left on device")
    assert launch_failure(refused)["cause"] is Cause.DISK_FULL


def test_a_full_disk_at_the_start_is_of_the_class_of_one_at_the_end() -> None:
    assert launch_failure(OSError(errno.ENOSPC, "No space left on device"))["error_class"] == "permanent"


def test_a_start_that_the_machine_refused_says_what_and_where() -> None:
    error = OSError(errno.EROFS, "Read-only file system", "/srv/trainyard/volume/groups")
    assert launch_failure(error)["message"] == "Read-only file system: /srv/trainyard/volume/groups"


def test_a_start_that_failed_by_a_bug_shows_no_more_than_its_kind() -> None:
    assert launch_failure(KeyError("secret"))["message"] == "KeyError"


def test_what_a_job_told_of_itself_takes_the_place_of_its_exit_code() -> None:
    told = {"message": "{bad} pictures cannot be used.", "hint": "Correct the list.", "values": {"bad": 7}}
    ending = ending_view({"cause": "exited", "exit_code": 2, "told": told}, "en")
    assert ending is not None
    assert (ending.text, ending.suggestion) == ("7 pictures cannot be used.", "Correct the list.")


@pytest.mark.parametrize("values", [{}, {"other": 1}, [1]], ids=["none", "others", "a list"])
def test_what_a_job_told_without_its_values_is_shown_as_it_stands(values: object) -> None:
    ending = ending_view({"cause": "exited", "exit_code": 2, "told": {"message": "{bad} pictures", "values": values}}, "en")
    assert ending is not None and ending.text == "{bad} pictures"
