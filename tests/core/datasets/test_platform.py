"""A list comes from the bucket whole, or not at all, whatever service and store do in between."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from trainyard.datasets import platform
from trainyard.datasets.folder import DatasetFolder
from trainyard.datasets.importers.beside import VocFiles
from trainyard.datasets.job import JobSpec, PrefixSpec, run

from .archives import jpeg, voc_xml

SWAPPED = "<width>40</width><height>30</height>", "<width>30</width><height>40</height>"
LISTED = b"".join(b'{"url":"%d.jpg"}\n' % number for number in range(1000))
KEYS = json.dumps({"bucket": "b", "keys": ["p/1.jpg", "p/2.jpg"], "after": None}).encode()
Trouble = Callable[[int], str]


class Platform:
    """A service that has one object, and one page of keys; ``trouble`` says what goes wrong with which question, from 0."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.content = {"object": LISTED, "objects": KEYS}
        self.trouble: Trouble = lambda number: ""
        self.mark, self.starts = '"one"', list[int]()
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                what = urlsplit(self.path)
                service.asked.append(parse_qs(what.query).get("key", [""])[0])
                trouble = service.trouble(len(service.asked) - 1)
                data = service.content[what.path.rpartition("/")[2]]
                start = int(self.headers.get("Range", "bytes=0-")[6:-1]) if self.headers.get("If-Range") == service.mark else 0
                service.starts.append(start)
                data = b'{"error": {"code": "x", "message": "No."}}' if trouble.isdigit() else data[start:]
                self.send_response(int(trouble) if trouble.isdigit() else 206 if start else 200)
                self.send_header("ETag", service.mark)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data[: len(data) // 2] if trouble == "half" else data)

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Platform]:
    made = Platform()
    (tmp_path / "token").write_text("secret")
    url = f"http://127.0.0.1:{made.server.server_address[1]}"
    for name, value in (("URL", url), ("JOB", "1"), ("TOKEN_FILE", str(tmp_path / "token"))):
        monkeypatch.setenv(f"TRAINYARD_{name}", value)
    monkeypatch.setattr(platform, "_AWAY_SECONDS", (0.01, 0.01))
    monkeypatch.setattr(platform, "_BUSY_SECONDS", (0.01, 0.01))
    yield made
    made.server.shutdown()
    made.server.server_close()


def made_of(folder: Path, **more: Any) -> tuple[int, str]:
    """Exit code, and the code of the refusal, of a dataset in ``folder``."""
    folder.mkdir()
    status = run(JobSpec(folder, **more))
    return status, (json.loads((folder / "progress.json").read_text()).get("error") or {}).get("code", "")


@pytest.mark.parametrize("trouble", ["half", "503", "502", "429"])
def test_a_list_that_comes_half_or_not_at_once_is_asked_for_again(tmp_path: Path, service: Platform, trouble: str) -> None:
    service.trouble = lambda number: trouble if number == 0 else ""
    assert made_of(tmp_path / "made", bucket_key="a.jsonl") == (0, "")
    assert DatasetFolder(tmp_path / "made").list_path.read_bytes() == LISTED


@pytest.mark.parametrize("other", [False, True], ids=["the same object", "another object"])
def test_a_list_that_was_cut_off_goes_on_where_it_is_on_the_disk_if_it_is_the_same(
    tmp_path: Path, service: Platform, monkeypatch: pytest.MonkeyPatch, other: bool
) -> None:
    monkeypatch.setattr(platform, "_BLOCK", 1000)
    monkeypatch.setattr("trainyard.datasets.job.SYNC_BYTES", 3000)
    service.trouble = lambda number: "half"
    (folder := tmp_path / "made").mkdir()
    assert run(JobSpec(folder, bucket_key="a.jsonl")) == 2
    assert service.starts == sorted(set(service.starts)), "every attempt goes on behind the one before"
    before, service.trouble = len(service.starts), lambda number: ""
    if other:
        service.mark, service.content["object"] = '"two"', LISTED.replace(b".jpg", b".png")
    assert run(JobSpec(folder, bucket_key="a.jsonl")) == 0
    assert DatasetFolder(folder).list_path.read_bytes() == service.content["object"]
    assert [start > 0 for start in service.starts[before:]] == [not other]
    assert not [path for path in folder.iterdir() if "known" in path.name]


def test_a_list_that_always_ends_early_is_no_dataset(tmp_path: Path, service: Platform) -> None:
    service.trouble = lambda number: "half"
    assert made_of(tmp_path / "made", bucket_key="a.jsonl") == (2, "bucket-unavailable")
    assert not DatasetFolder(tmp_path / "made").list_path.exists()


def test_a_list_that_is_refused_is_asked_for_once(tmp_path: Path, service: Platform) -> None:
    service.trouble = lambda number: "403"
    assert made_of(tmp_path / "made", bucket_key="a.jsonl") == (2, "list-not-fetched")
    assert service.asked == ["a.jsonl"]


@pytest.mark.parametrize("trouble", ["half", "503"])
def test_a_page_of_keys_is_asked_for_again(tmp_path: Path, service: Platform, trouble: str) -> None:
    service.trouble = lambda number: trouble if number == 0 else ""
    assert made_of(tmp_path / "made", prefix=PrefixSpec(key="p/")) == (0, "")
    assert DatasetFolder(tmp_path / "made").manifest().images == 2


def test_of_a_picture_in_the_bucket_that_exif_turns_the_header_tells_where_its_boxes_lie(
    tmp_path: Path, service: Platform
) -> None:
    (tmp_path / "1.xml").write_text(voc_xml("dog").replace(*SWAPPED))
    service.content["object"] = jpeg(40, 30, 6) + b"\xff\xd9" * 2**20
    (entry,) = VocFiles(tmp_path, tmp_path / "a", "").boxes("s3://b/1.jpg", "1.xml")
    assert (service.asked, entry["bbox"]) == (["s3://b/1.jpg"], ((2, 21), (8, 29)))


def test_a_store_that_is_away_is_no_fault_of_the_line_that_names_an_annotation(tmp_path: Path, service: Platform) -> None:
    annotation = {"type": "modelarts/object_detection", "annotation-loc": "s3://b/1.xml"}
    service.content["object"] = json.dumps({"source": "1.jpg", "annotation": [annotation]}).encode()
    service.trouble = lambda number: "503" if number else ""
    assert made_of(tmp_path / "made", bucket_key="V001.manifest") == (2, "bucket-unavailable")
