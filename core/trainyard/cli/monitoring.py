"""Commands that look closely: what a job uses, its log searched, runs side by side, curves as files."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trainyard.cli.call import Json, find, find_job, signed_in
from trainyard.cli.jobs import OfReplica, jobs
from trainyard.cli.jobs import Which as WhichJob
from trainyard.cli.show import as_json, as_table, done
from trainyard.cli.training import train
from trainyard.sizes import readable
from trainyard.words import N_

if TYPE_CHECKING:
    from trainyard.records.monitoring import ComparedRun, JobUsage

Several = Annotated[list[str], typer.Argument(help="Names or identifiers of trainings.")]
Target = Annotated[Path, typer.Argument(help="Where to write.")]
OneReplica = Annotated[str, typer.Option("--replica", help="Of a distributed job only this process, such as worker1.")]


@jobs.command("usage")
def job_usage(job: WhichJob, replica: OneReplica = "", json: Json = False) -> None:
    """Processor, memory, cards, disk and network of a job: now, mean, most, and the package's limit."""
    with signed_in() as client:
        found = client.job_usage(find_job(client, job), replica=replica)
    if json:
        return as_json(found)
    return as_table(("what", "now", "mean", "most", "limit"), _use_rows(found))


@jobs.command()
def search(
    job: WhichJob,
    text: Annotated[str, typer.Argument(help="What to look for; case does not matter.")],
    replica: OfReplica = "",
    json: Json = False,
) -> None:
    """Lines of a job's output that hold a text, with their numbers; of all replicas, with their names."""
    with signed_in() as client:
        matches = client.log_matches(find_job(client, job), text, replica)
        if json:
            return as_json(list(matches))
        for match in matches:
            sys.stdout.write(f"{match.line or match.replica}:{match.text}\n")
    return None


@jobs.command()
def download(job: WhichJob, target: Target, replica: OfReplica = "", json: Json = False) -> None:
    """The whole output of a job as a file."""
    with signed_in() as client:
        client.download_log(find_job(client, job), target, replica)
    done(N_("Wrote {file}."), json=json, file=str(target))


@train.command()
def compare(trainings: Several, json: Json = False) -> None:
    """Trainings side by side: hyper-parameters that differ, the last value of every scalar."""
    with signed_in() as client:
        found = client.compare([find(client, "trainings", one) for one in trainings])
    if json:
        return as_json(found)
    tags = sorted({tag for run in found.runs for tag in run.metrics if not tag.startswith("progress/")})
    rows = [("state", *(run.state for run in found.runs))]
    rows += [(name, *(str(run.parameters.get(name, "–")) for run in found.runs)) for name in found.differing]
    rows += [(tag, *(_metric(run, tag) for run in found.runs)) for tag in tags]
    return as_table(("", *(run.name for run in found.runs)), rows)


@train.command()
def tensorboards(trainings: Several, json: Json = False) -> None:
    """Start one TensorBoard on several trainings and print its address, for a browser that is signed in."""
    with signed_in() as client:
        address = client.tensorboard_on([find(client, "trainings", one) for one in trainings])
    return as_json({"address": address}) if json else typer.echo(address)


class Across(StrEnum):
    """The horizontal axis of a picture."""

    STEP = "step"
    EPOCH = "epoch"
    TIME = "time"


@train.command()
def draw(
    trainings: Several,
    target: Annotated[Path, typer.Option("--to", help="A file ending in .png, .svg or .csv.")],
    tags: Annotated[str, typer.Option(help="Only these, with commas, such as loss/train.")] = "",
    smoothing: Annotated[float, typer.Option(min=0, max=0.99, help="0 to 0.99.")] = 0,
    across: Annotated[Across, typer.Option("--x", help="What is drawn across.")] = Across.STEP,
    logarithmic: Annotated[bool, typer.Option("--log", help="Draw values on a logarithmic axis.")] = False,
    json: Json = False,
) -> None:
    """Curves of trainings as a picture, or every point as CSV."""
    from trainyard.errors import Invalid, NotFound

    if target.suffix not in (".png", ".svg", ".csv"):
        sentence = N_("The file {file} must end in .png, .svg or .csv.")
        raise Invalid("format-unknown", sentence, field="target", file=str(target))
    with signed_in() as client:
        found = client.compare([find(client, "trainings", one) for one in trainings])
        instances = [run.instance for run in found.runs if run.instance]
        if not instances:
            raise NotFound("no-instance", N_("The training {name} has reported nothing yet."), name=found.runs[0].name)
        client.draw(instances, target, tags, smoothing, x=across.value, logarithmic=logarithmic)
    done(N_("Wrote {file}."), json=json, file=str(target))


def _metric(run: ComparedRun, tag: str) -> str:
    value = run.metrics.get(tag)
    return "–" if value is None else f"{value:.6g}"


def _use_rows(found: JobUsage) -> list[tuple[str, ...]]:
    rows = []
    for name in ("cpu", "memory", "gpu", "gpu_memory", "disk_read", "disk_write", "network_in", "network_out"):
        known = [value for value in getattr(found, name) if value is not None]
        if known:
            plain = name in ("cpu", "gpu")
            numbers = (known[-1], sum(known) / len(known), max(known))
            limit = getattr(found, f"{name}_limit", None)
            shown = ("–" if number is None else f"{number:.3g}" if plain else readable(number) for number in (*numbers, limit))
            rows.append((name.replace("_", " "), *shown))
    return rows
