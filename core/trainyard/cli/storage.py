"""``trainyard storage`` and ``trainyard bucket``: the bound storage space and what is in it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trainyard.cli.call import Json, ask_secret, downloaded, receive_file, send_file, signed_in
from trainyard.cli.show import as_fields, as_json, as_table, done, say, size, word
from trainyard.words import N_

if TYPE_CHECKING:
    from trainyard.records.storage import BucketCopy

storage = typer.Typer(no_args_is_help=True)
bucket = typer.Typer(no_args_is_help=True)
Key = Annotated[str, typer.Argument(help="A key below the bucket; a folder's ends in a slash.")]


@storage.command()
def show(json: Json = False) -> None:
    """What you bound."""
    with signed_in() as client:
        found = client.storage()
    if json:
        return as_json(found)
    files = found.path or found.mount_problem
    return as_fields([("bucket", found.bucket), ("endpoint", found.endpoint), ("region", found.region), ("files", files)])


@storage.command()
def offer(json: Json = False) -> None:
    """The bucket that the platform's own store offers you."""
    with signed_in() as client:
        found = client.storage_offer()
    if json:
        return as_json(found)
    return as_fields([("bucket", found.bucket), ("endpoint", found.endpoint)])


@storage.command()
def bind(
    bucket: Annotated[str, typer.Argument(help="Nothing: the platform's own store offers one.")] = "",
    endpoint: Annotated[str, typer.Option(help="The address of another store.")] = "",
    region: Annotated[str, typer.Option(help="Its region, where it has some.")] = "",
    access_key: Annotated[str, typer.Option(help="The access key; the secret key is asked for.")] = "",
    create: Annotated[bool, typer.Option(help="Make the bucket.")] = False,
    json: Json = False,
) -> None:
    """Bind a storage space, once and for all; a secret key is asked for, or read from standard input."""
    from trainyard.records.storage import NewStorage

    secret = "" if not endpoint else ask_secret(N_("Secret key"))
    with signed_in() as client:
        if not bucket:
            bucket, create = client.storage_offer().bucket, True
        new = NewStorage(
            bucket=bucket, endpoint=endpoint, region=region, access_key=access_key, secret_key=secret, create=create
        )
        bound = client.bind_storage(new)
    if json:
        return as_json(bound)
    return say(N_("Bound the bucket {bucket}."), bucket=bound.bucket)


@bucket.command("ls")
def listing(prefix: Annotated[str, typer.Argument(help="A folder; its key ends in a slash.")] = "", json: Json = False) -> None:
    """What is in a folder of the bucket."""
    with signed_in() as client:
        found = list(client.bucket(prefix))
    if json:
        return as_json(found)
    return as_table(("key", "size", "modified"), [(one.key, size(one.size), one.modified) for one in found])


@bucket.command()
def put(
    source: Annotated[Path, typer.Argument(help="A file on this machine.")],
    key: Annotated[str, typer.Argument(help="Default: the file's name.")] = "",
    json: Json = False,
) -> None:
    """Upload a file."""
    from trainyard.records.storage import UploadPurpose

    name = key + source.name if key.endswith("/") else key or source.name
    with signed_in() as client:
        upload = send_file(client, source, UploadPurpose.OBJECT, name)
    done(N_("Uploaded as {key}."), json=json, key=name, bytes=upload.size)


@bucket.command()
def get(
    key: Key,
    target: Annotated[Path | None, typer.Argument(help="A file or folder on this machine.")] = None,
    json: Json = False,
) -> None:
    """Download an object."""
    target = target or Path(Path(key).name)
    target = target / Path(key).name if target.is_dir() else target
    with signed_in() as client:
        receive_file(key, None, client.download_object(key, target))
    downloaded(target, json=json, bytes=target.stat().st_size)


@bucket.command()
def mv(key: Key, to: Key, json: Json = False) -> None:
    """Give an object or a folder another key."""
    with signed_in() as client:
        client.rename_object(key, to)
    done(N_("{key} is {to} now."), json=json, key=key, to=to)


@bucket.command()
def rm(key: Key, json: Json = False) -> None:
    """Delete an object, or a folder with all that is in it."""
    with signed_in() as client:
        client.delete_object(key)
    done(N_("Deleted {deleted}."), json=json, deleted=key)


def copied(copy: BucketCopy | None) -> str:
    """How far the copy of a list, a batch or a model in its owner's bucket is."""
    if copy is None:
        return ""
    return f"{word(copy.state.value)}: {copy.error or copy.place}"
