"""The options of ``datasets create`` mean one source, and what cannot be meant is refused before anything is sent."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest
from trainyard.cli.sources import Options, must_be_one, source_of
from trainyard.cli.usage import WronglyUsed
from trainyard.client import Client
from trainyard.errors import NotFound

NOBODY = cast(Client, None)
"""Nothing is uploaded for what lies on the platform already."""


@pytest.mark.parametrize(
    ("options", "source"),
    [
        ({"bucket_key": "a/l.jsonl"}, {"kind": "bucket", "key": "a/l.jsonl"}),
        ({"share": "vision:anna/l.jsonl"}, {"kind": "share", "group": "vision", "path": "anna/l.jsonl"}),
        (
            {"archive": "bucket:a.zip", "layout": "voc", "label_set": "street"},
            {"kind": "archive", "file": {"kind": "bucket", "key": "a.zip"}, "layout": "voc", "label_set": "street"},
        ),
        ({"prefix": "bucket:"}, {"kind": "prefix", "place": {"kind": "bucket", "key": ""}}),
        (
            {"prefix": "share:vision:照片"},
            {"kind": "prefix", "place": {"kind": "share", "group": "vision", "path": "照片"}},
        ),
    ],
)
def test_options_become_the_source(options: dict[str, Any], source: dict[str, Any]) -> None:
    assert source_of(NOBODY, Options(**options)).model_dump(mode="json", exclude_none=True) == source


def test_a_formatted_set_is_told_with_its_parts() -> None:
    given = Options(data="share:v:a.rec", index="bucket:a.idx", format="recordio", split="val")
    made = source_of(NOBODY, given).model_dump(mode="json")
    assert (made["format"], made["split"], made["data"]["path"], made["index"]["key"], made["labels"]) == (
        "recordio",
        "val",
        "a.rec",
        "a.idx",
        None,
    )


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"bucket_key": "a", "prefix": "bucket:b"},
        {"archive": "a.zip", "layout": "coconut"},
        {"data": "a.rec"},
        {"data": "a.rec", "format": "roidb"},
        {"data": "a.rec", "format": "lmdb", "split": "all"},
        {"prefix": "photos"},
        {"bucket_key": "a", "pictures": "a.zip"},
        {"bucket_key": "a", "layout": "voc"},
        {"prefix": "bucket:a", "label_set": "street"},
        {"archive": "bucket:a.zip", "labels": "bucket:labels.csv"},
        {"bucket_key": "a", "split": "val"},
    ],
)
def test_what_cannot_be_meant_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(WronglyUsed):
        must_be_one(Options(**options))


@pytest.mark.parametrize("options", [{"file": "gone"}, {"archive": "gone"}, {"data": "gone", "format": "lmdb"}])
def test_a_file_that_is_not_there_is_said_before_anything_is_sent(options: dict[str, Any]) -> None:
    with pytest.raises(NotFound, match="gone"):
        must_be_one(Options(**options))


def test_pictures_that_are_not_there_are_said_before_their_list_is_sent(tmp_path: Path) -> None:
    (tmp_path / "list.jsonl").write_text("{}")
    with pytest.raises(NotFound, match=r"gone\.zip"):
        must_be_one(Options(file=tmp_path / "list.jsonl", pictures=Path("gone.zip")))


def test_a_share_without_a_path_is_refused() -> None:
    with pytest.raises(WronglyUsed, match="colon"):
        source_of(NOBODY, Options(share="vision"))
