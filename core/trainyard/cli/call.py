"""What every command shares: a client in the terminal's language, and things found by name or identifier."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from pathlib import Path

    from trainyard.client import Client
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


def segment(text: object) -> str:
    """A path segment of an address."""
    from urllib.parse import quote

    return quote(str(text), safe="")


def find(client: Client, kind: str, named: str) -> str:
    """The identifier of a dataset, training or model (``kind`` is its route) given by identifier or by its whole name.

    Raises:
        NotFound: nothing is called this. Conflict: several are; the hint names their identifiers.
    """
    from trainyard.errors import Conflict, NotFound
    from trainyard.words import N_

    if _IDENTIFIER.fullmatch(named):
        return named
    page = client.send("GET", kind, params={"search": named, "limit": MOST}).json()
    found = [str(item["id"]) for item in page["items"] if item["name"] == named]
    if not found:
        hint = N_("`trainyard {command} list` shows what there is.")
        command = "train" if kind == "trainings" else kind
        raise NotFound("no-such-name", N_("Nothing you may see is called {name}."), hint=hint, name=named, command=command)
    if len(found) > 1:
        sentence, hint = N_("{count} are called {name}."), N_("Give an identifier: {ids}")
        raise Conflict("name-not-unique", sentence, hint=hint, count=len(found), name=named, ids=", ".join(found))
    return found[0]


def send_file(client: Client, source: Path, purpose: UploadPurpose, name: str = "") -> Upload:
    """Upload a file with a progress bar on standard error.

    Raises:
        NotFound: there is no such file.
    """
    from rich.console import Console
    from rich.progress import Progress

    from trainyard.errors import NotFound
    from trainyard.words import N_

    if not source.is_file():
        raise NotFound("no-such-file", N_("There is no file {file}."), file=str(source))
    with Progress(console=Console(stderr=True)) as progress:
        task = progress.add_task(source.name, total=source.stat().st_size)
        for upload in client.upload(source, purpose, name):
            progress.update(task, completed=upload.offset)
    return upload


def receive_file(path: str, target: Path, total: int | None, blocks: Iterator[int]) -> None:
    """Run a download with a progress bar on standard error."""
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True)) as progress:
        task = progress.add_task(path or target.name, total=total)
        for done in blocks:
            progress.update(task, completed=done)
