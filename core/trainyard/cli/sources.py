"""What ``datasets create`` makes a dataset of: files here, which are uploaded, and places in the bucket or on a share."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

from trainyard.cli.call import no_such_file, send_file
from trainyard.cli.usage import WronglyUsed
from trainyard.words import N_

if TYPE_CHECKING:
    from trainyard.client import Client
    from trainyard.records.datasets import BucketFile, DatasetSource, FilePlace, ShareFile

BUCKET, SHARE = "bucket:", "share:"
Formats = Literal["recordio", "lmdb"]
_BELONG = {"file": ("pictures",), "archive": ("layout", "label_set"), "data": ("index", "labels", "format", "split")}
"""Options that say more about another one, and mean nothing without it."""


@dataclass
class Options:
    """The options as they were given; empty ones were not."""

    file: Path | None = None
    pictures: Path | None = None
    bucket_key: str = ""
    share: str = ""
    archive: str = ""
    layout: str = "auto"
    label_set: str = ""
    prefix: str = ""
    data: str = ""
    index: str = ""
    labels: str = ""
    format: str = ""
    split: str = "train"


def source_of(client: Client, given: Options) -> DatasetSource:
    """The source that the options describe; what lies here is uploaded.

    Raises:
        WronglyUsed: none or several kinds of sources were given, or one that does not fit the others.
    """
    must_be_one(given)
    from trainyard.records import datasets as records
    from trainyard.records.storage import UploadPurpose

    if given.file:
        archive = send_file(client, given.pictures, UploadPurpose.PICTURES).id if given.pictures else None
        return records.UploadSource(upload=send_file(client, given.file, UploadPurpose.LIST).id, pictures=archive)
    if given.bucket_key:
        return records.BucketSource(key=given.bucket_key)
    if given.share:
        return records.ShareSource(**dict(zip(("group", "path"), _group_and_path(given.share, "--share"), strict=True)))
    if given.archive:
        file = _place(client, given.archive)
        return records.ArchiveSource(file=file, layout=records.Layout(given.layout), label_set=given.label_set)
    if given.prefix:
        return records.PrefixSource(place=_lying(given.prefix))
    return records.FormattedSource.model_validate(
        {
            "format": given.format,
            "data": _place(client, given.data),
            "index": _place(client, given.index) if given.index else None,
            "labels": _place(client, given.labels) if given.labels else None,
            "split": given.split,
        }
    )


def must_be_one(given: Options) -> None:
    """Refuse what cannot be meant, before anything is sent.

    Raises:
        WronglyUsed: see ``source_of``. NotFound: a file of this machine is not there.
    """
    from trainyard.records.datasets import Layout

    if sum(map(bool, (given.file, given.bucket_key, given.share, given.archive, given.prefix, given.data))) != 1:
        raise WronglyUsed(N_("Give one of --file, --bucket-key, --share, --archive, --prefix and --data."))
    _must_belong(given)
    if given.layout not in list(Layout):
        raise WronglyUsed(N_("There is no layout {given}; there are: {known}."), given=given.layout, known=", ".join(Layout))
    if given.data and given.format not in get_args(Formats):
        raise WronglyUsed(N_("Say with --format whether {data} is recordio or lmdb."), data=given.data)
    if given.data and given.split not in ("train", "val", "test"):
        raise WronglyUsed(N_("A set is train, val or test; not {given}."), given=given.split)
    if given.prefix and not given.prefix.startswith((BUCKET, SHARE)):
        raise WronglyUsed(N_("Write --prefix as bucket:PREFIX or share:GROUP:FOLDER; not {given}."), given=given.prefix)
    for file in (given.file, given.pictures, given.archive, given.data, given.index, given.labels):
        if file and not str(file).startswith((BUCKET, SHARE)) and not Path(file).is_file():
            raise no_such_file(Path(file))


def _must_belong(given: Options) -> None:
    """Refuse options that would be passed over."""
    usual = Options()
    for owner, names in _BELONG.items():
        for name in names:
            if not getattr(given, owner) and getattr(given, name) != getattr(usual, name):
                told = {"option": f"--{name.replace('_', '-')}", "owner": f"--{owner}"}
                raise WronglyUsed(N_("{option} goes with {owner} only."), **told)


def _place(client: Client, given: str) -> FilePlace:
    """``bucket:KEY``, ``share:GROUP:PATH``, or a file of this machine, which is uploaded."""
    from trainyard.records.datasets import UploadedFile
    from trainyard.records.storage import UploadPurpose

    if given.startswith((BUCKET, SHARE)):
        return _lying(given)
    return UploadedFile(upload=send_file(client, Path(given), UploadPurpose.DATA).id)


def _lying(given: str) -> BucketFile | ShareFile:
    from trainyard.records.datasets import BucketFile, ShareFile

    if given.startswith(BUCKET):
        return BucketFile(key=given.removeprefix(BUCKET))
    group, path = _group_and_path(given.removeprefix(SHARE), "share:")
    return ShareFile(group=group, path=path)


def _group_and_path(given: str, option: str) -> tuple[str, str]:
    group, colon, path = given.partition(":")
    if not colon:
        raise WronglyUsed(N_("Write {option} as GROUP:PATH; {given} has no colon."), option=option, given=given)
    return group, path
