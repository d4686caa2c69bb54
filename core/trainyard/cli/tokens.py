"""``trainyard tokens``: personal access tokens for the command line and scripts."""

from __future__ import annotations

from typing import Annotated

import typer

from trainyard.cli.call import Json, signed_in
from trainyard.cli.show import as_json, as_table, done
from trainyard.words import N_

tokens = typer.Typer(no_args_is_help=True)


@tokens.command("list")
def list_tokens(json: Json = False) -> None:
    """Your tokens, without their secrets."""
    with signed_in() as client:
        found = client.tokens()
    if json:
        return as_json(found)
    rows = [(one.id, one.name, one.created, one.expires, one.last_used) for one in found]
    return as_table(("id", "name", "created", "expires", "last used"), rows)


@tokens.command()
def create(
    name: str, days: Annotated[int, typer.Option(min=1, max=365, help="Until it expires.")] = 90, json: Json = False
) -> None:
    """Make a token; its secret is printed this once."""
    with signed_in() as client:
        made = client.create_token(name, days)
    if json:
        return as_json(made)
    return typer.echo(made.secret)


@tokens.command()
def revoke(token: Annotated[str, typer.Argument(help="Identifier or name of a token.")], json: Json = False) -> None:
    """End a token."""
    with signed_in() as client:
        named = [one.id for one in client.tokens() if one.name == token]
        revoked = named[0] if len(named) == 1 else token
        client.revoke_token(revoked)
    done(N_("Revoked {revoked}."), json=json, revoked=revoked)
