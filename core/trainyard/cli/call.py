"""What every command shares: a client in the terminal's language, and things found by name or identifier."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from pathlib import Path

    from rich.progress import Progress as Bar

    from trainyard.client import Client
    from trainyard.errors import UserError
    from trainyard.records.storage import Upload, UploadPurpose

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
_IDENTIFIER = re.compile(r"[0-9a-f]{16}")
MOST = 500


@contextmanager
def signed_in() -> Iterator[Client]:
    """A client of the connection that is known; its answers are in the terminal's language."""
    from trainyard.cli.show import language
    from trainyard.client import Client

    with Client(language=language()) as client:
        yield client


def find(client: Client, kind: str, named: str) -> str:
    """The identifier of a dataset, training or model (``kind`` is its route) given by identifier or by its whole name.

    Of several of one name the caller's own is meant, where only one is.

    Raises:
        NotFound: nothing is called this. Conflict: several are; the hint names their identifiers.
    """
    from trainyard.errors import Conflict, NotFound
    from trainyard.words import N_

    if _IDENTIFIER.fullmatch(named):
        return named
    page = client.send("GET", kind, params={"search": named, "limit": MOST}).json()
    items = [item for item in page["items"] if item["name"] == named]
    found = [str(item["id"]) for item in items]
    if not found:
        hint = N_("`trainyard {command} list` shows what there is.")
        command = {"trainings": "train", "searches": "search"}.get(kind, kind)
        raise NotFound("no-such-name", N_("Nothing you may see is called {name}."), hint=hint, name=named, command=command)
    if len(found) > 1:
        me = client.me().id
        own = [str(item["id"]) for item in items if (item.get("owner") or item["job"]["owner"])["id"] == me]
        if len(own) == 1:
            return own[0]
        sentence, hint = N_("{count} are called {name}."), N_("Give an identifier: {ids}")
        raise Conflict("name-not-unique", sentence, hint=hint, count=len(found), name=named, ids=", ".join(found))
    return found[0]


def find_job(client: Client, named: str) -> str:
    """The identifier of a job given by it, or by the identifier or the name of the training it runs.

    Raises:
        NotFound: nothing is called this. Conflict: several are; the hint names their identifiers.
    """
    from trainyard.errors import NotFound, UserError

    if _IDENTIFIER.fullmatch(named):
        try:
            return client.job(named).id
        except UserError as error:
            if error.status != NotFound.status:
                raise
    return client.training(find(client, "trainings", named)).job.id


def account_number(client: Client, who: str) -> int:
    """The number of an account given by number or whole name.

    Raises:
        NotFound: nobody is called this.
    """
    from trainyard.errors import NotFound
    from trainyard.words import N_

    for account in client.accounts(search=who, limit=MOST).items:
        if account.name == who:
            return account.id
    if who.isdecimal():
        return int(who)
    raise NotFound("no-such-account", N_("There is no account {name}."), name=who)


def ask_secret(prompt: str, *, twice: bool = False) -> str:
    """A secret typed unseen in a terminal, or one line of standard input; never an argument, which others can read."""
    import sys

    from trainyard.cli.show import language
    from trainyard.words import translate

    if sys.stdin.isatty():
        return str(typer.prompt(translate(prompt, language()), hide_input=True, confirmation_prompt=twice, err=True))
    return sys.stdin.readline().rstrip("\r\n")


def send_file(client: Client, source: Path, purpose: UploadPurpose, name: str = "") -> Upload:
    """Upload a file with a progress bar.

    Raises:
        NotFound: there is no such file.
    """
    if not source.is_file():
        raise no_such_file(source)
    with _bar() as progress:
        task = progress.add_task(source.name, total=source.stat().st_size)
        for upload in client.upload(source, purpose, name):
            progress.update(task, completed=upload.offset)
    return upload


def no_such_file(path: Path) -> UserError:
    """The refusal of a file that is not on this machine."""
    from trainyard.errors import NotFound
    from trainyard.words import N_

    return NotFound("no-such-file", N_("There is no file {file}."), file=str(path))


def receive_file(title: str, total: int | None, blocks: Iterator[int]) -> None:
    """Run a download with a progress bar."""
    with _bar() as progress:
        task = progress.add_task(title, total=total)
        for written in blocks:
            progress.update(task, completed=written)


def downloaded(target: Path, *, json: bool, **about: Any) -> None:
    """Say where a download lies; nothing where that is standard output: the words would be part of it."""
    from trainyard.cli.show import done
    from trainyard.words import N_

    if not os.path.samestat(target.stat(), os.fstat(1)):
        done(N_("Downloaded to {file}."), json=json, file=str(target), **about)


def _bar() -> Bar:
    """Bytes, speed and remaining time on standard error; nothing where nobody watches."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    console = Console(stderr=True)
    columns: tuple[Any, ...] = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    return Progress(*columns, console=console, disable=not console.is_terminal)
