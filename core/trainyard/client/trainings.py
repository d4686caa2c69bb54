"""Trainings with their curves, and the jobs behind everything that takes long: logs, waiting, stopping."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, overload

from trainyard.client.transport import TENSORBOARD_TIMEOUT, Transport, given, segment
from trainyard.errors import NotFound
from trainyard.jobs.states import ENDED
from trainyard.records.base import Page, Record
from trainyard.records.datasets import FormattedSet
from trainyard.records.distributed import Replica
from trainyard.records.jobs import Attempt, Job
from trainyard.records.trainings import Curves, Instance, NewTraining, StartTraining, Training, TrainingCheck
from trainyard.words import N_

if TYPE_CHECKING:
    from trainyard.client.local_run import LocalTraining

POLL_SECONDS = 0.5


class _Address(Record):
    """Where something is reached, below the platform's own address."""

    address: str


class Trainings(Transport):
    """``/trainings``, ``/instances`` and ``/jobs``."""

    @overload
    def submit(self, training: NewTraining, where: Literal["platform"] = "platform") -> Training: ...
    @overload
    def submit(self, training: NewTraining, where: Literal["local"], folder: Path | None = None) -> LocalTraining: ...
    def submit(self, training: NewTraining, where: str = "platform", folder: Path | None = None) -> Training | LocalTraining:
        """Submit a training; refused with the reason before anything starts.

        With ``where="local"`` it runs here instead, to look for its mistakes; ``folder``, by default ``./local/<name>``, is
        then its ``/workspace``, see ``trainyard.client.local``; replicas are processes here.
        """
        if where != "local":
            return self.one(Training, "POST", "trainings", json=training)
        from trainyard.client import local

        parts = {"train": training.train_set, "val": training.val_set, "test": training.test_set}
        sets = {part: local.folder_of(self._formatted_set(one)) for part, one in parts.items() if one}
        return local.start(training, sets, folder)

    def _formatted_set(self, identifier: str) -> FormattedSet:
        """One formatted set.

        Raises:
            NotFound: there is none that the caller may read.
        """
        offset, total = 0, 1
        while offset < total:
            page = self.one(Page[FormattedSet], "GET", "formatted", params={"offset": offset, "limit": 500})
            for one in page.items:
                if one.id == identifier:
                    return one
            offset, total = offset + 500, page.total
        raise NotFound("no-such-set", N_("There is no formatted set {id}."), id=identifier)

    def trainings(self, **query: Any) -> Page[Training]:
        """Trainings of the caller and their groups: ``state``, ``search``, ``mine``, ``trials``, ``offset``, ``limit``."""
        return self.one(Page[Training], "GET", "trainings", params=query)

    def training(self, training: str) -> Training:
        """One training with its instances."""
        return self.one(Training, "GET", f"trainings/{segment(training)}")

    def stop_training(self, training: str) -> Training:
        """Ask it to end; its script gets SIGTERM and may save."""
        return self.one(Training, "POST", f"trainings/{segment(training)}/stop")

    def check_training(self, training: NewTraining) -> TrainingCheck:
        """Everything that would keep a training from running, before it is submitted."""
        return self.one(TrainingCheck, "POST", "trainings/check", json=training)

    def start_training(self, training: str, change: StartTraining | None = None) -> Training:
        """Start an ended one again, as it was or with ``change``."""
        return self.one(Training, "POST", f"trainings/{segment(training)}/start", json=change or StartTraining())

    def pause_training(self, training: str) -> Training:
        """Ask it to save and to end, so that it goes on later from its last checkpoint."""
        return self.one(Training, "POST", f"trainings/{segment(training)}/pause")

    def resume_training(self, training: str) -> Training:
        """Go on from the newest complete checkpoint."""
        return self.one(Training, "POST", f"trainings/{segment(training)}/resume")

    def delete_training(self, training: str) -> None:
        """Delete an ended training with its run folder; kept models stay."""
        self.send("DELETE", f"trainings/{segment(training)}")

    def tensorboard(self, training: str) -> str:
        """The full address of a TensorBoard on this run, which ends by itself; it asks for the browser's sign-in."""
        path = f"trainings/{segment(training)}/tensorboard"
        return self.root + self.one(_Address, "POST", path, timeout=TENSORBOARD_TIMEOUT).address

    def instance(self, instance: str) -> Instance:
        """One run of a training's script, with its newest numbers."""
        return self.one(Instance, "GET", f"instances/{segment(instance)}")

    def curves(
        self, instance: str, points: int = 500, tags: str = "", first: int | None = None, last: int | None = None
    ) -> Curves:
        """The scalars of an instance, about ``points`` of each; ``tags`` with commas, from step ``first`` to ``last``."""
        query = given(points=points, tags=tags or None, **{"from": first, "to": last})
        return self.one(Curves, "GET", f"instances/{segment(instance)}/curves", params=query)

    def jobs(self, **query: Any) -> Page[Job]:
        """The caller's jobs, the newest first; ``kind``, ``state``, ``all``, ``offset``, ``limit``."""
        return self.one(Page[Job], "GET", "jobs", params=query)

    def job(self, job: str) -> Job:
        """One job: formatting, a training, the making of a dataset."""
        return self.one(Job, "GET", f"jobs/{segment(job)}")

    def stop_job(self, job: str) -> Job:
        """Ask a job to end."""
        return self.one(Job, "POST", f"jobs/{segment(job)}/stop")

    def attempts(self, job: str) -> list[Attempt]:
        """Every start of a job, the newest first, and how each ended."""
        return self.one(list[Attempt], "GET", f"jobs/{segment(job)}/attempts")

    def wait_for_job(self, job: str, told: Callable[[Job], None] = lambda job: None) -> Job:
        """The job once it has ended; ``told`` is called with what is known meanwhile, whenever that may have changed."""
        for _ in self._chances("job", job, POLL_SECONDS):
            if (now := self.job(job)).state in ENDED:
                return now
            told(now)
        raise AssertionError("chances never end")

    def replicas(self, job: str) -> list[Replica]:
        """The processes of a distributed job and how each stands; none where it is one process."""
        return self.one(list[Replica], "GET", f"jobs/{segment(job)}/replicas")

    def log(self, job: str, offset: int = 0, limit: int = 1 << 20, replica: str = "") -> tuple[bytes, int]:
        """At most ``limit`` bytes of a job's output from ``offset`` on, and how many there are by now.

        A negative ``offset`` counts from the end; ``replica`` names a process of a distributed job.
        """
        query = given(offset=offset, limit=limit, replica=replica or None)
        answer = self.send("GET", f"jobs/{segment(job)}/log", params=query)
        return answer.content, int(answer.headers.get("Log-Size", len(answer.content)))

    def follow(self, job: str, offset: int = 0, replica: str = "") -> Iterator[bytes]:
        """A job's output from ``offset`` on as it comes, until the job has ended, also while the platform is started again."""
        from trainyard.client.sockets import followed, open_socket

        path = f"jobs/{segment(job)}/log/follow?replica={segment(replica)}&cuts=true&offset="
        return followed(lambda at: open_socket(self, f"{path}{at}"), offset)

    def log_lines(
        self, job: str, since: str | None = "start", limit: int = 1 << 20, *, replica: str = "all", times: bool = False
    ) -> tuple[bytes, str]:
        """Lines of all replicas of a distributed job in the order they were written, and the cursor behind them.

        Each has its replica's name in front. ``since`` is such a cursor, ``start``, or None for the last ``limit`` bytes.
        ``times``: when each was written stands in front (``2026-11-22T09:35:14Z``), and ``replica`` may name one, or be empty
        where the job is one process.
        """
        query = given(replica=replica or None, since=since, limit=limit, times=times or None)
        answer = self.send("GET", f"jobs/{segment(job)}/log", params=query)
        return answer.content, answer.headers["Log-Next"]

    def follow_lines(self, job: str, since: str = "start", *, replica: str = "all", times: bool = False) -> Iterator[bytes]:
        """The same as it comes, until the job has ended."""
        from trainyard.client.sockets import open_socket, received

        query = f"replica={segment(replica)}&since={segment(since)}&times={str(times).lower()}"
        with open_socket(self, f"jobs/{segment(job)}/log/follow?{query}") as socket:
            yield from received(socket)
