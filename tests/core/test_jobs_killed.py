"""Datasets are made, unpacked, taken in, fetched and examined by jobs that are killed at every stage: whole, or not there."""

from __future__ import annotations

import io
import json
import random
import shutil
import tarfile
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest
from trainyard.datasets.folder import MANIFEST, DatasetFolder

from tests.core.datasets.archives import jpeg, voc_xml, zip_of
from tests.core.formats.test_intake import written
from tests.core.killing import Killing, Mother, content, mother_of

pytestmark = [pytest.mark.slow, pytest.mark.survival]
PREPARE, INTAKE, EXAMINE = "trainyard.datasets.job", "trainyard.formats.intake", "trainyard.formats.examine_job"
FETCH = "trainyard.datasets.fetching.job"
Make = Callable[[Path], dict[str, Any]]
"""Writes what a job works on into a folder; what its specification says beside ``folder``."""


@pytest.fixture(scope="module")
def mother() -> Iterator[Mother]:
    with mother_of(PREPARE, INTAKE, EXAMINE) as made:
        yield made


def annotated(count: int) -> Mapping[str, bytes | str]:
    """So many pictures with VOC files."""
    files: dict[str, bytes | str] = {f"v/JPEGImages/{n}.jpg": jpeg(40 + n % 7) for n in range(count)}
    return files | {f"v/Annotations/{n}.xml": voc_xml("dog", "cat" * (n % 3 + 1)) for n in range(count)}


def as_zip(folder: Path) -> dict[str, Any]:
    (folder / "archive").write_bytes(zip_of(annotated(100)))
    return {"archive": str(folder / "archive")}


def as_tar(folder: Path) -> dict[str, Any]:
    with tarfile.open(folder / "archive", "w:gz") as tape:
        for name, data in annotated(100).items():
            raw = data.encode() if isinstance(data, str) else data
            entry = tarfile.TarInfo(name)
            entry.size = len(raw)
            tape.addfile(entry, io.BytesIO(raw))
    return {"archive": str(folder / "archive")}


def as_list(folder: Path) -> dict[str, Any]:
    """Both schemas, boxes, a class many lines have, and broken lines."""
    box = {"class": "cat", "bbox": [[1, 2], [20, 25]]}
    new = [{"name": "g", "type": "detection", "data": [box, {**box, "class": "dog"}]}]
    lines = [json.dumps({"url": f"{n}.jpg", "label": new if n % 2 else {"class": {"g": str(n % 9)}}}) for n in range(8_000)]
    lines[7] = lines[7_500] = "{"
    (folder / "list.jsonl").write_text("\n".join(lines))
    return {"list": str(folder / "list.jsonl")}


def as_list_with_pictures(folder: Path) -> dict[str, Any]:
    """A ModelArts manifest whose VOC files lie in the archive of its pictures."""
    there = {"type": "modelarts/object_detection"}
    lines = (
        {"source": f"v/JPEGImages/{n}.jpg", "annotation": [there | {"annotation-loc": f"v/Annotations/{n}.xml"}]}
        for n in range(100)
    )
    (folder / "list.manifest").write_text("".join(json.dumps(line) + "\n" for line in lines))
    (folder / "pictures.zip").write_bytes(zip_of(annotated(100)))
    return {"list": str(folder / "list.manifest"), "pictures": str(folder / "pictures.zip")}


def as_prefix(folder: Path) -> dict[str, Any]:
    for number in range(1500):
        place = folder / "below" / f"{number % 10}" / f"{number}.jpg"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.touch()
    return {"prefix": {"folder": str(folder / "below")}}


def as_set(name: str) -> Make:
    from trainyard.formats.record import one_class

    def make(folder: Path) -> dict[str, Any]:
        files = written(folder / "set", name, [one_class(n % 3) for n in range(2000)])
        return {"format": name, "batch": "b" * 16, "files": {part: {"path": str(path)} for part, path in files.items()}}

    return make


JOBS: dict[str, tuple[str, Make]] = {
    "list": (PREPARE, as_list),
    "manifest": (PREPARE, as_list_with_pictures),
    "zip": (PREPARE, as_zip),
    "tar.gz": (PREPARE, as_tar),
    "prefix": (PREPARE, as_prefix),
    "recordio": (INTAKE, as_set("recordio")),
    "lmdb": (INTAKE, as_set("lmdb")),
}


@pytest.mark.parametrize("kind", JOBS)
def test_a_dataset_in_the_making_is_killed_at_every_stage_and_is_whole_or_not_there(
    tmp_path: Path, mother: Mother, dice: random.Random, kind: str
) -> None:
    module, make = JOBS[kind]
    more = make(tmp_path)

    def prepare(folder: Path) -> Path:
        folder.mkdir()
        spec = tmp_path / f"{folder.name}.spec"
        spec.write_text(json.dumps({"folder": str(folder), **more}))
        return spec

    killing, kills = Killing(mother, module, prepare), 0
    whole, seconds = killing.undisturbed(tmp_path / "whole")
    made = DatasetFolder(tmp_path / "made")
    for killed in killing.rounds(made.path, seconds, dice):
        kills += killed
        if (made.path / MANIFEST).exists():
            seen = {name: data for name, data in content(made.path).items() if not name.startswith((".", "batch"))}
            assert seen == {name: data for name, data in whole.items() if not name.startswith("batch")}
    assert content(made.path) == whole
    assert kills


def test_an_examination_is_killed_at_every_stage_and_the_one_before_stays_until_it_is_whole(
    tmp_path: Path, mother: Mother, dice: random.Random
) -> None:
    dataset = DatasetFolder(tmp_path / "dataset")
    dataset.pictures.mkdir(parents=True)
    for number in range(30):
        (dataset.pictures / f"{number}.jpg").write_bytes(jpeg(40 + number // 2)[: -9 if number == 7 else None])
    dataset.list_path.write_text("".join(json.dumps({"url": f"{number % 31}.jpg"}) + "\n" for number in range(1500)))
    dataset.prepare()

    def prepare(folder: Path) -> Path:
        folder.mkdir()
        spec = tmp_path / f"{folder.name}.spec"
        spec.write_text(json.dumps({"dataset": str(dataset.path), "roots": {"": str(dataset.pictures)}, "folder": str(folder)}))
        return spec

    killing = Killing(mother, EXAMINE, prepare)
    whole, seconds = killing.undisturbed(tmp_path / "whole")
    shutil.rmtree(tmp_path / "whole")
    for _ in killing.rounds(tmp_path / "made", seconds, dice):
        seen = {name: data for name, data in content(tmp_path / "made").items() if not name.startswith(".")}
        assert seen.items() <= whole.items()
    assert content(tmp_path / "made") == whole


class Fetching(BaseHTTPRequestHandler):
    """The service as a fetch sees it: brings every picture but each tenth, and of some says first that they come later."""

    asked: ClassVar[Counter[str]] = Counter()

    def do_POST(self) -> None:
        url = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["url"]
        number, again = int(url.rpartition("/")[2]), self.asked[url]
        self.asked[url] += 1
        answer: dict[str, Any] = {"state": "stored", "suffix": ".jpg", "size": 100}
        if number % 10 == 3:
            answer = {"state": "failed", "code": "picture-missing", "message": "There is no such object."}
        elif number % 10 == 5 and not again:
            answer = {"state": "later", "after": 0.001}
        data = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: Any) -> None:
        pass


def test_a_fetch_is_killed_at_every_stage_and_ends_with_the_same_list(
    tmp_path: Path, dice: random.Random, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Fetching)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    (tmp_path / "token").write_text("secret")
    url = f"http://127.0.0.1:{server.server_address[1]}"
    for name, value in (("URL", url), ("JOB", "1"), ("TOKEN_FILE", str(tmp_path / "token"))):
        monkeypatch.setenv(f"TRAINYARD_{name}", value)
    listed = tmp_path / "list.jsonl"
    listed.write_text("".join(json.dumps({"url": f"http://a.example/{n}"}) + "\n" for n in range(60)))

    def prepare(folder: Path) -> Path:
        folder.mkdir()
        spec = tmp_path / f"{folder.name}.spec"
        place = {"bucket": "b", "prefix": "p/"}
        spec.write_text(
            json.dumps({"folder": str(folder), "list": str(listed), "place": place, "first_pause": 0.01, "at_once": 4})
        )
        return spec

    def seen(folder: Path) -> dict[str, bytes]:
        """All but the journal, which is in the order of the answers."""
        return {name: data for name, data in content(folder).items() if name != "fetched.jsonl"}

    with mother_of(FETCH) as mother:
        killing, kills = Killing(mother, FETCH, prepare), 0
        _, seconds = killing.undisturbed(tmp_path / "whole")
        whole = seen(tmp_path / "whole")
        for killed in killing.rounds(tmp_path / "made", seconds, dice):
            kills += killed
            assert not (tmp_path / "made" / MANIFEST).exists() or seen(tmp_path / "made") == whole
    server.shutdown()
    server.server_close()
    assert seen(tmp_path / "made") == whole
    assert kills
