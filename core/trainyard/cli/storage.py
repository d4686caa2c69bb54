"""``trainyard storage`` and ``trainyard bucket``: the bound storage space and what is in it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from trainyard.cli.call import Json, receive_file, send_file, signed_in
from trainyard.cli.show import as_json, as_table, say, size
from trainyard.words import N_

storage = typer.Typer(no_args_is_help=True)
bucket = typer.Typer(no_args_is_help=True)
Key = Annotated[str, typer.Argument(help="A key below the bucket; a folder's ends in a slash.")]


@storage.command()
def show(json: Json = False) -> None:
    """What you bound."""
    from trainyard.records.storage import Storage

    with signed_in() as client:
        found = client.one(Storage, "GET", "storage")
    if json:
        return as_json(found)
    return as_table(("bucket", "endpoint", "region", "mounted"), [(found.bucket, found.endpoint, found.region, found.mounted)])


@storage.command()
def bind(
    bucket: Annotated[str, typer.Argument(help="Nothing: the platform's own store offers one.")] = "",
    endpoint: str = "",
    region: str = "",
    access_key: str = "",
    create: Annotated[bool, typer.Option(help="Make the bucket.")] = False,
    json: Json = False,
) -> None:
    """Bind a storage space, once and for all; a secret key is asked for, or read from standard input."""
    from trainyard.records.storage import NewStorage, Storage, StorageOffer

    secret = "" if not endpoint else _secret()
    with signed_in() as client:
        if not bucket:
            bucket, create = client.one(StorageOffer, "GET", "storage/offer").bucket, True
        new = NewStorage(
            bucket=bucket, endpoint=endpoint, region=region, access_key=access_key, secret_key=secret, create=create
        )
        bound = client.one(Storage, "POST", "storage", json=new.model_dump(mode="json"))
    if json:
        return as_json(bound)
    return say(N_("Bound the bucket {bucket}."), bucket=bound.bucket)


def _secret() -> str:
    return str(typer.prompt("Secret key", hide_input=True)) if sys.stdin.isatty() else sys.stdin.readline().strip()


@bucket.command("ls")
def listing(prefix: Annotated[str, typer.Argument()] = "", json: Json = False) -> None:
    """What is in a folder of the bucket."""
    from trainyard.records.storage import BucketEntry, BucketListing

    found: list[BucketEntry] = []
    with signed_in() as client:
        after: str | None = ""
        while after is not None:
            query = {"prefix": prefix, **({"after": after} if after else {})}
            page = client.one(BucketListing, "GET", "bucket", params=query)
            found, after = [*found, *page.entries], page.after
    if json:
        return as_json(found)
    return as_table(("key", "size", "modified"), [(one.key, size(one.size), one.modified) for one in found])


@bucket.command()
def put(source: Path, key: Annotated[str, typer.Argument(help="Default: the file's name.")] = "", json: Json = False) -> None:
    """Upload a file."""
    from trainyard.records.storage import UploadPurpose

    name = key + source.name if key.endswith("/") else key or source.name
    with signed_in() as client:
        upload = send_file(client, source, UploadPurpose.OBJECT, name)
    if json:
        return as_json(upload)
    return typer.echo(name)


@bucket.command()
def get(key: Key, target: Annotated[Path | None, typer.Argument()] = None) -> None:
    """Download an object."""
    target = target or Path(Path(key).name)
    target = target / Path(key).name if target.is_dir() else target
    with signed_in() as client:
        receive_file(key, target, None, client.download("bucket/object", target, key=key))
    typer.echo(target)


@bucket.command()
def mv(key: Key, to: Key) -> None:
    """Give an object or a folder another key."""
    with signed_in() as client:
        client.send("POST", "bucket/rename", json={"key": key, "to": to})


@bucket.command()
def rm(key: Key) -> None:
    """Delete an object, or a folder with all that is in it."""
    with signed_in() as client:
        client.send("DELETE", "bucket/object", params={"key": key})
