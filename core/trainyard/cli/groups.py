"""``trainyard groups``: groups, their members, and what each may use at once."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trainyard.cli.call import Json, account_number, signed_in
from trainyard.cli.people import Who
from trainyard.cli.show import as_json, as_table, size

if TYPE_CHECKING:
    from trainyard.records.accounts import Group, Quota

groups = typer.Typer(no_args_is_help=True)
Name = Annotated[str, typer.Argument(help="Name of a group.")]
Cpu = Annotated[float | None, typer.Option(min=0, help="Cores at once.")]
Memory = Annotated[str | None, typer.Option(help="Such as 64G.")]
Gpu = Annotated[int | None, typer.Option(min=0, help="GPUs at once.")]
Jobs = Annotated[int | None, typer.Option(min=0, help="Running jobs at once.")]
Disk = Annotated[str | None, typer.Option(help="Such as 500G.")]
Unlimited = Annotated[bool, typer.Option("--unlimited", help="Take all limits away that are not given.")]
_UNITS = {"": 0, "K": 10, "M": 20, "G": 30, "T": 40}
_AMOUNTS = ("cpu", "memory", "gpu", "jobs", "disk")


@groups.command("list")
def list_groups(json: Json = False) -> None:
    """Your groups; all of them for an administrator."""
    with signed_in() as client:
        found = client.groups()
    if json:
        return as_json(found)
    rows = [(one.name, ", ".join(member.person.name for member in one.members), *_used(one)) for one in found]
    return as_table(("name", "members", *_AMOUNTS), rows)


@groups.command()
def show(name: Name, json: Json = False) -> None:
    """One group: who is in it, and what each uses of what they may use."""
    with signed_in() as client:
        _show(client.group(name), json=json)


@groups.command()
def files(
    name: Name, path: Annotated[str, typer.Argument(help="A folder below the group's share.")] = "", json: Json = False
) -> None:
    """What lies in a folder of the group's share."""
    with signed_in() as client:
        found = list(client.share_files(name, path))
    if json:
        return as_json(found)
    return as_table(("key", "size", "modified"), [(one.key, size(one.size), one.modified) for one in found])


@groups.command()
def create(name: Name, description: Annotated[str, typer.Option(help="What it is.")] = "", json: Json = False) -> None:
    """Make a group with its share."""
    from trainyard.records.accounts import NewGroup

    with signed_in() as client:
        _show(client.create_group(NewGroup(name=name, description=description)), json=json)


@groups.command()
def quota(
    name: Name,
    member: Annotated[str | None, typer.Option(help="This member's part instead of the group's quota.")] = None,
    cpu: Cpu = None,
    memory: Memory = None,
    gpu: Gpu = None,
    jobs: Jobs = None,
    disk: Disk = None,
    unlimited: Unlimited = False,
    json: Json = False,
) -> None:
    """Change what a group or a member may use at once; limits that are not given stay."""
    from trainyard.records.accounts import Quota

    changes = _changes(cpu, memory, gpu, jobs, disk)
    with signed_in() as client:
        found = client.group(name)
        if member is None:
            before = Quota() if unlimited else found.quota
            _show(client.set_quota(name, before.model_copy(update=changes)), json=json)
        else:
            number = account_number(client, member)
            before = Quota() if unlimited else _quota_of(found, number)
            _show(client.add_member(name, number, before.model_copy(update=changes)), json=json)


@groups.command("default-quota")
def default_quota(
    cpu: Cpu = None,
    memory: Memory = None,
    gpu: Gpu = None,
    jobs: Jobs = None,
    disk: Disk = None,
    unlimited: Unlimited = False,
    json: Json = False,
) -> None:
    """What a new group may use; with limits, change it (administrators)."""
    from trainyard.records.accounts import Quota

    changes = _changes(cpu, memory, gpu, jobs, disk)
    with signed_in() as client:
        found = client.default_quota()
        if changes or unlimited:
            found = client.set_default_quota((Quota() if unlimited else found).model_copy(update=changes))
    if json:
        return as_json(found)
    limits = ((name, getattr(found, name)) for name in _AMOUNTS)
    return as_table(_AMOUNTS, [["–" if limit is None else _told(name, limit) for name, limit in limits]])


def _changes(cpu: float | None, memory: str | None, gpu: int | None, jobs: int | None, disk: str | None) -> dict[str, Any]:
    """The limits that were given."""
    given = {"cpu": cpu, "memory": in_bytes(memory, "memory"), "gpu": gpu, "jobs": jobs, "disk": in_bytes(disk, "disk")}
    return {key: value for key, value in given.items() if value is not None}


def _quota_of(group: Group, number: int) -> Quota:
    """A member's part of the group's quota.

    Raises:
        NotFound: they are no member.
    """
    from trainyard.errors import NotFound
    from trainyard.words import N_

    for member in group.members:
        if member.person.id == number:
            return member.quota
    hint = N_("`trainyard groups add` puts somebody into a group.")
    raise NotFound("no-member", N_("The account {number} is not in {group}."), hint=hint, number=number, group=group.name)


@groups.command()
def add(name: Name, who: Who, json: Json = False) -> None:
    """Put somebody into a group."""
    with signed_in() as client:
        _show(client.add_member(name, account_number(client, who)), json=json)


@groups.command()
def remove(name: Name, who: Who, json: Json = False) -> None:
    """Take somebody out of a group; what they run with its share ends in ten minutes."""
    with signed_in() as client:
        _show(client.remove_member(name, account_number(client, who)), json=json)


def _show(group: Group, *, json: bool) -> None:
    if json:
        return as_json(group)
    rows = [(group.name, *_used(group)), *((f"· {one.person.name}", *_used(one)) for one in group.members)]
    return as_table(("name", *_AMOUNTS), rows)


def _used(one: Any) -> list[str]:
    """Used and limit of each resource of a group or a member, as people read it."""
    cells = []
    for name in _AMOUNTS:
        used, limit = getattr(one.use, name), getattr(one.quota, name)
        cells.append(_told(name, used) if limit is None else f"{_told(name, used)} / {_told(name, limit)}")
    return cells


def _told(name: str, amount: float) -> str:
    return size(int(amount)) if name in ("memory", "disk") else f"{amount:g}"


def in_bytes(text: str | None, field: str) -> int | None:
    """Bytes of ``64G``, in powers of 1024.

    Raises:
        Invalid: it is no size.
    """
    from trainyard.errors import Invalid
    from trainyard.words import N_

    if text is None:
        return None
    match = re.fullmatch(r"(\d+)([KMGT]?)(?:i?B)?", text)
    if match is None:
        sentence, hint = N_("{given} is no size."), N_("Write a number with K, M, G or T, such as 64G.")
        raise Invalid("not-a-size", sentence, hint=hint, field=field, given=text)
    return int(match[1]) << _UNITS[match[2]]
