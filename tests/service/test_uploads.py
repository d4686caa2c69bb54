"""Uploads on a disk that fills up in the middle: what was counted stays, the rest is sent when there is room."""

from __future__ import annotations

import hashlib
import random
import secrets
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from .conftest import free_port

pytestmark = pytest.mark.one_database
CHUNK = 400_000


@pytest.fixture
def small_disk(service: Any) -> Iterator[Path]:
    """The folder of uploads on a disk of 1 MB of its own."""
    folder = service.context.home.volume / "uploads"
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder], check=True)
    yield folder
    subprocess.run(["umount", folder], check=True)


@pytest.mark.root
def test_an_upload_on_a_disk_that_fills_up_goes_on_when_there_is_room(service, small_disk):
    client, data = service.client(service.account("anna")), secrets.token_bytes(4 * CHUNK)
    upload = client.post("/uploads", json={"name": "a.zip", "size": len(data), "purpose": "pictures"}).json()

    def send(offset: int) -> Any:
        chunk = data[offset : offset + CHUNK]
        headers = {"Upload-Offset": str(offset), "Upload-Checksum": f"sha256 {hashlib.sha256(chunk).hexdigest()}"}
        return client.patch(f"/uploads/{upload['id']}", content=chunk, headers=headers)

    assert [send(offset).status_code for offset in (0, CHUNK)] == [200, 200]
    refused = send(2 * CHUNK)
    assert (refused.status_code, refused.json()["error"]["code"]) == (503, "volume-refused")
    assert client.get(f"/uploads/{upload['id']}").json()["offset"] == 2 * CHUNK
    subprocess.run(["mount", "-o", "remount,size=8m", small_disk], check=True)
    assert [send(offset).status_code for offset in (2 * CHUNK, 3 * CHUNK)] == [200, 200]
    assert client.get(f"/uploads/{upload['id']}").json()["complete"]
    assert (small_disk / upload["id"] / "data").read_bytes() == data


def begun(client: httpx.Client, data: bytes, name: str = "a.zip") -> str:
    """The path of a new upload."""
    return f"/uploads/{client.post('/uploads', json={'name': name, 'size': len(data), 'purpose': 'pictures'}).json()['id']}"


def sent(client: httpx.Client, path: str, data: bytes) -> None:
    """Send what is missing, as a tab of a browser does: after a refusal it asks where to go on."""
    while not (told := client.get(path).json())["complete"]:
        chunk = data[told["offset"] :][:10_000]
        headers = {"Upload-Offset": str(told["offset"]), "Upload-Checksum": f"sha256 {hashlib.sha256(chunk).hexdigest()}"}
        answer = client.patch(path, content=chunk, headers=headers)
        assert answer.status_code == 200 or answer.json()["error"]["code"] == "upload-offset", answer.text


def test_two_tabs_that_send_one_upload_or_each_their_own_end_with_whole_files(service):
    client = service.client(service.account("anna"))
    one, other = secrets.token_bytes(150_000), secrets.token_bytes(150_000)
    shared, same, second = begun(client, one), begun(client, one), begun(client, other, "b.zip")
    works = [(shared, one), (shared, one), (same, one), (second, other)]
    with ThreadPoolExecutor(len(works)) as tabs:
        list(tabs.map(lambda work: sent(client, *work), works))
    for path, data in works:
        assert (service.context.home.upload(path.rpartition("/")[2]) / "data").read_bytes() == data


def test_a_chunk_that_was_damaged_on_its_way_is_refused_and_nothing_of_it_stays(service):
    client, data = service.client(service.account("anna")), secrets.token_bytes(1000)
    path = begun(client, data)
    headers = {"Upload-Offset": "0", "Upload-Checksum": f"sha256 {hashlib.sha256(data[1:]).hexdigest()}"}
    refused = client.patch(path, content=data, headers=headers)
    error = refused.json()["error"]
    assert (refused.status_code, error["code"], error["hint"]) == (409, "checksum-wrong", "Send the chunk again.")
    assert "damaged on its way" in error["message"]
    assert client.get(path).json()["offset"] == 0
    sent(client, path, data)


class Alone:
    """A service in a process of its own."""

    def __init__(self, home: Path) -> None:
        self.home, self.port, self.token = home, free_port(), secrets.token_hex(16)
        address = f"http://127.0.0.1:{self.port}/services/trainyard/api/v1"
        self.client = httpx.Client(
            base_url=address, headers={"Authorization": f"Bearer {self.token}"}, trust_env=False, timeout=60
        )

    def start(self) -> None:
        script = str(Path(__file__).with_name("service_alone.py"))
        self.process = subprocess.Popen([sys.executable, script, str(self.home), str(self.port), self.token])
        while True:
            assert self.process.poll() is None
            try:
                assert self.client.get("/me").status_code == 200
                return
            except httpx.TransportError:
                time.sleep(0.05)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


@pytest.mark.slow
def test_an_upload_goes_on_after_the_service_was_killed_in_the_middle(tmp_path):
    alone, data = Alone(tmp_path / "home"), secrets.token_bytes(30 * CHUNK)
    alone.home.mkdir()
    alone.start()
    upload = alone.client.post("/uploads", json={"name": "a.zip", "size": len(data), "purpose": "pictures"}).json()
    path, kills = f"/uploads/{upload['id']}", 0
    try:
        while not (told := alone.client.get(path).json())["complete"]:
            offset, killer = told["offset"], threading.Timer(random.uniform(0, 0.02), alone.process.kill)
            doomed = kills < 3 and offset > 3 * CHUNK
            if doomed:
                killer.start()
            with suppress(httpx.TransportError):
                headers = {"Upload-Offset": str(offset)}
                assert alone.client.patch(path, content=data[offset : offset + CHUNK], headers=headers).status_code == 200
            if doomed:
                killer.join()
                alone.kill()
                alone.start()
                kills += 1
    finally:
        alone.kill()
    assert kills == 3 and (alone.home / "volume/uploads" / upload["id"] / "data").read_bytes() == data
