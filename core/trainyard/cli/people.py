"""``trainyard accounts``: what administrators decide about people."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from trainyard.cli.call import MOST, Json, account_number, ask_secret, signed_in
from trainyard.cli.show import as_fields, as_json, as_table, size, word
from trainyard.cli.usage import WronglyUsed
from trainyard.words import N_

if TYPE_CHECKING:
    from trainyard.client import Client
    from trainyard.records.accounts import Account
    from trainyard.records.disk import AccountDeletion

accounts = typer.Typer(no_args_is_help=True)
Who = Annotated[str, typer.Argument(help="Name or number of the account.")]


@accounts.command("list")
def list_accounts(
    state: Annotated[str, typer.Option(help="applied, active or blocked.")] = "",
    search: Annotated[str, typer.Option(help="Words that are in the name.")] = "",
    json: Json = False,
) -> None:
    """People; --state applied shows who waits for approval."""
    query = {"search": search, "limit": MOST, **({"state": state} if state else {})}
    with signed_in() as client:
        found = client.accounts(**query).items
    if json:
        return as_json(found)
    rows = [(one.id, one.name, one.state, "✓" if one.administrator else "", ", ".join(one.groups)) for one in found]
    return as_table(("id", "name", "state", "administrator", "groups"), rows)


@accounts.command()
def show(who: Who, json: Json = False) -> None:
    """One person: what they wrote, their groups, who decided."""

    def look(client: Client, number: int) -> Account:
        name = who if not who.isdecimal() else ""
        return next(one for one in client.accounts(search=name, limit=MOST).items if one.id == number)

    _decide(who, look, json=json)


@accounts.command()
def approve(who: Who, group: Annotated[str | None, typer.Option(help="Into which group.")] = None, json: Json = False) -> None:
    """Let an applicant in."""
    _decide(who, lambda client, number: client.approve(number, group), json=json)


@accounts.command()
def refuse(who: Who, reason: Annotated[str, typer.Option(help="Sent to the person.")] = "", json: Json = False) -> None:
    """Refuse an application."""
    _decide(who, lambda client, number: client.refuse(number, reason), json=json)


@accounts.command()
def block(who: Who, json: Json = False) -> None:
    """Shut somebody out; what they run stops at once."""
    _decide(who, lambda client, number: client.block(number), json=json)


@accounts.command()
def unblock(who: Who, json: Json = False) -> None:
    """Let somebody in again."""
    _decide(who, lambda client, number: client.unblock(number), json=json)


@accounts.command()
def promote(who: Who, json: Json = False) -> None:
    """Make somebody an administrator."""
    _decide(who, lambda client, number: client.set_administrator(number, True), json=json)


@accounts.command()
def demote(who: Who, json: Json = False) -> None:
    """Make somebody an ordinary user again."""
    _decide(who, lambda client, number: client.set_administrator(number, False), json=json)


@accounts.command()
def password(who: Who, json: Json = False) -> None:
    """Give somebody who forgot theirs a new password; it is asked for, or read from standard input."""
    new = ask_secret(N_("New password"), twice=True)
    _decide(who, lambda client, number: client.set_password(number, new), json=json)


@accounts.command()
def delete(
    who: Who,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask again.")] = False,
    preview: Annotated[bool, typer.Option("--preview", help="Only tell what would go and what would stay.")] = False,
    json: Json = False,
) -> None:
    """Delete an account; what it takes along is told first."""
    with signed_in() as client:
        number = account_number(client, who)
        if not (yes and not preview):
            told = client.deletion(number)
            if preview:
                return _show_deletion(told, json=json)
            _ask_whether(told)
        return _show_deletion(client.delete_account(number), json=json)


def _ask_whether(told: AccountDeletion) -> None:
    """Ask the person at the terminal; where there is none ``--yes`` has to say it.

    Raises:
        WronglyUsed: nobody can be asked. typer.Abort: they do not want it.
    """
    if not sys.stdin.isatty():
        raise WronglyUsed(N_("Nobody can be asked here: add --yes, or --preview to see what would go."))
    _show_deletion(told, json=False)
    typer.confirm(word(N_("Delete this account?")), abort=True, err=True)


def _show_deletion(told: AccountDeletion, *, json: bool) -> None:
    if json:
        return as_json(told)
    return as_fields(
        [
            ("id", told.id), ("name", told.name), ("called afterwards", told.becomes), ("groups", ", ".join(told.groups)),
            ("stopped at once", ", ".join(told.running)), ("datasets that go", ", ".join(told.datasets_removed)),
            ("datasets that stay", ", ".join(told.datasets_kept)), ("models that go", ", ".join(told.models_removed)),
            ("models that stay", told.models_kept or None), ("trainings that stay", told.trainings_kept or None),
            ("home", size(told.home)), ("bucket", told.bucket), ("days until files are gone", f"{told.kept_days:g}"),
        ]
    )  # fmt: skip


def _decide(who: str, decision: Callable[[Client, int], Account], *, json: bool) -> None:
    with signed_in() as client:
        decided = decision(client, account_number(client, who))
    if json:
        return as_json(decided)
    return as_fields(
        [
            ("id", decided.id), ("name", decided.name), ("state", decided.state),
            ("administrator", "✓" if decided.administrator else None), ("groups", ", ".join(decided.groups)),
            ("email", decided.email), ("affiliation", decided.affiliation), ("reason", decided.reason),
            ("created", decided.created), ("decided by", decided.decided_by), ("last seen", decided.last_seen),
        ]
    )  # fmt: skip
