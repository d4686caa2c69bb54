"""Every decision about who may do what, in one place; each function tells or refuses and changes nothing.

``can_…`` functions answer, ``must_…`` functions raise. What a caller may not know of is refused as not found.
"""

from __future__ import annotations

from collections.abc import Collection

from trainyard.errors import NotAllowed, NotFound
from trainyard.words import N_

from trainyard_service.identity import Caller


def must_administrate(caller: Caller) -> None:
    """Only administrators with an unrestricted token.

    Raises:
        NotAllowed: everybody else.
    """
    must_be_unrestricted(caller)
    if not caller.administrator:
        raise NotAllowed(
            "administrators-only",
            N_("Only an administrator may do this; {name} is none."),
            hint=N_("Ask an administrator."),
            name=caller.name,
        )


def must_be_unrestricted(caller: Caller) -> None:
    """Approval, quotas, keys, tokens, passwords and administration are closed to workspaces' and jobs' tokens.

    Raises:
        NotAllowed: the token belongs to a workspace or a job.
    """
    if caller.restricted:
        raise NotAllowed(
            "restricted-token",
            N_("The token of a workspace or job may not do this."),
            hint=N_("Do it on the platform's pages, or with a personal access token."),
        )


def must_not_be_job(caller: Caller) -> None:
    """A job's token reads, and writes only its own run.

    Raises:
        NotAllowed: the token belongs to a job.
    """
    if caller.job is not None:
        raise NotAllowed(
            "job-token",
            N_("The token of a job may only write to its own run."),
            hint=N_("Do it on the platform's pages, or with a personal access token."),
        )


def can_see_group(caller: Caller, group_id: int) -> bool:
    """Members and administrators see a group with its members and use."""
    return caller.administrator or group_id in caller.groups


def must_see_group(caller: Caller, group_id: int, name: str) -> None:
    """Raises:
    NotFound: the caller is neither a member nor an administrator.
    """
    if not can_see_group(caller, group_id):
        raise NotFound("no-such-group", N_("There is no group {name} that you are a member of."), name=name)


def must_own(caller: Caller, owner_id: int, what: str) -> None:
    """Things that are nobody else's business: uploads, storage, notices.

    Raises:
        NotFound: somebody else's.
    """
    if caller.id != owner_id:
        raise NotFound("not-found", N_("There is no {what} of yours with this id."), what=what)


def can_read(caller: Caller, owner_id: int, groups: Collection[int] = (), *, public: bool = False) -> bool:
    """Things with an owner that may be shared with groups or everybody: datasets, batches, trainings, models."""
    everything = caller.administrator or caller.reads_all
    return public or caller.id == owner_id or everything or any(group in caller.groups for group in groups)


def can_change(caller: Caller, owner_id: int) -> bool:
    """Only the owner changes a thing; administrators may stop and delete it. A job's token never."""
    return caller.job is None and (caller.id == owner_id or caller.administrator)
