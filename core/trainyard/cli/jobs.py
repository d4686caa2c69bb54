"""``trainyard jobs``: everything that takes long, whatever it is for."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trainyard.cli.call import MOST, Json, find_job, signed_in
from trainyard.cli.show import as_fields, as_json, as_table, language, size
from trainyard.words import N_, translate

if TYPE_CHECKING:
    from trainyard.client import Client
    from trainyard.records.distributed import Replica
    from trainyard.records.jobs import Ending, Job

jobs = typer.Typer(no_args_is_help=True)
MOST_AT_ONCE = 8 << 20
"""Bytes that one call answers at most."""
_UNPRINTED = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|[\x00-\x08\x0b-\x1f\x7f-\x9f]")
Which = Annotated[str, typer.Argument(help="Identifier of a job, or a training.")]
Follow = Annotated[bool, typer.Option("-f", "--follow", help="Until it ends.")]
OfReplica = Annotated[
    str, typer.Option("--replica", help="Of a distributed job, such as worker1, or all; else the first worker.")
]
Times = Annotated[bool, typer.Option("--times", help="When each line was written (UTC) in front of it.")]
Tail = Annotated[int, typer.Option(min=0, help="Only the last so many bytes; 0 for all.")]


@jobs.command("list")
def list_jobs(
    kind: Annotated[str, typer.Option(help="prepare, format or train.")] = "",
    state: Annotated[str, typer.Option(help="Such as queued or running.")] = "",
    everybody: Annotated[bool, typer.Option("--all", help="Those of your groups too.")] = False,
    json: Json = False,
) -> None:
    """Jobs, the newest first, and why one waits."""
    chosen = {name: value for name, value in (("kind", kind), ("state", state)) if value}
    with signed_in() as client:
        found = client.jobs(all=everybody, limit=MOST, **chosen).items
    if json:
        return as_json(found)
    rows = [(one.id, one.kind, one.name, one.state, one.owner.name, one.waiting.text if one.waiting else "") for one in found]
    return as_table(("id", "kind", "name", "state", "owner", "waits for"), rows)


@jobs.command()
def show(job: Which, json: Json = False) -> None:
    """One job: why it waits, how far it is, how it ended."""
    with signed_in() as client:
        show_job(client.job(find_job(client, job)), json=json)


@jobs.command()
def stop(job: Which, json: Json = False) -> None:
    """Ask a job to end."""
    with signed_in() as client:
        show_job(client.stop_job(find_job(client, job)), json=json)


@jobs.command()
def logs(job: Which, follow: Follow = False, tail: Tail = 0, replica: OfReplica = "", times: Times = False) -> None:
    """The output of a job."""
    with signed_in() as client:
        write_log(client, find_job(client, job), Chosen(replica, tail, times), follow=follow)


@jobs.command()
def replicas(job: Which, json: Json = False) -> None:
    """The processes of a distributed job and how each stands."""
    with signed_in() as client:
        found = client.replicas(find_job(client, job))
    if json:
        return as_json(found)
    rows = [(one.name, one.state, one.package, one.started, one.ended, _how(one), one.log) for one in found]
    return as_table(("replica", "state", "package", "started", "ended", "how", "log"), rows)


def _how(one: Replica) -> str:
    """Cause and code of an end."""
    number = one.exit_code if one.exit_code is not None else one.signal
    return " ".join(str(part) for part in (one.cause, number) if part is not None)


@dataclass(frozen=True)
class Chosen:
    """What of a log is wanted: one process' or all of them, the last ``tail`` bytes (0: all), with the times of its lines."""

    replica: str = ""
    tail: int = 0
    times: bool = False


WHOLE = Chosen()


def write_log(client: Client, job: str, chosen: Chosen = WHOLE, *, follow: bool, aside: bool = False) -> None:
    """Write a job's output, bytes for bytes or line by line; ``aside`` on standard error, where JSON is the answer."""
    out = (sys.stderr if aside else sys.stdout).buffer
    in_lines = chosen.times or chosen.replica == "all"
    for data in (_lines if in_lines else _bytes)(client, job, chosen, follow=follow):
        out.write(data)
        out.flush()


def _bytes(client: Client, job: str, chosen: Chosen, *, follow: bool) -> Iterator[bytes]:
    """The output as it is."""
    begin = max(0, client.log(job, 0, 1, chosen.replica)[1] - chosen.tail) if chosen.tail else 0
    if follow:
        yield from client.follow(job, begin, chosen.replica)
        return
    while data := client.log(job, begin, replica=chosen.replica)[0]:
        yield data
        begin += len(data)


def _lines(client: Client, job: str, chosen: Chosen, *, follow: bool) -> Iterator[bytes]:
    """Whole lines, with what is wished in front of them."""
    read = partial(client.log_lines, job, replica=chosen.replica, times=chosen.times)
    data, since = read(None, min(chosen.tail, MOST_AT_ONCE)) if chosen.tail else (b"", "start")
    yield data
    if follow:
        yield from client.follow_lines(job, since, replica=chosen.replica, times=chosen.times)
        return
    while (found := read(since))[0]:
        data, since = found
        yield data


def show_job(job: Job, *, json: bool) -> None:
    """One job for people or programs."""
    if json:
        as_json(job)
        return
    progress = f"{job.progress.done} / {job.progress.total}" if job.progress else None
    as_fields(
        [
            ("id", job.id), ("kind", job.kind), ("name", job.name), ("owner", job.owner.name), ("group", job.group),
            ("state", job.state), *waiting_rows(job), ("progress", progress),
            ("image", job.image), ("package", job.package), ("created", job.created), ("started", job.started),
            ("ended", job.ended), *stopping_rows(job), *ending_rows(job.ending), *retry_rows(job),
        ]
    )  # fmt: skip
    show_last_lines(job)


def waiting_rows(job: Job) -> list[tuple[str, Any]]:
    """Its place in the queue and what is short; the whole reason is `trainyard jobs why`."""
    told = job.waiting
    return [("place", f"{told.place} / {told.of}"), ("waits for", told.text)] if told else []


@jobs.command()
def attempts(job: Which, json: Json = False) -> None:
    """Every start of a job and how it ended, the newest first."""
    with signed_in() as client:
        found = client.attempts(find_job(client, job))
    if json:
        return as_json(found)
    rows = [(one.number, one.created, one.ended, one.ending.text if one.ending else "") for one in found]
    return as_table(("attempt", "started", "ended", "how"), rows)


def ending_rows(ending: Ending | None) -> list[tuple[str, Any]]:
    """How it ended, what it used of its limits, and what to do."""
    if ending is None:
        return []
    used: list[tuple[str, float | None, float | None, Callable[[float], str]]] = [
        (N_("memory {used} of {limit}"), ending.peak_memory, ending.memory_limit, size),
        (N_("{used} of {limit} cores"), ending.peak_cpu, ending.cpu_limit, "{:.3g}".format),
        (N_("GPU memory {used} of {limit}"), ending.peak_gpu_memory, ending.gpu_memory_limit, size),
    ]
    peaks = [
        translate(words, language(), used=shown(peak), limit=shown(limit))
        for words, peak, limit, shown in used
        if peak is not None and limit
    ]
    offer = ending.offer.package if ending.offer else None
    return [
        ("how", ending.text),
        ("at most used", ", ".join(peaks)),
        ("what to do", ending.suggestion),
        ("twice the memory", offer),
    ]


def stopping_rows(job: Job) -> list[tuple[str, Any]]:
    """That it is about to end, while it is still there."""
    from trainyard.jobs.states import ENDED

    if job.state in ENDED or job.wanted == "run":
        return []
    return [("asked to end", translate(N_("yes; what is left when its time to save is over is killed"), language()))]


def show_last_lines(job: Job) -> None:
    """What a failed job said last."""
    if job.state == "failed" and job.ending and job.ending.last_lines:
        print("\n" + last_lines(job.ending))


def last_lines(ending: Ending) -> str:
    """The last lines of the output without what a terminal would obey: they may be somebody else's."""
    return "\n".join(_UNPRINTED.sub("", line) for line in ending.last_lines)


def retry_rows(job: Job) -> list[tuple[str, Any]]:
    """How often it was started again by itself, and when next."""
    if job.restart is None:
        return []
    return [("started again by itself", f"{job.retries} / {job.restart.max_retries}"), ("next try", job.retry_at)]


def why(job: Job) -> str:
    """How a job ended, and the last lines it said if it failed."""
    if job.ending is None:
        return ""
    return "\n".join([job.ending.text, *([last_lines(job.ending)] if job.state == "failed" and job.ending.last_lines else ())])
