"""``trainyard train``: submit trainings and look after them."""

from __future__ import annotations

import sys
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trainyard.cli.call import MOST, Json, find, signed_in
from trainyard.cli.jobs import (
    Chosen,
    Follow,
    OfReplica,
    Tail,
    Times,
    ending_rows,
    retry_rows,
    show_last_lines,
    stopping_rows,
    waiting_rows,
    why,
    write_log,
)
from trainyard.cli.show import as_fields, as_json, as_table, done, language, say_aside, word
from trainyard.words import N_, translate

if TYPE_CHECKING:
    from trainyard.client import Client
    from trainyard.records.trainings import Instance, Training, TrainingCheck

train = typer.Typer(no_args_is_help=True)
DEFAULT_PRIORITY = 100
DEFAULT_HOURS = 72.0
Which = Annotated[str, typer.Argument(help="Name or identifier of a training.")]
Wait = Annotated[bool, typer.Option("--wait", help="Until it has ended; exit code 1 unless it finished.")]


@train.command("list")
def list_trainings(
    search: Annotated[str, typer.Option(help="Words that are in the name.")] = "",
    state: Annotated[str, typer.Option(help="Such as queued or running.")] = "",
    mine: Annotated[bool, typer.Option("--mine", help="Only your own.")] = False,
    trials: Annotated[bool, typer.Option("--trials", help="The trials of searches too.")] = False,
    json: Json = False,
) -> None:
    """Trainings you may see, the newest first."""
    with signed_in() as client:
        chosen = {"state": state} if state else {}
        found = client.trainings(search=search, mine=mine, trials=trials, limit=MOST, **chosen).items
    if json:
        return as_json(found)
    rows = [(one.id, one.name, one.job.state, one.job.owner.name, one.job.image, one.job.package) for one in found]
    return as_table(("id", "name", "state", "owner", "image", "package"), rows)


@train.command()
def submit(
    name: str,
    batch: Annotated[str, typer.Option(help="A batch: its train, val and test sets are taken.")] = "",
    set_format: Annotated[str, typer.Option("--format", help="With --batch: a format it has.")] = "recordio",
    train_set: Annotated[str | None, typer.Option(help="A formatted set, see `trainyard batches list`.")] = None,
    val_set: Annotated[str | None, typer.Option(help="A formatted set.")] = None,
    test_set: Annotated[str | None, typer.Option(help="A formatted set.")] = None,
    group: Annotated[str, typer.Option(help="The group that is charged; your first by default.")] = "",
    image: Annotated[str, typer.Option(help="See `trainyard images`.")] = "mxnet",
    package: Annotated[str, typer.Option(help="Resources; by default the largest that fits and has no GPU.")] = "",
    entry: Annotated[str, typer.Option(help="A program with its arguments; the image's example by default.")] = "",
    parameters: Annotated[Path | None, typer.Option(help="A JSON file with hyper-parameters.")] = None,
    hours: Annotated[float | None, typer.Option(help="At most so many hours; 72, or what the cluster allows.")] = None,
    description: Annotated[str, typer.Option(help="What it is.")] = "",
    retries: Annotated[int, typer.Option(min=0, max=100, help="Start it again by itself at most so often.")] = 0,
    retry_on: Annotated[str, typer.Option(help="After what: transient, unknown, permanent; with commas.")] = "transient",
    go_on: Annotated[bool, typer.Option("--go-on", help="With --retries: go on also after the time limit.")] = False,
    backoff: Annotated[float, typer.Option(help="With --retries: seconds before the first, each further twice as long.")] = 30,
    cluster: Annotated[str | None, typer.Option(help="A virtual cluster, see `trainyard clusters list`.")] = None,
    priority: Annotated[int, typer.Option(help="100 is usual, up to 200; higher goes first.")] = 100,
    preemptible: Annotated[bool, typer.Option("--preemptible", help="Use what is idle, and give way to others.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only try one batch, on the processor.")] = False,
    log_pattern: Annotated[
        list[str] | None,
        typer.Option(help="Make curves of what it prints: caffe, darknet, mxnet, key-value or TAG=EXPRESSION."),
    ] = None,
    workers: Annotated[int, typer.Option(min=0, max=32, help="Run it as so many processes together.")] = 0,
    servers: Annotated[
        int | None, typer.Option(min=1, max=16, help="With --workers, for MXNet: parameter servers; else 1.")
    ] = None,
    distributed: Annotated[
        str, typer.Option(help="With --workers: pytorch, tensorflow or mxnet; by default what the image has.")
    ] = "",
    role_package: Annotated[
        list[str] | None, typer.Option(help="With --workers: ROLE=PACKAGE, such as server=2Core4G; else --package.")
    ] = None,
    local: Annotated[bool, typer.Option("--local", help="Run it here instead, to look for its mistakes.")] = False,
    check: Annotated[bool, typer.Option("--check", help="Only say what would keep it from running.")] = False,
    wait: Wait = False,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Show its output until it has ended.")] = False,
    json: Json = False,
) -> None:
    """Submit a training on formatted sets."""
    from trainyard.cli.choices import Choices

    given = {"train_set": train_set, "val_set": val_set, "test_set": test_set}
    with signed_in() as client:
        choices = Choices(client, group, image)
        sets = choices.sets(batch, set_format) | {name: value for name, value in given.items() if value}
        wanted = choices.training(
            {
                **sets, "name": name, "description": description, "parameters": read_parameters(parameters),
                "hours": most_hours(client, cluster) if hours is None else hours,
                "restart": {
                    "max_retries": retries, "on": retry_on.split(","), "after_time_limit": go_on, "backoff": backoff,
                },
                "cluster": cluster, "priority": priority, "preemptible": preemptible, "dry_run": dry_run,
                "log_patterns": log_pattern or [],
                "distributed": several(workers, servers, distributed, image, role_package or []),
            },
            package=package,
            entry=entry,
        )  # fmt: skip
        if check:
            show_check(client.check_training(wanted), json=json)
            return
        if local:
            raise typer.Exit(min(1, abs(client.submit(wanted, where="local").wait())))
        training = client.submit(wanted)
        if wait or follow:
            training = ended(client, training, follow=follow, aside=json)
        show_training(training, json=json, waited=wait or follow)
        _must_have_finished(training, waited=wait or follow)


def most_hours(client: Client, cluster: str | None) -> float:
    """How long a training may run if nobody says it: as long as usual, or as its virtual cluster allows."""
    allowed = [one.hours for one in client.clusters() if one.name == cluster] if cluster else []
    return min([DEFAULT_HOURS, *(hours for hours in allowed if hours)])


def several(workers: int, servers: int | None, framework: str, image: str, packages: list[str]) -> dict[str, Any] | None:
    """What ``NewTraining.distributed`` says; None for one process.

    Raises:
        Invalid: the framework cannot be told from the image, or a package names no role.
        WronglyUsed: what only several processes have is given for one.
    """
    from trainyard.cli.usage import WronglyUsed
    from trainyard.errors import Invalid
    from trainyard.records.distributed import DistributedKind, Role

    if not workers:
        given = {"--servers": servers, "--distributed": framework, "--role-package": packages}
        if alone := [option for option, value in given.items() if value]:
            raise WronglyUsed(N_("{option} counts only with --workers."), option=", ".join(alone))
        return None
    named_by = framework or image
    kind = next((one for one in DistributedKind if one in named_by), None)
    if kind is None:
        sentence = N_("How the {workers} processes find each other is not clear from {image}.")
        hint = N_("Say --distributed pytorch, tensorflow or mxnet.")
        raise Invalid("distributed-unknown", sentence, hint=hint, field="distributed", workers=workers, image=named_by)
    named = dict(one.partition("=")[::2] for one in packages)
    for role in named.keys() - set(Role):
        sentence = N_("{role} is not a role: worker, server or scheduler.")
        raise Invalid("role-unknown", sentence, field="role_package", role=role)
    return {"kind": kind, "workers": workers, "servers": servers or 1, "packages": named}


def read_parameters(path: Path | None) -> dict[str, Any]:
    """The hyper-parameters of that file, by the rules of the training that will read them."""
    from trainyard.errors import Invalid
    from trainyard.training import params

    if path is None:
        return {}
    try:
        path.stat()
        return params.read(path)
    except OSError as error:
        sentence = N_("The hyper-parameters in {file} cannot be used: {reason}")
        raise Invalid("parameters-unusable", sentence, field="parameters", file=str(path), reason=error.strerror) from None


def ended(client: Client, training: Training, *, follow: bool, aside: bool) -> Training:
    """The training once it has ended; an interrupt ends the watching, not the training."""
    from trainyard.cli.steps import Steps
    from trainyard.jobs.states import ENDED

    with Steps(30 * 86_400, out=sys.stderr).step(N_("Train")) as step:

        def ask() -> Training | None:
            now = client.training(training.id)
            step.now(now.job.waiting.text if now.job.waiting else word(now.job.state))
            return now if now.job.state in ENDED else None

        try:
            if follow:
                write_log(client, training.job.id, follow=True, aside=aside)
            found = step.steps.wait(ask)
        except KeyboardInterrupt:
            words = N_("The training goes on without you; `trainyard train wait {id}` waits, `… logs -f {id}` shows more.")
            say_aside(words, id=training.id)
            raise
        step.result = word(found.job.state)
    return found


def _must_have_finished(training: Training, *, waited: bool) -> None:
    from trainyard.errors import Conflict

    if waited and training.job.state != "finished":
        sentence = N_("The training ended as {state}: {why}")
        raise Conflict("training-failed", sentence, state=training.job.state.value, why=why(training.job))


@train.command()
def wait(training: Which, json: Json = False) -> None:
    """Wait until a training has ended; exit code 1 unless it finished."""
    with signed_in() as client:
        found = ended(client, client.training(find(client, "trainings", training)), follow=False, aside=False)
    show_training(found, json=json, waited=True)
    _must_have_finished(found, waited=True)


@train.command()
def show(training: Which, json: Json = False) -> None:
    """One training: how far it is, what it runs with, how it ended."""
    with signed_in() as client:
        found = client.training(find(client, "trainings", training))
    if json:
        return as_json(found)
    show_training(found, json=False)
    rows = [instance_row(one) for one in found.instances]
    if rows:
        as_table(("instance", "state", "epoch", "batch", "samples/s", "elapsed", "remaining", "started", "ended"), rows)
    return None


def instance_row(one: Instance) -> tuple[object, ...]:
    """How far a run of a script is, in the order of the table's columns."""
    epoch = f"{one.epoch_under_way or ''}/{one.epochs or ''}"
    speed = None if one.samples_per_second is None else f"{one.samples_per_second:.3g}"
    times = (_clock(one.elapsed), _clock(one.remaining))
    return (one.id, one.state, epoch, one.batch, speed, *times, one.started, one.stopped)


def _clock(seconds: float | None) -> str:
    return "" if seconds is None else str(timedelta(seconds=round(seconds)))


@train.command()
def stop(training: Which, json: Json = False) -> None:
    """Ask a training to end; it may save first."""
    with signed_in() as client:
        show_training(client.stop_training(find(client, "trainings", training)), json=json)


@train.command()
def delete(training: Which, json: Json = False) -> None:
    """Delete an ended training; its models and its log stay."""
    with signed_in() as client:
        identifier = find(client, "trainings", training)
        client.delete_training(identifier)
    done(N_("Deleted {deleted}."), json=json, deleted=identifier)


@train.command()
def logs(training: Which, follow: Follow = False, tail: Tail = 0, replica: OfReplica = "", times: Times = False) -> None:
    """The output of a training."""
    with signed_in() as client:
        job = client.training(find(client, "trainings", training)).job.id
        write_log(client, job, Chosen(replica, tail, times), follow=follow)


@train.command()
def tensorboard(training: Which, json: Json = False) -> None:
    """Start a TensorBoard on a training and print its address, for a browser that is signed in."""
    with signed_in() as client:
        address = client.tensorboard(find(client, "trainings", training))
    return as_json({"address": address}) if json else typer.echo(address)


def show_training(training: Training, *, json: bool, waited: bool = False) -> None:
    """One training for people or programs; who has ``waited`` for it reads what a failed one said last in the refusal."""
    if json:
        as_json(training)
        return
    from trainyard.jobs.states import ENDED

    job = training.job
    as_fields(
        [
            ("id", training.id), ("name", training.name), ("description", training.description), ("state", job.state),
            *waiting_rows(job), ("owner", job.owner.name), ("group", job.group),
            ("image", job.image), ("package", job.package), ("virtual cluster", job.cluster),
            ("priority", job.priority if job.priority != DEFAULT_PRIORITY else None),
            ("gives way", translate(N_("yes"), language()) if job.preemptible else None), ("entry", training.entry),
            ("sets", ", ".join(f"{split} {one.dataset_name} {one.format}" for split, one in training.sets.items())),
            ("started", job.started), ("ends at the latest", job.deadline if job.state not in ENDED else None),
            ("last output", training.last_output),
            ("ended", job.ended), *stopping_rows(job), *ending_rows(job.ending), *retry_rows(job),
            ("goes on from", _from(training)), ("log", training.log),
        ]
    )  # fmt: skip
    if not waited:
        show_last_lines(job)


def _from(training: Training) -> str | None:
    point = training.checkpoint
    return translate(N_("epoch {epoch}, batch {step}"), language(), epoch=point.epoch, step=point.step) if point else None


def show_check(found: TrainingCheck, *, json: bool) -> None:
    """What a check found; it fails when there is anything to mend.

    Raises:
        Conflict: there is.
    """
    from trainyard.errors import Conflict

    if json:
        as_json(found)
    for one in found.problems if not json else ():
        typer.echo(" ".join(part for part in (one.message, one.hint) if part))
    if found.problems:
        raise Conflict("check-failed", N_("It would not run: {count} to mend."), count=len(found.problems))
    if not json:
        typer.echo(translate(N_("Nothing keeps it from running."), language()))
