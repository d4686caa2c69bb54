"""Signing in and applying: what the Hub is told, and what it never does."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
from tornado.httputil import HTTPHeaders, HTTPServerRequest, RequestStartLine
from trainyard.home import Home
from trainyard_hub.accounts import NAVIGATION, crypt_key, update_accounts
from trainyard_hub.authenticator import TrainyardAuthenticator
from trainyard_hub.language import NoteLanguage, word
from trainyard_hub.service_calls import ServiceCalls, ServiceRefusal
from trainyard_hub.signup import inside
from trainyard_pages import handlers
from traitlets.config import Config


@pytest.fixture
def config(tmp_path: Path) -> Config:
    c = Config()
    update_accounts(c, SimpleNamespace(home=Home(tmp_path), service_url="http://127.0.0.1:9/services/trainyard/"))
    return c


def test_people_are_asked_about_every_ten_seconds(config: Config) -> None:
    assert config.TrainyardAuthenticator.auth_refresh_age == 10


def test_nobody_is_an_administrator_of_the_hub_itself(config: Config) -> None:
    authenticator = TrainyardAuthenticator(service=config.TrainyardAuthenticator.service)
    model = authenticator._model({"hub_name": "u1", "name": "Ada", "administrator": True, "groups": ["g"], "session": 1})
    assert model["admin"] is False


def test_the_service_is_asked_below_its_own_prefix(config: Config) -> None:
    assert config.TrainyardAuthenticator.service.address == "http://127.0.0.1:9/services/trainyard/api/v1"


def test_the_key_for_session_numbers_is_kept_and_closed_to_others(tmp_path: Path) -> None:
    path = tmp_path / "secrets" / "key"
    assert crypt_key(path) == crypt_key(path)
    assert path.stat().st_mode & 0o777 == 0o600


def test_an_empty_key_is_made_anew(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.touch()
    assert len(crypt_key(path)) == 32


async def test_a_service_that_is_away_is_said_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("x")
    with pytest.raises(ServiceRefusal) as refusal:
        await ServiceCalls("http://127.0.0.1:9/api/v1", tmp_path / "token").login("ada", "secret", "127.0.0.1")
    assert refusal.value.status == 503
    assert "try again" in refusal.value.text


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("/hub/login?next=%2F", "/hub/login?next=%2F"),
        ("https://evil.example/", "/"),
        ("//evil.example/", "/"),
        ("/\\evil.example", "/"),
        ("/a\\b", "/"),
        ("javascript:alert(1)", "/"),
        ("", "/"),
    ],
)
def test_a_language_switch_leads_back_inside_only(address: str, expected: str) -> None:
    assert inside(address) == expected


@pytest.mark.parametrize(
    ("cookie", "header", "expected"),
    [("", "zh-CN,zh;q=0.9,en;q=0.8", "登录"), ("", "de,en;q=0.5", "Sign in"), ("zh", "en", "登录"), ("xx", "fr", "Sign in")],
)
def test_a_page_speaks_the_chosen_language_or_the_browsers(cookie: str, header: str, expected: str) -> None:
    headers = HTTPHeaders({"Host": "localhost", "Accept-Language": header, "Cookie": f"trainyard_language={cookie}"})
    NoteLanguage(HTTPServerRequest(start_line=RequestStartLine("GET", "/", "HTTP/1.1"), headers=headers))
    assert word("Sign in") == expected


def test_the_hubs_pages_lead_where_the_other_pages_lead() -> None:
    assert list(NAVIGATION) == [(name, word) for name, word, _ in handlers.NAVIGATION]
