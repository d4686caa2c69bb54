"""Why a picture cannot be had, as the refusal of a request."""

from __future__ import annotations

from trainyard.datasets.sources import PictureProblem
from trainyard.errors import Conflict, Invalid, NotAllowed, NotFound, TooLarge, Unavailable, UserError

_KINDS: dict[str, type[UserError]] = {
    "picture-missing": NotFound,
    "picture-outside": NotFound,
    "picture-forbidden": NotAllowed,
    "another-bucket": NotAllowed,
    "not-named": NotAllowed,
    "not-shared": NotAllowed,
    "web-private": NotAllowed,
    "web-password": NotAllowed,
    "no-storage": Conflict,
    "picture-bytes": TooLarge,
    "store-unavailable": Unavailable,
}


def refusal_of(problem: PictureProblem) -> UserError:
    """What a caller is answered; what may be had later is said by the status 503."""
    kind = Unavailable if getattr(problem, "again", False) else _KINDS.get(problem.code, Invalid)
    return kind(problem.code, problem.message, **problem.values)
