"""Who may do what, as a table."""

from __future__ import annotations

import pytest
from trainyard.errors import UserError
from trainyard_service import permissions
from trainyard_service.identity import Caller

OWNER = Caller(1, "anna", groups={7: "vision"})
MEMBER = Caller(2, "ben", groups={7: "vision"})
STRANGER = Caller(3, "carl", groups={8: "speech"})
ADMINISTRATOR = Caller(4, "admin", administrator=True)
WORKSPACE = Caller(1, "anna", restricted=True, groups={7: "vision"})
JOB = Caller(1, "anna", restricted=True, groups={7: "vision"}, job="0" * 16)
EVERYBODY = {
    "owner": OWNER,
    "member": MEMBER,
    "stranger": STRANGER,
    "administrator": ADMINISTRATOR,
    "workspace": WORKSPACE,
    "job": JOB,
}

INSIDE = {"owner", "member", "administrator", "workspace", "job"}
QUESTIONS = {
    "read own": (lambda caller: permissions.can_read(caller, 1), {"owner", "administrator", "workspace", "job"}),
    "read shared": (
        lambda caller: permissions.can_read(caller, 1, [7]),
        INSIDE,
    ),
    "read public": (lambda caller: permissions.can_read(caller, 1, public=True), set(EVERYBODY)),
    "change": (lambda caller: permissions.can_change(caller, 1), {"owner", "administrator", "workspace"}),
    "see group": (
        lambda caller: permissions.can_see_group(caller, 7),
        INSIDE,
    ),
}
DUTIES = {
    "administrate": (permissions.must_administrate, {"administrator"}),
    "unrestricted": (permissions.must_be_unrestricted, {"owner", "member", "stranger", "administrator"}),
    "no job": (permissions.must_not_be_job, {"owner", "member", "stranger", "administrator", "workspace"}),
    "see group": (
        lambda caller: permissions.must_see_group(caller, 7, "vision"),
        INSIDE,
    ),
    "own": (lambda caller: permissions.must_own(caller, 1, "upload"), {"owner", "workspace", "job"}),
}


@pytest.mark.parametrize("question", QUESTIONS)
def test_what_callers_can(question):
    ask, allowed = QUESTIONS[question]
    assert {who for who, caller in EVERYBODY.items() if ask(caller)} == allowed


@pytest.mark.parametrize("duty", DUTIES)
def test_what_callers_must(duty):
    demand, allowed = DUTIES[duty]
    passed = set()
    for who, caller in EVERYBODY.items():
        try:
            demand(caller)
            passed.add(who)
        except UserError:
            pass
    assert passed == allowed
