"""What there is to be given out: packages, virtual clusters and guarantees (administrators), and why something waits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from trainyard.cli.call import Json, find, find_job, signed_in
from trainyard.cli.groups import Cpu, Gpu, Memory, Name, groups, in_bytes
from trainyard.cli.jobs import Which, jobs
from trainyard.cli.show import as_fields, as_json, as_table, done, say_aside, size, word
from trainyard.cli.training import train
from trainyard.words import N_

if TYPE_CHECKING:
    from trainyard.records.jobs import Waiting
    from trainyard.records.resources import Cluster

package = typer.Typer(no_args_is_help=True)
clusters = typer.Typer(no_args_is_help=True)
Called = Annotated[str, typer.Argument(help="A name of letters, digits, dots and dashes.")]
Cores = Annotated[float, typer.Option(help="Cores.")]
Size = Annotated[str, typer.Option(help="Such as 64G.")]
Gpus = Annotated[int, typer.Option(min=0, help="GPUs.")]
GpuType = Annotated[str | None, typer.Option(help="The type of the GPUs, as `trainyard usage` tells them; any by default.")]


@package.command("put")
def put_package(name: Called, cpu: Cores, memory: Size, gpu: Gpus = 0, gpu_type: GpuType = None, json: Json = False) -> None:
    """Declare a resource package, or change one that nothing uses (administrators)."""
    from trainyard.records.resources import NewPackage

    with signed_in() as client:
        new = NewPackage(cpu=cpu, memory=in_bytes(memory, "memory") or 0, gpu=gpu, gpu_type=gpu_type)
        one = client.put_package(name, new)
    if json:
        return as_json(one)
    if one.why_not:
        say_aside(one.why_not)
    return as_fields([("package", one.name), ("cores", f"{one.cpu:g}"), ("memory", size(one.memory)), ("gpu", one.gpu)])


@package.command("delete")
def delete_package(name: Called, json: Json = False) -> None:
    """Offer a package no more (administrators)."""
    with signed_in() as client:
        client.delete_package(name)
    done(N_("Deleted {deleted}."), json=json, deleted=name)


@clusters.command("list")
def list_clusters(json: Json = False) -> None:
    """Virtual clusters: named shares of the machine."""
    with signed_in() as client:
        found = client.clusters()
    return as_json(found) if json else _table(found)


@clusters.command("put")
def put_cluster(
    name: Called,
    cpu: Cores,
    memory: Size,
    gpu: Gpus = 0,
    gpu_type: GpuType = None,
    hours: Annotated[float, typer.Option(help="At most so many hours for each training.")] = 72,
    person_cpu: Annotated[float | None, typer.Option(min=0, help="Cores at once for each person.")] = None,
    person_memory: Annotated[str | None, typer.Option(help="Memory at once for each person, such as 64G.")] = None,
    person_gpu: Annotated[int | None, typer.Option(min=0, help="GPUs at once for each person.")] = None,
    person_jobs: Annotated[int | None, typer.Option(min=0, help="Running jobs at once for each person.")] = None,
    group: Annotated[
        list[str] | None, typer.Option(help="Who may use it; repeat it for several, everybody by default.")
    ] = None,
    description: Annotated[str, typer.Option(help="What it is.")] = "",
    json: Json = False,
) -> None:
    """Declare a virtual cluster, or change one that nothing uses (administrators)."""
    from trainyard.records.accounts import Quota
    from trainyard.records.resources import NewCluster

    each = Quota(cpu=person_cpu, memory=in_bytes(person_memory, "person_memory"), gpu=person_gpu, jobs=person_jobs)
    with signed_in() as client:
        new = NewCluster(
            description=description, device_type=gpu_type, cpu=cpu, memory=in_bytes(memory, "memory") or 0, gpu=gpu,
            person=each, hours=hours, groups=group or [],
        )  # fmt: skip
        one = client.put_cluster(name, new)
    return as_json(one) if json else _table([one])


@clusters.command("delete")
def delete_cluster(name: Called, json: Json = False) -> None:
    """Give a cluster's share back to the rest of the machine (administrators)."""
    with signed_in() as client:
        client.delete_cluster(name)
    done(N_("Deleted {deleted}."), json=json, deleted=name)


def _table(found: list[Cluster]) -> None:
    rows = [
        (
            one.name, one.device_type or "–", f"{one.use.gpu} / {one.gpu}", f"{one.use.cpu:g} / {one.cpu:g}",
            f"{size(one.use.memory)} / {size(one.memory)}", f"{one.hours:g}", ", ".join(one.groups) or "–",
        )
        for one in found
    ]  # fmt: skip
    as_table(("name", "gpu type", "gpu", "cpu", "memory", "hours", "groups"), rows)


@groups.command()
def guarantee(name: Name, cpu: Cpu = None, memory: Memory = None, gpu: Gpu = None, json: Json = False) -> None:
    """What a group gets before anybody borrows; amounts that are not given stay (administrators)."""
    given = {"cpu": cpu, "memory": in_bytes(memory, "memory"), "gpu": gpu}
    changes = {key: value for key, value in given.items() if value is not None}
    with signed_in() as client:
        found = client.group(name)
        if changes:
            found = client.set_guarantee(name, found.guaranteed.model_copy(update=changes))
    if json:
        return as_json(found)
    one = found.guaranteed
    return as_fields([("name", found.name), ("cores", f"{one.cpu:g}"), ("memory", size(one.memory)), ("gpu", one.gpu)])


@jobs.command()
def why(job: Which, json: Json = False) -> None:
    """Why a job waits: what is short and who holds it, what would start now, how long it waits at most."""
    with signed_in() as client:
        told = client.waiting(find_job(client, job))
    if json:
        return as_json(told) if told else typer.echo("null")
    return as_fields(_reasons(told)) if told else typer.echo(word(N_("It does not wait.")))


def _reasons(told: Waiting) -> list[tuple[str, object]]:
    held = ", ".join(f"{one.group or '–'} {_amount(told, one.used)}" for one in told.holders)
    return [
        ("place", f"{told.place} / {told.of}"),
        ("waits for", told.text),
        ("free", _amount(told, told.free)),
        ("set aside", _amount(told, told.reserved)),
        ("held by", held or None),
        ("would start now", told.startable_now),
        ("starts at the latest", told.at_latest),
    ]


def _amount(told: Waiting, value: float) -> str:
    return size(value) if told.resource in ("memory", "disk") else f"{value:g}"


@train.command("package")
def choose_package(
    training: Annotated[str, typer.Argument(help="Name or identifier of a training that waits.")],
    package: Annotated[str, typer.Argument(help="A resource package, see `trainyard packages`.")],
    json: Json = False,
) -> None:
    """Take another package for a training that waits; it keeps its place in the queue."""
    with signed_in() as client:
        found = client.choose_package(find(client, "trainings", training), package)
    if json:
        return as_json(found)
    return as_fields([("name", found.name), ("package", found.job.package), ("state", found.job.state)])
