"""``trainyard tokens``: personal access tokens for the command line and scripts."""

from __future__ import annotations

from typing import Annotated

import typer

from trainyard.cli.call import Json, segment, signed_in
from trainyard.cli.show import as_json, as_table

tokens = typer.Typer(no_args_is_help=True)


@tokens.command("list")
def list_tokens(json: Json = False) -> None:
    """Your tokens, without their secrets."""
    from trainyard.records.accounts import AccessToken

    with signed_in() as client:
        found = client.many(AccessToken, "tokens")
    if json:
        return as_json(found)
    rows = [(one.id, one.name, one.created, one.expires, one.last_used) for one in found]
    return as_table(("id", "name", "created", "expires", "last used"), rows)


@tokens.command()
def create(name: str, days: Annotated[int, typer.Option(min=1, max=365)] = 90, json: Json = False) -> None:
    """Make a token; its secret is printed this once."""
    from trainyard.records.accounts import AccessToken, NewAccessToken

    new = NewAccessToken(name=name, days=days).model_dump(mode="json")
    with signed_in() as client:
        made = client.one(AccessToken, "POST", "tokens", json=new)
    if json:
        return as_json(made)
    return typer.echo(made.secret)


@tokens.command()
def revoke(token: str) -> None:
    """End a token."""
    with signed_in() as client:
        client.send("DELETE", f"tokens/{segment(token)}")
