"""How somebody follows and ends long work over a list, and when too many of its pictures are bad."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from trainyard.errors import Invalid, UserError
from trainyard.sizes import readable
from trainyard.words import N_, quoted

ENOUGH_TO_JUDGE = 100
"""Of fewer pictures nobody can say how many will be bad, or how large they will be."""


class Step(NamedTuple):
    """How far the work is: ``done`` of ``total`` samples; ``skipped`` pictures were left out; ``bytes`` were written."""

    done: int
    total: int
    skipped: int
    bytes: int


class Watch(NamedTuple):
    """How the caller follows and ends the work; ``discard`` is asked after a stop: whether to give up what is done."""

    progress: Callable[[Step], None] = lambda step: None
    should_stop: Callable[[], bool] = lambda: False
    discard: Callable[[], bool] = lambda: False


class Bad(NamedTuple):
    """The first bad picture, and how many of ``done`` were bad; ``message`` is the key of a translation."""

    bad: int
    done: int
    line: int
    url: str
    message: str
    values: dict[str, Any]

    def refusal(self, limit: float) -> UserError:
        """They are more than this part of all."""
        return Invalid(
            "too-many-bad-pictures",
            N_(
                "{bad} of the first {done} pictures cannot be used, above the limit of {limit} %. "
                "The first is {url} in line {line}: {reason}"
            ),
            hint=N_("Correct the list or the pictures, or allow more bad pictures."),
            field="bad_limit",
            bad=self.bad,
            done=self.done,
            limit=f"{100 * limit:g}",
            url=self.url,
            line=self.line,
            reason=quoted(self.message, self.values),
        )


def must_fit(folder: Path, needed: int, message: str, hint: str) -> None:
    """Raises:
    Invalid: ``disk-short``; the disk of ``folder`` has not so many bytes left (``message`` with ``needed`` and ``free``).
    """
    if needed > (free := shutil.disk_usage(folder).free):
        raise Invalid("disk-short", message, hint=hint, needed=readable(needed), free=readable(free))
