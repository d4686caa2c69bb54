"""Who the command line is: ``apply``, ``login``, ``logout``, ``whoami``, ``password`` and ``language``."""

from __future__ import annotations

from typing import Annotated

import typer

from trainyard.cli.call import Json, ask_secret, signed_in
from trainyard.cli.show import as_fields, as_json, done, language
from trainyard.errors import NotSignedIn, UserError
from trainyard.words import N_

Address = Annotated[str, typer.Argument(help="As in the browser, such as https://trainyard.example.org.")]


def apply(
    address: Address,
    name: Annotated[str, typer.Argument(help="The name you want.")],
    email: Annotated[str, typer.Option(help="Where notices are sent.")] = "",
    affiliation: Annotated[str, typer.Option(help="Your group or school.")] = "",
    reason: Annotated[str, typer.Option(help="What you want to do.")] = "",
    json: Json = False,
) -> None:
    """Apply for an account; the password is asked for, or read from standard input."""
    from trainyard.client import apply as send
    from trainyard.records.accounts import Application

    secret = ask_secret(N_("Password"), twice=True)
    about = {"email": email, "affiliation": affiliation, "reason": reason, "language": language()}
    send(address, Application(name=name, password=secret, **about))
    done(N_("Applied as {name}. An administrator decides; then you can sign in."), json=json, name=name)


def login(address: Address, json: Json = False) -> None:
    """Keep an access token (asked for, or read from standard input) for a platform."""
    from trainyard.client import Client
    from trainyard.connection import given, remember

    connection = given(address, ask_secret(N_("Access token")).strip())
    with Client(connection, language()) as client:
        try:
            me = client.me()
        except UserError as error:
            if error.code != "not-signed-in":
                raise
            raise NotSignedIn(
                "token-refused",
                N_("{address} knows no such token, or it has expired or was revoked."),
                hint=N_("Make one on the account page there, and give all of it."),
                address=connection.url,
            ) from error
    done(N_("Signed in as {name}; kept in {file}."), json=json, name=me.name, file=str(remember(connection)))


def logout(json: Json = False) -> None:
    """Forget the token that login kept; revoke it too if others may have it."""
    from trainyard.connection import forget

    gone = forget()
    words = N_("The token in {file} is forgotten.") if gone else N_("No token was kept here.")
    done(words, json=json, file=str(gone) if gone else None)


def whoami(json: Json = False) -> None:
    """Who you are, in which groups, and what waits for you."""
    with signed_in() as client:
        me = client.me()
    if json:
        return as_json(me)
    return as_fields(
        [
            ("name", me.name), ("administrator", "✓" if me.administrator else None),
            ("groups", ", ".join(group.name for group in me.groups)), ("bucket", me.storage),
            ("language", me.language), ("unread notices", me.unread_notices or None),
            ("applications waiting", me.applications_waiting or None), ("platform", client.connection.url),
        ]
    )  # fmt: skip


def password(json: Json = False) -> None:
    """Change your password: the old and the new one are asked for, or read from standard input, one a line."""
    old, new = ask_secret(N_("Old password")), ask_secret(N_("New password"), twice=True)
    with signed_in() as client:
        client.change_password(old, new)
    done(N_("The password is changed."), json=json, changed=True)


def change_language(
    to: Annotated[str, typer.Argument(metavar="en|zh", help="en or zh.")],
    json: Json = False,
) -> None:
    """The language of your pages and notices; the terminal's own is that of LANG."""
    with signed_in() as client:
        me = client.change_language(to)
    done(N_("Pages and notices are in {chosen} now."), json=json, chosen=me.language)
