"""``trainyard.client.Client``, as a script uses it: refusals as errors, uploads that go on, events, other versions, TLS."""

from __future__ import annotations

import json
import os
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import pytest
from trainyard.client import Client, Connection
from trainyard.errors import Invalid, Unavailable, UserError
from trainyard.records.monitoring import TENSORBOARD_SECONDS
from trainyard.records.storage import UploadPurpose
from trainyard_hub.stack.certificates import make_certificates
from websockets.sync.server import ServerConnection, serve

pytestmark = pytest.mark.timeout(180)


@pytest.fixture
def client_of(service: Any) -> Iterator[Callable[..., Client]]:
    """A client of a person."""
    opened: list[Client] = []

    def make(person: Any, language: str = "en") -> Client:
        opened.append(Client(Connection(service.address, person.token), language))
        return opened[-1]

    yield make
    for client in opened:
        client.close()


def test_a_refusal_is_the_error_it_was_in_the_callers_language(service: Any, client_of: Any) -> None:
    with pytest.raises(UserError) as refused:
        client_of(service.account("anna"), "zh").accounts()
    error = refused.value
    assert (error.status, error.code, "管理员" in error.text("zh")) == (403, "administrators-only", True)


def test_who_is_not_signed_in_reads_how_to_sign_in_from_where_they_are(service: Any) -> None:
    with Client(Connection(service.address, "expired"), "zh") as client, pytest.raises(UserError) as refused:
        client.me()
    assert "`trainyard login" in refused.value.hint_text("en")
    assert "Bearer" not in refused.value.hint_text("zh")
    assert "'Authorization: Bearer <token>'" in service.client("expired").get("/me").json()["error"]["hint"]


def test_what_is_no_file_is_written_into_and_not_put_away(service: Any, client_of: Any, tmp_path: Path) -> None:
    client, pipe, file = client_of(service.account("anna")), tmp_path / "pipe", tmp_path / "file"
    *_, size = client.download("graph/operations", file)
    os.mkfifo(pipe)
    read: list[bytes] = []
    reader = Thread(target=lambda: read.append(pipe.read_bytes()), daemon=True)
    reader.start()
    *_, written = client.download("graph/operations", pipe)
    assert pipe.is_fifo()
    reader.join()
    assert (read, written) == ([file.read_bytes()], size)


def test_an_upload_that_broke_off_goes_on_where_the_service_is(service: Any, client_of: Any, tmp_path: Path) -> None:
    file = tmp_path / "model"
    file.write_bytes(os.urandom(20 << 20))
    client = client_of(service.account("anna"))
    broken = client.upload(file, UploadPurpose.MODEL)
    next(broken)
    part = next(broken)
    broken.close()
    offsets = [upload.offset for upload in client.resume_upload(file, part.id)]
    assert offsets == [8 << 20, 16 << 20, 20 << 20]
    client.forget_upload(part.id)


def test_what_changes_is_told_as_it_changes(service: Any, client_of: Any) -> None:
    boss = client_of(service.account("boss", administrator=True))
    lena = service.account("lena")
    events = boss.events()
    assert next(events)[0] == "hello"
    boss.block(lena.id)
    assert next(event for event in events if event[0] == "account") == ("account", str(lena.id))
    events.close()


def test_what_json_has_no_word_for_is_refused_before_it_is_sent(service: Any, client_of: Any) -> None:
    with pytest.raises(Invalid, match="cannot be sent"):
        client_of(service.account("anna")).send("POST", "parameter-sets", json={"parameters": {"lr": float("nan")}})


def test_a_file_that_cannot_be_written_is_told_by_the_name_that_was_asked_for(tmp_path: Path) -> None:
    target = tmp_path / "no folder" / "model.tar.gz"
    with (
        answering(b"model") as address,
        Client(Connection(address, "x")) as client,
        pytest.raises(FileNotFoundError) as refused,
    ):
        list(client.download("models/1/file", target))
    assert refused.value.filename == str(target)


@contextmanager
def a_log_that_breaks_off(code: int, *, goes_on_at: int | None = None) -> Iterator[tuple[str, list[str]]]:
    """A platform that sends one line of a log and then ends the connection with ``code``, the next time it sends the rest.

    ``goes_on_at``: where the line lies in a log that has lost its middle. Gives its address and the paths that were asked for.
    """
    asked: list[str] = []

    def told(socket: ServerConnection) -> None:
        assert socket.request is not None
        asked.append(socket.request.path)
        if len(asked) == 1:
            if goes_on_at is not None:
                socket.send(json.dumps({"from": goes_on_at}))
            socket.send(b"one\n")
            socket.close(code)
        else:
            socket.send(b"two\n")

    with serve(told, "127.0.0.1", 0) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.socket.getsockname()[1]}", asked
        server.shutdown()


@pytest.mark.parametrize("code", [1001, 1012])
def test_a_log_is_followed_on_where_it_was_when_the_platform_is_started_again(code: int) -> None:
    with a_log_that_breaks_off(code) as (address, asked), Client(Connection(address, "x")) as client:
        assert b"".join(client.follow("1")) == b"one\ntwo\n"
    assert [path.rpartition("=")[2] for path in asked] == ["0", "4"]


def test_a_log_that_lost_its_middle_is_followed_on_from_where_it_goes_on() -> None:
    with a_log_that_breaks_off(1012, goes_on_at=500) as (address, asked), Client(Connection(address, "x")) as client:
        assert b"".join(client.follow("1", 9000)) == b"one\ntwo\n"
    assert [path.rpartition("=")[2] for path in asked] == ["9000", "504"]


@pytest.mark.parametrize(
    "opened", [lambda client: client.tensorboard("1"), lambda client: client.tensorboard_on(["1", "2"])], ids=["one", "several"]
)
def test_a_tensorboard_is_waited_for_longer_than_the_service_waits_for_it(opened: Callable[[Client], str]) -> None:
    waited = []

    def answer(request: httpx.Request) -> httpx.Response:
        waited.append(request.extensions["timeout"]["read"])
        return httpx.Response(200, json={"address": "/it/"})

    with Client(Connection("http://x/services/trainyard", "x")) as client:
        client._http._transport = httpx.MockTransport(answer)
        assert opened(client) == "http://x/it/"
    assert waited[0] > TENSORBOARD_SECONDS


def test_a_log_that_ends_is_not_asked_for_again() -> None:
    with a_log_that_breaks_off(1000) as (address, asked), Client(Connection(address, "x")) as client:
        assert b"".join(client.follow("1")) == b"one\n"
    assert len(asked) == 1


@contextmanager
def answering(body: bytes, tls: Path | None = None) -> Iterator[str]:
    """A server that answers everything with ``body``; over TLS with the certificate and key in the folder ``tls``."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    if tls is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(tls / "cert.pem", tls / "key.pem")
        server.socket = context.wrap_socket(server.socket, server_side=True)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"{'https' if tls else 'http'}://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def me(service: Any, client_of: Any) -> bytes:
    """What a newer service says of a person: a field more than this version knows."""
    told = client_of(service.account("anna")).me().model_dump(mode="json")
    return json.dumps({**told, "brand_new": {"x": 1}}).encode()


def test_a_newer_services_fields_are_left_out(me: bytes) -> None:
    with answering(me) as address, Client(Connection(address, "x")) as client:
        assert client.me().name == "anna"


@pytest.fixture
def authority(tmp_path: Path) -> Path:
    """A folder with an authority nobody knows, ``ca.pem``, and what it certified."""
    make_certificates(tmp_path / "tls")
    return tmp_path / "tls"


def test_a_certificate_of_nobody_known_is_refused_with_the_way_to_trust_it(
    me: bytes, authority: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with answering(me, authority) as address:
        with Client(Connection(address, "x")) as client, pytest.raises(Unavailable) as refused:
            client.me()
        assert "SSL_CERT_FILE" in refused.value.hint_text("en")
        monkeypatch.setenv("SSL_CERT_FILE", str(authority / "ca.pem"))
        with Client(Connection(address, "x")) as client:
            assert client.me().name == "anna"
