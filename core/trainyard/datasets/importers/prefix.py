"""The list of everything below a prefix of a bucket or a folder of a share: unlabelled, in one order, streamed."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from trainyard.datasets.folder import LIST, Progress, Stopped
from trainyard.datasets.importers.media import media_type
from trainyard.datasets.importers.report import Report
from trainyard.datasets.importers.walk import files_below, is_junk, sayable
from trainyard.datasets.jsonlist import write_list
from trainyard.datasets.platform import PlatformProblem, asked_again, keys_below
from trainyard.datasets.sample import Sample
from trainyard.errors import Invalid, TooLarge, Unavailable
from trainyard.words import N_

MAX_FILES = 5_000_000
_TOLD_EVERY = 1000
_LONGEST_URL = 4096
_OURS = "trainyard/"
"""Where the platform keeps its copies of lists, batches and models in somebody's bucket."""


class Place(NamedTuple):
    """Where to look: a ``folder`` of the share (as the sandbox sees it), or a ``prefix`` of the owner's bucket."""

    folder: Path | None = None
    prefix: str = ""


def make_list(target: Path, place: Place, progress: Progress, should_stop: Callable[[], bool]) -> None:
    """Write ``index.jsonl`` and ``import.json`` into the dataset's folder ``target``.

    Raises:
        Invalid: there is no picture and no video, or the place is not there. TooLarge: there are too many.
        Unavailable: the store does not answer. Stopped: ``should_stop`` said so.
    """
    report = Report("prefix")
    names = _on_share(place.folder, report) if place.folder is not None else _in_bucket(place.prefix)
    part = target / f".{LIST}.part"
    with part.open("wb") as file:
        count = write_list(file, _samples(names, report, progress, should_stop))
    if not count:
        raise Invalid(
            "prefix-without-pictures",
            N_("There is no picture and no video below {place}."),
            hint=N_("Look at the place in the browser of the bucket or the share; files count by names such as 1.jpg."),
            field="source.place",
            place=str(place.folder or place.prefix or "/"),
        )
    report.save(target)
    part.replace(target / LIST)


def _samples(urls: Iterator[str], report: Report, progress: Progress, should_stop: Callable[[], bool]) -> Iterator[Sample]:
    count = 0
    for seen, url in enumerate(urls, 1):
        if seen % _TOLD_EVERY == 0:
            if should_stop():
                raise Stopped
            progress(seen, seen + _TOLD_EVERY)  # nobody knows how many there will be
        kind = media_type(url)
        if kind is None:
            report.remark("other-files", url if sayable(url) else ascii(url))
        elif not sayable(url) or len(url) > _LONGEST_URL:
            report.problem(ascii(url)[:200], "name")
        else:
            count += 1
            if count > MAX_FILES:
                raise _too_many()
            yield Sample(0, url, kind)


def _too_many() -> TooLarge:
    return TooLarge(
        "prefix-too-large",
        N_("There are more than {limit} pictures below this place."),
        hint=N_("Take a narrower one, and make several datasets."),
        field="source.place",
        limit=MAX_FILES,
    )


def _on_share(folder: Path, report: Report) -> Iterator[str]:
    """Absolute paths of all files, without hidden ones."""
    try:
        for path in files_below(folder, lambda link: report.remark("linked", link if sayable(link) else ascii(link))):
            yield f"{folder}/{path}"
    except OSError as error:
        raise Invalid(
            "prefix-missing",
            N_("The folder {path} cannot be read: {reason}."),
            hint=N_("Give a folder of the group's share, as it is seen in a workspace."),
            field="source.place",
            path=str(folder),
            reason=os.strerror(error.errno or 0),
        ) from None


def _in_bucket(prefix: str) -> Iterator[str]:
    """The urls of all objects, without folders, hidden ones, and what the platform itself copied there."""
    after: str | None = ""
    while after is not None:
        page = _page(prefix, after)
        for key in page["keys"]:
            below = key[len(prefix) :]
            ours = key.startswith(_OURS) and not prefix.startswith(_OURS)
            if not ours and not key.endswith("/") and not any(is_junk(part) for part in below.split("/")):
                yield f"s3://{page['bucket']}/{key}"
        after = page["after"]


def _page(prefix: str, after: str) -> dict[str, Any]:
    """One page of keys."""
    try:
        return asked_again(lambda: keys_below(prefix, after))
    except PlatformProblem as problem:
        raise _unlisted(problem.values["reason"]) from None


def _unlisted(reason: str) -> Unavailable:
    return Unavailable(
        "bucket-unavailable",
        N_("The bucket could not be listed: {reason}"),
        hint=N_("Try again in a while."),
        field="source.place",
        reason=reason,
    )
