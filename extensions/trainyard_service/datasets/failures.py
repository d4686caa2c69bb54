"""What a fetch did and what it left out, as its job wrote it into the dataset's folder."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
from trainyard.datasets.fetching.relist import COUNTS, FAILURES, Failure
from trainyard.home import Home
from trainyard.metrics.beneath import open_beneath
from trainyard.records.datasets import Fetched, FetchFailure
from trainyard.words import translate

from trainyard_service.database.tables.datasets import DatasetRow
from trainyard_service.volume_files import read_json

_LONGEST = 1 << 16


def fetched(home: Home, dataset: DatasetRow) -> Fetched | None:
    """What a fetch did, if one made this dataset."""
    if dataset.source.get("kind") != "fetch":
        return None
    told = read_json(home.dataset(dataset.id), COUNTS)
    try:
        return Fetched.model_validate(told) if told else None
    except ValueError:
        return None


def failures(home: Home, dataset_id: str, language: str) -> Iterator[FetchFailure]:
    """The lines that were left out, in the order of the list; none for a dataset that no fetch made."""
    try:
        file = open_beneath(home.dataset(dataset_id), FAILURES)
    except OSError:
        return
    with file:
        while line := file.readline(_LONGEST):
            try:
                one = msgspec.json.decode(line, type=Failure)
                reason = translate(one.message, language, **one.values)
            except (msgspec.MsgspecError, KeyError, IndexError, ValueError, TypeError, AttributeError):
                continue  # a job wrote it
            yield FetchFailure(line=one.line, url=one.url, code=one.code, reason=reason)
