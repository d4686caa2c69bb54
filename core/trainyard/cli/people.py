"""``trainyard accounts`` and ``trainyard groups``: what administrators decide about people."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trainyard.cli.call import MOST, Json, segment, signed_in
from trainyard.cli.show import as_json, as_table, size

if TYPE_CHECKING:
    from trainyard.client import Client
    from trainyard.records.accounts import Account, Group

accounts = typer.Typer(no_args_is_help=True)
groups = typer.Typer(no_args_is_help=True)
Who = Annotated[str, typer.Argument(help="Name or number of the account.")]
_UNITS = {"": 0, "K": 10, "M": 20, "G": 30, "T": 40}


@accounts.command("list")
def list_accounts(state: str = "", search: str = "", json: Json = False) -> None:
    """People; --state applied shows who waits for approval."""
    from trainyard.records.accounts import Account
    from trainyard.records.base import Page

    query = {"search": search, "limit": MOST, **({"state": state} if state else {})}
    with signed_in() as client:
        found = client.one(Page[Account], "GET", "accounts", params=query).items
    _show(found, json=json)


@accounts.command()
def approve(who: Who, group: Annotated[str | None, typer.Option(help="Into which group.")] = None, json: Json = False) -> None:
    """Let an applicant in."""
    _decide(who, "approve", {"group": group}, json=json)


@accounts.command()
def refuse(who: Who, reason: Annotated[str, typer.Option(help="Sent to the person.")] = "", json: Json = False) -> None:
    """Refuse an application."""
    _decide(who, "refuse", {"reason": reason}, json=json)


@accounts.command()
def block(who: Who, json: Json = False) -> None:
    """Shut somebody out; what they run stops at once."""
    _decide(who, "block", None, json=json)


@accounts.command()
def unblock(who: Who, json: Json = False) -> None:
    """Let somebody in again."""
    _decide(who, "unblock", None, json=json)


def _decide(who: str, action: str, body: dict[str, Any] | None, *, json: bool) -> None:
    from trainyard.records.accounts import Account

    with signed_in() as client:
        number = account_number(client, who)
        decided = client.one(Account, "POST", f"accounts/{number}/{action}", **({"json": body} if body is not None else {}))
    _show([decided], json=json)


def account_number(client: Client, who: str) -> int:
    """The number of an account given by number or whole name.

    Raises:
        NotFound: nobody is called this.
    """
    from trainyard.errors import NotFound
    from trainyard.records.accounts import Account
    from trainyard.records.base import Page
    from trainyard.words import N_

    page = client.one(Page[Account], "GET", "accounts", params={"search": who, "limit": MOST})
    for account in page.items:
        if account.name == who:
            return account.id
    if who.isdecimal():
        return int(who)
    raise NotFound("no-such-account", N_("There is no account {name}."), name=who)


def _show(found: list[Account], *, json: bool) -> None:
    if json:
        return as_json(found)
    rows = [(one.id, one.name, one.state, "yes" if one.administrator else "", ", ".join(one.groups)) for one in found]
    return as_table(("id", "name", "state", "administrator", "groups"), rows)


@groups.command("list")
def list_groups(json: Json = False) -> None:
    """Your groups; all of them for an administrator."""
    from trainyard.records.accounts import Group

    with signed_in() as client:
        found = client.many(Group, "groups")
    _show_groups(found, json=json)


@groups.command()
def create(name: str, description: str = "", json: Json = False) -> None:
    """Make a group with its share."""
    from trainyard.records.accounts import Group, NewGroup

    new = NewGroup(name=name, description=description).model_dump(mode="json")
    with signed_in() as client:
        _show_groups([client.one(Group, "POST", "groups", json=new)], json=json)


@groups.command()
def quota(
    name: str,
    cpu: Annotated[float | None, typer.Option(min=0)] = None,
    memory: Annotated[str | None, typer.Option(help="Such as 64G.")] = None,
    gpu: Annotated[int | None, typer.Option(min=0)] = None,
    jobs: Annotated[int | None, typer.Option(min=0)] = None,
    disk: Annotated[str | None, typer.Option(help="Such as 500G.")] = None,
    unlimited: Annotated[bool, typer.Option(help="Take all limits away that are not given.")] = False,
    json: Json = False,
) -> None:
    """Change what a group may use at once; limits that are not given stay."""
    from trainyard.records.accounts import Group, Quota

    given = {"cpu": cpu, "memory": _bytes(memory, "memory"), "gpu": gpu, "jobs": jobs, "disk": _bytes(disk, "disk")}
    with signed_in() as client:
        before = Quota() if unlimited else client.one(Group, "GET", f"groups/{segment(name)}").quota
        after = before.model_copy(update={key: value for key, value in given.items() if value is not None})
        changed = client.one(Group, "PUT", f"groups/{segment(name)}/quota", json=after.model_dump(mode="json"))
    _show_groups([changed], json=json)


@groups.command()
def add(name: str, who: Who, json: Json = False) -> None:
    """Put somebody into a group."""
    from trainyard.records.accounts import Group

    with signed_in() as client:
        path = f"groups/{segment(name)}/members/{account_number(client, who)}"
        _show_groups([client.one(Group, "PUT", path, json={})], json=json)


@groups.command()
def remove(name: str, who: Who, json: Json = False) -> None:
    """Take somebody out of a group; what they run with its share ends in ten minutes."""
    from trainyard.records.accounts import Group

    with signed_in() as client:
        path = f"groups/{segment(name)}/members/{account_number(client, who)}"
        _show_groups([client.one(Group, "DELETE", path)], json=json)


def _show_groups(found: list[Group], *, json: bool) -> None:
    if json:
        return as_json(found)
    columns = ("name", "members", "cpu", "memory", "gpu", "jobs", "disk")
    return as_table(
        columns, [(one.name, ", ".join(member.person.name for member in one.members), *_used(one)) for one in found]
    )


def _used(group: Group) -> list[str]:
    """Used and limit of each resource, as people read it."""
    cells = []
    for name in ("cpu", "memory", "gpu", "jobs", "disk"):
        used, limit = getattr(group.use, name), getattr(group.quota, name)
        told = size if name in ("memory", "disk") else "{:g}".format
        cells.append(told(used) if limit is None else f"{told(used)} / {told(limit)}")
    return cells


def _bytes(text: str | None, field: str) -> int | None:
    """Bytes of ``64G``, in powers of 1024."""
    from trainyard.errors import Invalid
    from trainyard.words import N_

    if text is None:
        return None
    match = re.fullmatch(r"(\d+)([KMGT]?)(?:i?B)?", text)
    if match is None:
        sentence, hint = N_("{given} is no size."), N_("Write a number with K, M, G or T, such as 64G.")
        raise Invalid("not-a-size", sentence, hint=hint, field=field, given=text)
    return int(match[1]) << _UNITS[match[2]]
