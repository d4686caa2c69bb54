"""``trainyard jobs``: everything that takes long, whatever it is for."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from trainyard.cli.call import MOST, Json, signed_in
from trainyard.cli.show import as_fields, as_json, as_table

if TYPE_CHECKING:
    from trainyard.client import Client
    from trainyard.records.jobs import Job

jobs = typer.Typer(no_args_is_help=True)
Which = Annotated[str, typer.Argument(help="Identifier of a job.")]
Follow = Annotated[bool, typer.Option("-f", "--follow", help="Until it ends.")]
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
        show_job(client.job(job), json=json)


@jobs.command()
def stop(job: Which, json: Json = False) -> None:
    """Ask a job to end."""
    with signed_in() as client:
        show_job(client.stop_job(job), json=json)


@jobs.command()
def logs(job: Which, follow: Follow = False, tail: Tail = 0) -> None:
    """The output of a job."""
    with signed_in() as client:
        write_log(client, job, follow=follow, tail=tail)


def write_log(client: Client, job: str, *, follow: bool, tail: int = 0, aside: bool = False) -> None:
    """Write a job's output as it is, bytes for bytes; ``aside`` on standard error, where JSON is the answer."""
    out = (sys.stderr if aside else sys.stdout).buffer
    begin = max(0, client.log(job, 0, 1)[1] - tail) if tail else 0
    if follow:
        for data in client.follow(job, begin):
            out.write(data)
            out.flush()
        return
    while data := client.log(job, begin)[0]:
        out.write(data)
        begin += len(data)


def show_job(job: Job, *, json: bool) -> None:
    """One job for people or programs."""
    if json:
        return as_json(job)
    progress = f"{job.progress.done} / {job.progress.total}" if job.progress else None
    return as_fields(
        [
            ("id", job.id), ("kind", job.kind), ("name", job.name), ("owner", job.owner.name), ("group", job.group),
            ("state", job.state), ("waits for", job.waiting.text if job.waiting else None), ("progress", progress),
            ("image", job.image), ("package", job.package), ("created", job.created), ("started", job.started),
            ("ended", job.ended), ("how", job.ending.text if job.ending else None),
        ]
    )  # fmt: skip


def why(job: Job) -> str:
    """How a job ended, and the last lines it said if it failed."""
    if job.ending is None:
        return ""
    return "\n".join([job.ending.text, *(job.ending.last_lines if job.state == "failed" else ())])
