"""Mails to a real SMTP server, access tokens over REST, and the first administrator."""

from __future__ import annotations

import email
import queue
import socket
from email import policy
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
from trainyard_service.bootstrap import bootstrap
from trainyard_service.main import command
from typer.testing import CliRunner

pytestmark = pytest.mark.one_database
GOOD = "seven quiet tractors"


class Inbox:
    """Keeps what it is sent."""

    def __init__(self) -> None:
        self.letters: queue.Queue[Any] = queue.Queue()

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        self.letters.put((envelope.rcpt_tos, email.message_from_bytes(envelope.content, policy=policy.default)))
        return "250 OK"


@pytest.fixture
def post():
    inbox = Inbox()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        inbox.port = probe.getsockname()[1]
    controller = Controller(inbox, hostname="127.0.0.1", port=inbox.port)
    controller.start()
    yield inbox
    controller.stop()


def _apply(service, **changes):
    body = {"name": "anna", "password": GOOD, "email": "anna@example.org", **changes}
    return service.internal().post("/internal/applications", json=body).json()["id"]


def test_an_approval_is_mailed_in_the_readers_language(start_service, post):
    service = start_service(smtp_host="127.0.0.1", smtp_port=post.port, smtp_security="none", public_url="https://yard.example")
    admin = service.account("admin", administrator=True)
    number = _apply(service, language="zh")
    service.client(admin).post(f"/accounts/{number}/approve", json={})
    receivers, letter = post.letters.get(timeout=120)
    assert receivers == ["anna@example.org"] and "已通过审批" in letter.get_content()
    assert "https://yard.example/" in letter.get_content()


def test_a_refusal_is_mailed_with_its_reason(start_service, post):
    service = start_service(smtp_host="127.0.0.1", smtp_port=post.port, smtp_security="none")
    admin = service.account("admin", administrator=True)
    number = _apply(service)
    service.client(admin).post(f"/accounts/{number}/refuse", json={"reason": "not of our school"})
    assert "not of our school" in post.letters.get(timeout=120)[1].get_content()


def test_a_dead_mail_server_delays_nobody_and_loses_no_notice(start_service):
    service = start_service(smtp_host="127.0.0.1", smtp_port=9, smtp_security="none")
    admin = service.account("admin", administrator=True)
    number = _apply(service)
    assert service.client(admin).post(f"/accounts/{number}/approve", json={}).status_code == 200
    assert service.client(service.hub.sign_in(f"u{number}")).get("/me").json()["unread_notices"] == 1


def test_notices_are_ones_own_and_in_the_readers_language(service):
    anna, ben = service.account("anna"), service.account("ben", administrator=True)
    vision = service.group("vision")
    service.client(ben).put(f"/groups/{vision.name}/members/{anna.id}", json={})
    chinese = service.client(anna, **{"Accept-Language": "zh"}).get("/notices").json()["items"]
    assert [notice["text"] for notice in chinese] == ["你现在是群组 vision 的成员了。"]
    assert service.client(ben).get("/notices").json()["total"] == 0


def test_an_access_token_works_until_it_is_revoked(service):
    anna = service.account("anna")
    client = service.client(anna)
    made = client.post("/tokens", json={"name": "laptop", "days": 30}).json()
    with_token = service.client(made["secret"])
    assert with_token.get("/me").json()["name"] == "anna"
    assert [(token["name"], token["secret"]) for token in client.get("/tokens").json()] == [("laptop", None)]
    assert client.delete(f"/tokens/{made['id']}").status_code == 204
    assert with_token.get("/me").status_code == 401


def test_access_tokens_are_closed_to_workspaces_and_others(service):
    anna, ben = service.account("anna"), service.account("ben")
    made = service.client(anna).post("/tokens", json={"name": "laptop"}).json()
    assert service.client(ben).delete(f"/tokens/{made['id']}").status_code == 404
    workspace = service.client(service.workspace_token(anna))
    assert workspace.get("/tokens").status_code == 403
    assert workspace.post("/tokens", json={"name": "x"}).status_code == 403
    assert workspace.delete(f"/tokens/{made['id']}").status_code == 403


@pytest.mark.parametrize("days", [0, 366, "many"])
def test_an_access_token_lives_a_day_to_a_year(service, days):
    answer = service.client(service.account("anna")).post("/tokens", json={"name": "x", "days": days})
    assert answer.status_code == 422 and answer.json()["error"]["field"] == "days"


def test_the_first_administrator_is_made_once(settings_of, tmp_path):
    settings = settings_of()
    (tmp_path / "password").write_text(GOOD)
    first = bootstrap(settings, "admin", tmp_path / "password")
    (tmp_path / "password").write_text("another one altogether")
    assert bootstrap(settings, "other", tmp_path / "password") == first == 1


def test_the_command_prints_the_hubs_name(settings_of, tmp_path, monkeypatch):
    settings = settings_of()
    (tmp_path / "password").write_text(GOOD)
    monkeypatch.setenv("TRAINYARD_SERVICE_HOME", str(settings.home))
    monkeypatch.setenv("TRAINYARD_SERVICE_DATABASE_URL", settings.database)
    result = CliRunner().invoke(command, ["bootstrap", "--password-file", str(tmp_path / "password")])
    assert (result.exit_code, result.stdout.strip()) == (0, "u1")


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("postgresql://boss:secret@127.0.0.1:1/trainyard", "The database cannot be opened: connection failed"),
        ("nonsense", "The database cannot be opened: Could not parse"),
    ],
)
def test_a_database_that_cannot_be_opened_is_told_in_a_sentence(tmp_path, monkeypatch, url, says):
    monkeypatch.setenv("TRAINYARD_SERVICE_HOME", str(tmp_path))
    monkeypatch.setenv("TRAINYARD_SERVICE_DATABASE_URL", url)
    result = CliRunner().invoke(command, ["bootstrap", "--password-file", str(tmp_path / "password")])
    assert (result.exit_code, result.stderr.startswith(says)) == (1, True)
    assert "Look at TRAINYARD_SERVICE_DATABASE_URL." in result.stderr
    assert "secret" not in result.stderr


class Unwilling:
    """Refuses the first letters as real servers do (a full box, a busy server), then takes them."""

    def __init__(self, *refusals: str) -> None:
        self.refusals = list(refusals)
        self.letters: queue.Queue[str] = queue.Queue()
        self.refused: queue.Queue[str] = queue.Queue()

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        if self.refusals:
            self.refused.put(self.refusals[0])
            return self.refusals.pop(0)
        self.letters.put(email.message_from_bytes(envelope.content, policy=policy.default).get_content())
        return "250 OK"


def test_a_server_that_refuses_letters_stops_neither_the_platform_nor_the_next_letter(start_service):
    unwilling = Unwilling("452 the box is full", "554 no")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    controller = Controller(unwilling, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        service = start_service(smtp_host="127.0.0.1", smtp_port=port, smtp_security="none")
        admin, vision = service.account("admin", administrator=True), service.group("vision")
        number = _apply(service)
        client = service.client(admin)
        client.post(f"/accounts/{number}/approve", json={}).raise_for_status()
        client.put(f"/groups/{vision.name}/members/{number}", json={}).raise_for_status()
        client.delete(f"/groups/{vision.name}/members/{number}").raise_for_status()
        assert "10 minutes" in unwilling.letters.get(timeout=120)
        assert unwilling.refused.qsize() == 2
        # what was not mailed stands on the page
        assert service.client(service.hub.sign_in(f"u{number}")).get("/me").json()["unread_notices"] == 3
    finally:
        controller.stop()


@pytest.mark.filterwarnings("ignore:Requiring AUTH")
def test_a_mail_server_with_a_password_is_signed_in_to(start_service, tmp_path):
    tried: queue.Queue[Any] = queue.Queue()

    def check(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        tried.put((data.login, data.password))
        return AuthResult(success=True)

    inbox = Inbox()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    controller = Controller(
        inbox, hostname="127.0.0.1", port=port, authenticator=check, auth_required=True, auth_require_tls=False
    )
    controller.start()
    (tmp_path / "smtp-password").write_text("s3cret\n")
    try:
        settings = {"smtp_host": "127.0.0.1", "smtp_port": port, "smtp_security": "none", "smtp_user": "yard"}
        service = start_service(**settings, smtp_password_file=tmp_path / "smtp-password")
        admin = service.account("admin", administrator=True)
        service.client(admin).post(f"/accounts/{_apply(service)}/approve", json={}).raise_for_status()
        assert "approved" in inbox.letters.get(timeout=120)[1].get_content()
        assert tried.get(timeout=120) == (b"yard", b"s3cret")
    finally:
        controller.stop()
