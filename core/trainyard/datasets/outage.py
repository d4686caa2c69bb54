"""Tell a picture that is bad from a store that is away: the former is left out and counted, for the latter the work stops."""

from __future__ import annotations

from trainyard.datasets.sample import Sample
from trainyard.datasets.sources import PictureProblem
from trainyard.errors import Unavailable
from trainyard.words import N_, quoted

STORE_AWAY = "store-away"
_WEB = ("http://", "https://")


def stop_at_outage(sample: Sample, problem: PictureProblem, hint: str) -> None:
    """A bucket that does not answer is no fault of its pictures: nothing is left out for it. A host on the web is one of many.

    ``hint`` says how the work is gone on with.

    Raises:
        Unavailable: ``store-away``.
    """
    may_pass = getattr(problem, "again", False) or problem.code == "store-unavailable"
    if problem.code == "platform-silent" or (may_pass and not sample.url.lower().startswith(_WEB)):
        raise Unavailable(
            STORE_AWAY,
            N_("The storage space does not hand out {url} (line {line}): {reason}"),
            hint=hint,
            url=sample.url,
            line=sample.line,
            reason=quoted(problem.message, problem.values),
        )
