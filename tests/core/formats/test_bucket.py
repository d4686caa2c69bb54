"""A bucket behind the platform that refuses, loses, stalls or goes away while a batch is made of its pictures."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from trainyard.datasets import platform
from trainyard.datasets.sources import FolderSource
from trainyard.errors import Unavailable
from trainyard.formats.batch import write_batch

from tests.core.formats.pictures import encoded, make_list, plan_of, same_sets

Behaviour = Callable[[str], int]


class Bucket:
    """A service that hands out pictures of a folder as ``behaves`` says: a status, or 0 to stall."""

    def __init__(self, folder: Path) -> None:
        self.behaves: Behaviour = lambda name: 200
        bucket = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                name = parse_qs(urlsplit(self.path).query)["key"][0].rpartition("/")[2]
                status = bucket.behaves(name)
                if not status:
                    time.sleep(1)
                    return
                data = (folder / name).read_bytes() if status == 200 else b'{"error": {"code": "x", "message": "No."}}'
                self.send_response(status)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}"


@pytest.fixture
def bucket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bucket]:
    made = Bucket(tmp_path / "pictures")
    (tmp_path / "token").write_text("secret")
    for name, value in (("URL", made.url), ("JOB", "1"), ("TOKEN_FILE", str(tmp_path / "token"))):
        monkeypatch.setenv(f"TRAINYARD_{name}", value)
    monkeypatch.setattr(platform, "_AWAY_SECONDS", (0.01, 0.01))
    monkeypatch.setattr(platform, "_BUSY_SECONDS", (0.01, 0.01))
    monkeypatch.setattr(platform, "_SECONDS", 0.2)
    yield made
    made.server.shutdown()
    made.server.server_close()


def in_bucket(folder: Path, count: int = 20) -> Path:
    listed = make_list(folder, count)
    listed.write_text(listed.read_text().replace('"url": "', '"url": "s3://bucket/a/'))
    return listed


def test_pictures_that_are_refused_or_gone_are_skipped_and_named(tmp_path: Path, bucket: Bucket) -> None:
    listed = in_bucket(tmp_path)
    bucket.behaves = lambda name: {"00003.jpg": 403, "00004.jpg": 404}.get(name, 200)
    sources = platform.platform_sources(FolderSource({}))
    manifest = write_batch(plan_of(listed, bad_limit=0.5), sources, tmp_path / "batch")
    assert sorted(one.line for one in manifest.skipped) == [4, 5]
    assert manifest.written == 18


@pytest.mark.parametrize("status", [503, 502, 0])
def test_a_store_that_goes_away_skips_nothing_and_the_batch_goes_on_later(tmp_path: Path, bucket: Bucket, status: int) -> None:
    listed = in_bucket(tmp_path)
    sources = platform.platform_sources(FolderSource({}))
    write_batch(plan_of(listed), sources, tmp_path / "whole")
    bucket.behaves = lambda name: status if name > "00010" else 200
    with pytest.raises(Unavailable) as refused:
        write_batch(plan_of(listed, shuffle=True), sources, tmp_path / "batch")
    assert refused.value.code == "store-away"
    assert not (tmp_path / "batch" / "manifest.json").exists()
    bucket.behaves = lambda name: 200
    assert write_batch(plan_of(listed), sources, tmp_path / "batch").skipped_total == 0
    assert same_sets(tmp_path / "batch", tmp_path / "whole")


def test_a_store_that_stumbles_once_is_asked_again(tmp_path: Path, bucket: Bucket) -> None:
    listed = in_bucket(tmp_path)
    seen: set[str] = set()
    bucket.behaves = lambda name: 200 if name in seen else seen.add(name) or 503
    manifest = write_batch(plan_of(listed), platform.platform_sources(FolderSource({})), tmp_path / "batch")
    assert (manifest.written, manifest.skipped_total) == (20, 0)


def test_a_picture_that_is_cut_off_in_the_bucket_is_skipped(tmp_path: Path, bucket: Bucket) -> None:
    listed = in_bucket(tmp_path)
    (tmp_path / "pictures" / "00001.jpg").write_bytes(encoded()[:-40])
    manifest = write_batch(plan_of(listed, bad_limit=0.5), platform.platform_sources(FolderSource({})), tmp_path / "batch")
    assert [one.code for one in manifest.skipped] == ["picture-truncated"]
