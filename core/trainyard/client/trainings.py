"""Trainings with their curves, and the jobs behind everything that takes long: logs, waiting, stopping."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

from trainyard.client.transport import Transport, given, segment
from trainyard.jobs.states import ENDED
from trainyard.records.base import Page, Record
from trainyard.records.jobs import Job
from trainyard.records.trainings import Curves, Instance, NewTraining, Training

POLL_SECONDS = 0.5


class _Address(Record):
    """Where something is reached, below the platform's own address."""

    address: str


class Trainings(Transport):
    """``/trainings``, ``/instances`` and ``/jobs``."""

    def submit(self, training: NewTraining) -> Training:
        """Submit a training; refused with the reason before anything starts."""
        return self.one(Training, "POST", "trainings", json=training)

    def trainings(self, **query: Any) -> Page[Training]:
        """The caller's trainings and those of their groups; ``state``, ``search``, ``mine``, ``offset``, ``limit``."""
        return self.one(Page[Training], "GET", "trainings", params=query)

    def training(self, training: str) -> Training:
        """One training with its instances."""
        return self.one(Training, "GET", f"trainings/{segment(training)}")

    def stop_training(self, training: str) -> Training:
        """Ask it to end; its script gets SIGTERM and may save."""
        return self.one(Training, "POST", f"trainings/{segment(training)}/stop")

    def start_training(self, training: str) -> Training:
        """Start an ended one again with the same configuration."""
        return self.one(Training, "POST", f"trainings/{segment(training)}/start")

    def delete_training(self, training: str) -> None:
        """Delete an ended training with its run folder; kept models stay."""
        self.send("DELETE", f"trainings/{segment(training)}")

    def tensorboard(self, training: str) -> str:
        """The full address of a TensorBoard on this run, which ends by itself; it asks for the browser's sign-in."""
        path = self.one(_Address, "POST", f"trainings/{segment(training)}/tensorboard").address
        return self.root + path

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

    def wait_for_job(self, job: str, told: Callable[[Job], None] = lambda job: None) -> Job:
        """The job once it has ended; ``told`` is called with what is known meanwhile, about twice a second."""
        while (now := self.job(job)).state not in ENDED:
            told(now)
            time.sleep(POLL_SECONDS)
        return now

    def log(self, job: str, offset: int = 0, limit: int = 1 << 20) -> tuple[bytes, int]:
        """At most ``limit`` bytes of a job's output from ``offset`` on, and how many there are by now.

        A negative ``offset`` counts from the end.
        """
        answer = self.send("GET", f"jobs/{segment(job)}/log", params={"offset": offset, "limit": limit})
        return answer.content, int(answer.headers.get("Log-Size", len(answer.content)))

    def follow(self, job: str, offset: int = 0) -> Iterator[bytes]:
        """A job's output from ``offset`` on as it comes, until the job has ended."""
        from trainyard.client.sockets import open_socket, received

        with open_socket(self, f"jobs/{segment(job)}/log/follow?offset={offset}") as socket:
            yield from received(socket)
