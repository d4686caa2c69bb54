"""What the machine offers and who uses it: images, packages, usage, audit, notices, doctor."""

from __future__ import annotations

import importlib
from typing import Annotated

import typer

from trainyard.cli.call import MOST, Json, signed_in
from trainyard.cli.show import as_json, as_table, size

DOCTOR = "trainyard_spawner.doctor"


def images(json: Json = False) -> None:
    """The images there are."""
    with signed_in() as client:
        found = client.images()
    if json:
        return as_json(found)
    return as_table(
        ("image", "kind", "state", "size", "title"),
        [(f"{one.name}:{one.version}", one.kind, one.state, size(one.size), one.title) for one in found],
    )


def packages(group: Annotated[str | None, typer.Argument()] = None, json: Json = False) -> None:
    """Resource packages, and why one does not fit."""
    from trainyard.records.jobs import Package

    with signed_in() as client:
        found = client.many(Package, "packages", params={"group": group} if group else {})
    if json:
        return as_json(found)
    rows = [(one.name, f"{one.cpu:g}", size(one.memory), one.gpu, "yes" if one.available else one.why_not) for one in found]
    return as_table(("package", "cores", "memory", "gpu", "available"), rows)


def usage(json: Json = False) -> None:
    """Who uses what, now."""
    from trainyard.records.jobs import Usage

    with signed_in() as client:
        found = client.one(Usage, "GET", "usage")
    if json:
        return as_json(found)
    rows = [(one.person.name, one.group, one.kind, one.name, *_amounts(one.use), one.since) for one in found.rows]
    totals = ("", "", "", "used", *_amounts(found.used), ""), ("", "", "", "machine", *_amounts(found.capacity), "")
    return as_table(("person", "group", "kind", "name", "cpu", "memory", "gpu", "since"), [*rows, *totals])


def _amounts(one: object) -> tuple[str, str, str]:
    cpu, memory, gpu = (getattr(one, name) for name in ("cpu", "memory", "gpu"))
    return ("" if cpu is None else f"{cpu:g}", size(memory), "" if gpu is None else str(gpu))


def audit(who: str = "", action: str = "", limit: int = 50, json: Json = False) -> None:
    """Who did what, the newest first."""
    from trainyard.records.accounts import AuditEntry
    from trainyard.records.base import Page

    query = {"who": who, "action": action, "limit": min(limit, MOST)}
    with signed_in() as client:
        found = client.one(Page[AuditEntry], "GET", "audit", params=query).items
    if json:
        return as_json(found)
    rows = [(f"{one.at:%Y-%m-%d %H:%M:%S}", one.who, one.action, one.target, one.result) for one in found]
    return as_table(("at", "who", "action", "what", "result"), rows)


def notices(read: Annotated[bool, typer.Option(help="Mark all as read.")] = False, json: Json = False) -> None:
    """Your notices, the newest first."""
    from trainyard.records.accounts import Notice
    from trainyard.records.base import Page

    with signed_in() as client:
        found = client.one(Page[Notice], "GET", "notices").items
        if read:
            client.send("POST", "notices/read")
    if json:
        return as_json(found)
    return as_table(("at", "notice"), [(f"{one.at:%Y-%m-%d %H:%M}", one.text) for one in found])


def doctor(json: Json = False) -> None:
    """What this machine offers for running the platform, and what that means."""
    from trainyard.errors import NotFound
    from trainyard.words import N_

    try:
        module = importlib.import_module(DOCTOR)
    except ModuleNotFoundError as error:
        if error.name not in (DOCTOR, DOCTOR.partition(".")[0]):
            raise
        raise NotFound(
            "no-doctor",
            N_("This installation cannot examine the machine: the room trainyard_spawner is missing."),
            hint=N_("Run it in the clone that `make run` uses, or install `trainyard[hub]`."),
        ) from None
    raise typer.Exit(int(module.main(["--json"] if json else [])))
