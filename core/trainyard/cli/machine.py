"""What the machine offers and who uses it: images, packages, usage, disk, audit, notices, doctor."""

from __future__ import annotations

import importlib
from json import dumps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trainyard.cli.call import MOST, Json, signed_in
from trainyard.cli.show import as_json, as_table, language, say_aside, size, word
from trainyard.words import N_

if TYPE_CHECKING:
    from trainyard.records.disk import DiskParts
    from trainyard.records.hours import HoursRow

DOCTOR = "trainyard_spawner.doctor"
CLUSTER_DOCTOR = "trainyard_spawner.kubernetes.doctor"
DEPLOYMENT_DOCTOR = "trainyard_hub.kubernetes.doctor"
DOCTORS = (DOCTOR, CLUSTER_DOCTOR, DEPLOYMENT_DOCTOR)


def images(json: Json = False) -> None:
    """The images there are."""
    with signed_in() as client:
        found = client.images()
    if json:
        return as_json(found)
    return as_table(
        ("image", "kind", "state", "size", "title"),
        [(f"{one.name}:{one.version}", word(one.kind), word(one.state), size(one.size), one.title) for one in found],
    )


def packages(
    group: Annotated[str | None, typer.Argument(help="As this group may use them; your first by default.")] = None,
    cluster: Annotated[str | None, typer.Option(help="In this virtual cluster.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Also those above what the machine has.")] = False,
    json: Json = False,
) -> None:
    """Resource packages, and why one does not fit."""
    with signed_in() as client:
        first = next((one.name for one in client.me().groups), None) if group is None else group
        found = client.packages(first, cluster, everything)
    if json:
        return as_json(found)
    rows = [(one.name, f"{one.cpu:g}", size(one.memory), one.gpu, "✓" if one.available else one.why_not) for one in found]
    return as_table(("package", "cores", "memory", "gpu", "available"), rows)


def usage(
    month: Annotated[
        str | None, typer.Option(help="Booked and idle hours of this month (UTC) instead, such as 2026-10.")
    ] = None,
    json: Json = False,
) -> None:
    """Who uses what, now; or what was booked in a month, and stood idle."""
    if month is not None:
        return _booked_hours(month, json)
    with signed_in() as client:
        found = client.usage()
    if json:
        return as_json(found)
    rows = [(one.person.name, one.group, word(one.kind), one.name, *_amounts(one.use), one.since) for one in found.rows]
    totals = [("", "", "", word(N_("in use")), *_amounts(found.used), "")]
    totals += [("", "", "", word(N_("this machine")), *_amounts(found.capacity), "")]
    return as_table(("person", "group", "kind", "name", "cpu", "memory", "gpu", "since"), [*rows, *totals])


def _booked_hours(month: str, json: bool) -> None:
    with signed_in() as client:
        found = client.booked_hours(month)
    if json:
        return as_json(found)
    rows = [
        (one.group or "–", one.person.name if one.person else "", _device(one.device), *_hours(one))
        for one in (*found.groups, *found.people)
    ]
    as_table(("group", "person", "device", "holds now", "booked hours", "idle hours", "idle share", "not measured"), rows)
    if found.kept_since is not None and found.kept_since > found.begin:
        since = f"{found.kept_since.astimezone():%Y-%m-%d %H:%M}"
        say_aside(N_("Hours are kept since {since}: what had ended before is not in this month."), since=since)
    return None


def _device(name: str) -> str:
    """Core hours have no type, and of some cards none is known."""
    from trainyard.quotas.hours import CORES  # with pydantic: not at the start of every command

    return word("cores") if name == CORES else name or word("gpu")


def _hours(one: HoursRow) -> tuple[str, ...]:
    share = f"{one.idle / one.measured:.0%}" if one.measured else "–"
    return (f"{one.holds:g}", f"{one.booked:.1f}", f"{one.idle:.1f}", share, f"{one.booked - one.measured:.1f}")


def _amounts(one: object) -> tuple[str, str, str]:
    cpu, memory, gpu = (getattr(one, name) for name in ("cpu", "memory", "gpu"))
    return ("" if cpu is None else f"{cpu:g}", size(memory), "" if gpu is None else str(gpu))


def disk(
    measure: Annotated[bool, typer.Option("--measure", help="Measure the folders anew first (administrators).")] = False,
    json: Json = False,
) -> None:
    """Who has how much on the platform's disk."""
    with signed_in() as client:
        if measure:
            client.measure_disk()
        found = client.disk()
    if json:
        return as_json(found)
    rows = [
        (one.group or "–", one.person.name if one.person else "", size(one.used), size(one.limit), _largest(one.parts))
        for one in (*found.groups, *found.people)
    ]
    if found.volume_total is not None:
        rows.append(
            (word(N_("this machine")), "", size(found.volume_total - (found.volume_free or 0)), size(found.volume_total), "")
        )
    return as_table(("group", "person", "disk", "limit", "mostly"), rows)


def _largest(parts: DiskParts) -> str:
    """What most of the bytes are."""
    name, count = max(parts.model_dump().items(), key=lambda part: int(part[1]))
    return word(name) if count else ""


def findings(json: Json = False) -> None:
    """What the platform's machine offers, as `trainyard doctor` tells it there (administrators)."""
    with signed_in() as client:
        found = client.findings()
    if json:
        return as_json(found)
    return as_table(
        ("state", "topic", "what", "next step"), [(word(one.state), one.topic, one.means, one.next_step) for one in found]
    )


def audit(
    who: Annotated[str, typer.Option(help="Only what this person did.")] = "",
    action: Annotated[str, typer.Option(help="Only this action, such as datasets.share.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=MOST, help="At most so many.")] = 50,
    json: Json = False,
) -> None:
    """Who did what, the newest first (administrators)."""
    with signed_in() as client:
        found = client.audit(who=who, action=action, limit=limit).items
    if json:
        return as_json(found)
    rows = [
        (f"{one.at.astimezone():%Y-%m-%d %H:%M:%S}", one.who, one.action, one.target, one.result, _noted(one.detail))
        for one in found
    ]
    return as_table(("at", "who", "action", "what", "result", "noted"), rows)


def _noted(detail: dict[str, Any]) -> str:
    """What was noted with an entry, as identifiers and values: from and to what something was changed."""
    told = {name: value for name, value in detail.items() if value not in (None, "", [], {})}
    return ", ".join(
        f"{name} {value if isinstance(value, str) else dumps(value, ensure_ascii=False)}" for name, value in told.items()
    )


def notices(read: Annotated[bool, typer.Option("--read", help="Mark all as read.")] = False, json: Json = False) -> None:
    """Your notices, the newest first."""
    with signed_in() as client:
        found = client.notices().items
        if read:
            client.read_notices()
    if json:
        return as_json(found)
    return as_table(("at", "notice"), [(one.at, one.text) for one in found])


def doctor(
    kubernetes: Annotated[bool, typer.Option("--kubernetes", help="The cluster that jobs run on, instead.")] = False,
    deployment: Annotated[
        Path | None, typer.Option(dir_okay=False, help="A cluster for this deployment's file, tried out with small pods.")
    ] = None,
    json: Json = False,
) -> None:
    """What this machine offers for running the platform, and what that means."""
    from trainyard.errors import NotFound

    try:
        module = importlib.import_module(DEPLOYMENT_DOCTOR if deployment else CLUSTER_DOCTOR if kubernetes else DOCTOR)
    except ModuleNotFoundError as error:
        if error.name not in (*DOCTORS, *(name.partition(".")[0] for name in DOCTORS)):
            raise
        raise NotFound(
            "no-doctor",
            N_("This installation cannot examine the machine: the room trainyard_spawner is missing."),
            hint=N_("Run it in the clone that `make run` uses, or install `trainyard[hub]`."),
        ) from None
    arguments = ["--json"] if json else []
    if deployment:
        arguments += ["--deployment", str(deployment)]
    raise typer.Exit(int(module.main(arguments, language())))
