"""Looking closely: what a job uses, its log searched, runs side by side, charts as files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from trainyard.client.transport import TENSORBOARD_TIMEOUT, Transport, given, segment
from trainyard.records.monitoring import Address, Comparison, JobUsage, LogMatch, LogSearch, LogTimes
from trainyard.records.trainings import Curves


class Monitoring(Transport):
    """``/jobs/{id}/usage``, ``/jobs/{id}/log/…``, ``/comparison`` and ``/curves``."""

    def job_usage(self, job: str, points: int = 1000, replica: str = "") -> JobUsage:
        """Processor, memory, cards, disk and network of a job (or one replica of it), about ``points`` samples of each."""
        query = given(points=points, replica=replica or None)
        return self.one(JobUsage, "GET", f"jobs/{segment(job)}/usage", params=query)

    def search_log(
        self, job: str, text: str, offset: int = 0, line: int = 1, replica: str = "", since: str | None = None
    ) -> LogSearch:
        """Lines that hold ``text``, from ``offset`` (the beginning of line ``line``) on; case does not matter.

        With the replica ``all`` those of all replicas, from the cursor ``since`` on.
        """
        query = given(text=text, offset=offset, line=line, replica=replica or None, since=since)
        return self.one(LogSearch, "GET", f"jobs/{segment(job)}/log/search", params=query)

    def log_matches(self, job: str, text: str, replica: str = "") -> Iterator[LogMatch]:
        """All lines of a log (of a distributed job that of one replica, or ``all``) that hold ``text``, as they are found."""
        found = self.search_log(job, text, replica=replica)
        yield from found.matches
        while found.next is not None or found.since is not None:
            found = self.search_log(job, text, found.next or 0, found.next_line or 1, replica, found.since)
            yield from found.matches

    def log_times(self, job: str, offset: int = 0, end: int | None = None, replica: str = "") -> LogTimes:
        """When what stands between two places of a log was written."""
        query = given(offset=offset, end=end, replica=replica or None)
        return self.one(LogTimes, "GET", f"jobs/{segment(job)}/log/times", params=query)

    def download_log(self, job: str, target: Path, replica: str = "") -> None:
        """The whole log as a file."""
        for _ in self.download(f"jobs/{segment(job)}/log/file", target, **given(replica=replica or None)):
            pass

    def compare(self, trainings: Sequence[str]) -> Comparison:
        """Hyper-parameters and last values of trainings (identifiers) side by side, each by its newest run."""
        return self.one(Comparison, "GET", "comparison", params={"training": list(trainings)})

    def curves_of_many(self, instances: Sequence[str], points: int = 500, tags: str = "") -> list[Curves]:
        """The scalars of several instances, about ``points`` of each; ``tags`` with commas."""
        query = given(instance=list(instances), points=points, tags=tags or None)
        return self.many(Curves, "curves", params=query)

    def tensorboard_on(self, trainings: Sequence[str]) -> str:
        """The full address of a TensorBoard on several trainings; it asks for the browser's sign-in."""
        query = {"training": list(trainings)}
        opened = self.one(Address, "POST", "comparison/tensorboard", params=query, timeout=TENSORBOARD_TIMEOUT)
        return self.root + opened.address

    def draw(self, instances: Sequence[str], target: Path, tags: str = "", smoothing: float = 0, **look: Any) -> None:
        """Curves as a file, by its suffix: ``.png``, ``.svg`` or ``.csv`` (every point).

        ``look``: ``x`` is step, epoch or time; ``logarithmic`` the values' axis.
        """
        query = given(instance=list(instances), format=target.suffix.lstrip("."), tags=tags or None, smoothing=smoothing)
        for _ in self.download("curves/file", target, **query, **look):
            pass
