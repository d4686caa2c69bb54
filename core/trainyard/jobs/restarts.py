"""Whether and when a job that ended is started again by itself: a pure function of its policy and its end."""

from __future__ import annotations

from trainyard.jobs.states import Cause, ErrorClass
from trainyard.records.jobs import RestartPolicy

LONGEST = 3600.0


def retry_after(policy: RestartPolicy, retries: int, cause: Cause, error: ErrorClass | None) -> float | None:
    """Seconds until the next start, or None: it stays ended. ``retries`` starts were made by the policy already."""
    if retries >= policy.max_retries:
        return None
    if cause is Cause.TIME_LIMIT:
        return 0.0 if policy.after_time_limit else None
    if error is None or error not in policy.on:
        return None
    return min(policy.backoff * 2.0**retries, LONGEST)
