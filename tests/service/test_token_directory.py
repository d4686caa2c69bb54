"""One contract for who owns a token, over a real JupyterHub and over the directory in memory; and signing in by OAuth."""

from __future__ import annotations

import secrets
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib.resources import files
from pathlib import Path
from threading import Thread
from urllib.parse import parse_qs, urlparse

import httpx
import pytest
from trainyard.errors import Unavailable
from trainyard_service.hub_directory import HubDirectory
from trainyard_service.identity import XSRF_COOKIE
from trainyard_service.memory_directory import MemoryDirectory
from trainyard_service.token_directory import ACCESS_SCOPE, RESTRICTED_SCOPE, TokenDirectory, TokenOwner

pytestmark = [pytest.mark.one_database, pytest.mark.slow]
DAY = 86_400

CONFIGURATION = """
    from jupyterhub.proxy import Proxy
    from trainyard_hub.roles import update_roles

    class Nowhere(Proxy):  # the tests speak to the Hub itself
        should_start = False
        async def add_route(self, routespec, target, data): ...
        async def delete_route(self, routespec): ...
        async def get_all_routes(self): return {}
        async def check_routes(self, *a, **k): ...

    c = get_config()
    update_roles(c)
    c.JupyterHub.proxy_class = Nowhere
    c.JupyterHub.hub_port = PORT
    c.JupyterHub.bind_url = "http://127.0.0.1:PORT"
    c.JupyterHub.db_url = "sqlite://"
    c.JupyterHub.cookie_secret = b"c" * 32
    c.JupyterHub.authenticator_class = "dummy"
    c.JupyterHub.spawner_class = "simple"
    c.Authenticator.allow_all = True
    c.Authenticator.allowed_users = {"u1", "u2"}
    c.JupyterHub.load_roles += [{"name": "maker", "scopes": ["admin:users", "tokens"], "services": ["maker"]}]
    c.JupyterHub.services = [
        {
            "name": "trainyard",
            "url": "http://127.0.0.1:9",
            "api_token": "TOKEN",
            "oauth_client_id": "service-trainyard",
            "oauth_redirect_uri": "/services/trainyard/oauth_callback",
            "oauth_client_allowed_scopes": ["access:services!service=trainyard"],
            "oauth_no_confirm": True,
        },
        {"name": "maker", "api_token": "MAKER"},
    ]
"""


@dataclass(frozen=True)
class Hub:
    """A running Hub; ``maker`` is a token that may make tokens of any scope for users."""

    url: str
    token: str
    maker: str

    def api(self, method: str, path: str, **request: object) -> httpx.Response:
        headers = {"Authorization": f"token {self.maker}"}
        return httpx.request(method, f"{self.url}/hub/api{path}", headers=headers, trust_env=False, timeout=120, **request)

    def token_of(self, hub_name: str, *scopes: str, note: str = "browser", **more: object) -> str:
        answer = self.api("POST", f"/users/{hub_name}/tokens", json={"scopes": list(scopes), "note": note, **more})
        assert answer.status_code == 201, answer.text
        return str(answer.json()["token"])


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    folder = tmp_path_factory.mktemp("hub")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    token, maker = secrets.token_hex(32), secrets.token_hex(32)
    text = textwrap.dedent(CONFIGURATION).replace("PORT", str(port)).replace("TOKEN", token).replace("MAKER", maker)
    (folder / "config.py").write_text(text)
    with (folder / "log").open("wb") as log:
        argv = [sys.executable, "-m", "jupyterhub", "-f", "config.py"]
        process = subprocess.Popen(argv, cwd=folder, stdout=log, stderr=log, start_new_session=True)
    try:
        _wait(f"http://127.0.0.1:{port}/hub/health", process, folder / "log")
        yield Hub(f"http://127.0.0.1:{port}", token, maker)
    finally:
        process.terminate()
        try:
            process.wait(120)
        except subprocess.TimeoutExpired:
            process.kill()


def _wait(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + 90
    while time.monotonic() < until:
        assert process.poll() is None, log.read_text()[-3000:]
        try:
            if httpx.get(url, trust_env=False, timeout=60).status_code == 200:
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.2)
    raise AssertionError(log.read_text()[-3000:])


@dataclass(frozen=True)
class Side:
    """A directory and how tokens come into it."""

    directory: TokenDirectory
    sign_in: Callable[[str], str]
    start_workspace: Callable[[str], str]


def _hub_side(hub: Hub, folder: Path) -> Side:
    (folder / "token").write_text(hub.token)
    directory = HubDirectory(f"{hub.url}/hub/api", folder / "token")
    return Side(
        directory,
        lambda name: hub.token_of(name, ACCESS_SCOPE),
        lambda name: hub.token_of(name, ACCESS_SCOPE, RESTRICTED_SCOPE, note="Server at /user/x/"),
    )


@pytest.fixture(params=["memory", "hub"])
def side(request: pytest.FixtureRequest, tmp_path: Path) -> Side:
    if request.param == "hub":
        return _hub_side(request.getfixturevalue("hub"), tmp_path)
    memory = MemoryDirectory()
    return Side(memory, memory.sign_in, memory.start_workspace)


def test_an_unknown_token_belongs_to_nobody(side):
    assert side.directory.owner("0" * 32) is None


def test_a_session_belongs_to_its_person(side):
    assert side.directory.owner(side.sign_in("u1")) == TokenOwner("u1", restricted=False)


def test_a_workspaces_token_is_restricted(side):
    assert side.directory.owner(side.start_workspace("u1")) == TokenOwner("u1", restricted=True)


def test_a_personal_token_is_made_listed_without_secret_and_revoked(side):
    made = side.directory.make("u2", "笔记本 laptop", DAY)
    assert side.directory.owner(made.secret) == TokenOwner("u2", restricted=False)
    listed = next(token for token in side.directory.tokens("u2") if token.id == made.id)
    assert (listed.name, listed.secret) == ("笔记本 laptop", None)
    assert 0 < (listed.expires - listed.created).total_seconds() <= DAY + 5
    assert side.directory.revoke("u2", made.id) and side.directory.owner(made.secret) is None
    assert not side.directory.revoke("u2", made.id)


def test_nobody_revokes_another_persons_token(side):
    made = side.directory.make("u2", "mine", DAY)
    assert not side.directory.revoke("u1", made.id)
    assert side.directory.owner(made.secret) is not None


def test_sessions_are_not_listed_as_personal_tokens(side):
    before = len(side.directory.tokens("u1"))
    side.sign_in("u1")
    assert len(side.directory.tokens("u1")) == before


def test_ending_sessions_spares_the_workspace_and_personal_tokens(side):
    session, workspace, made = side.sign_in("u1"), side.start_workspace("u1"), side.directory.make("u1", "kept", DAY)
    side.directory.end_sessions("u1", also_tokens=False)
    assert side.directory.owner(session) is None
    assert side.directory.owner(workspace) is not None and side.directory.owner(made.secret) is not None
    side.directory.end_sessions("u1", also_tokens=True)
    assert side.directory.owner(made.secret) is None and side.directory.owner(workspace) is not None


def test_shutting_out_ends_everything(side):
    tokens = [side.sign_in("u1"), side.start_workspace("u1"), side.directory.make("u1", "gone", DAY).secret]
    side.directory.shut_out("u1")
    assert [side.directory.owner(token) for token in tokens] == [None, None, None]


def test_shutting_out_somebody_the_hub_never_saw_is_fine(side):
    side.directory.shut_out("u987654")


def test_a_hub_token_without_access_to_the_service_is_refused(hub, tmp_path):
    assert _hub_side(hub, tmp_path).directory.owner(hub.token_of("u1", "read:users!user")) is None


def test_the_services_own_token_is_nobodys(hub, tmp_path):
    assert _hub_side(hub, tmp_path).directory.owner(hub.token) is None


def test_an_answer_is_kept_at_most_ten_seconds(hub, tmp_path):
    (tmp_path / "token").write_text(hub.token)
    clock = [0.0]
    directory = HubDirectory(f"{hub.url}/hub/api", tmp_path / "token", lambda: clock[0])
    token = hub.token_of("u2", ACCESS_SCOPE)
    assert directory.owner(token) is not None
    _hub_side(hub, tmp_path).directory.end_sessions("u2", also_tokens=True)
    clock[0] = 9.9
    assert directory.owner(token) is not None
    clock[0] = 10.1
    assert directory.owner(token) is None


class Forgetful(BaseHTTPRequestHandler):
    """A Hub that cannot use its database: it takes every token for a wrong one."""

    def do_GET(self) -> None:
        self.send_error(403)

    def log_message(self, format: str, *arguments: object) -> None:
        pass


def test_a_hub_that_knows_not_even_the_service_says_nothing_about_anybodys_token(tmp_path):
    (tmp_path / "token").write_text("service")
    with HTTPServer(("127.0.0.1", 0), Forgetful) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        directory = HubDirectory(f"http://127.0.0.1:{server.server_port}/hub/api", tmp_path / "token")
        with pytest.raises(Unavailable):
            directory.owner("a person's")
        server.shutdown()


def test_a_silent_hub_is_said_in_a_sentence(tmp_path):
    (tmp_path / "token").write_text("x")
    with pytest.raises(Unavailable):
        HubDirectory("http://127.0.0.1:9/hub/api", tmp_path / "token").owner("y")


class Browser:
    """Follows redirects between Hub and service as if one proxy stood before both, and keeps one cookie jar."""

    def __init__(self, hub: str, service: str) -> None:
        self._client = httpx.Client(trust_env=False, timeout=120)
        self._hub, self.service = hub, service
        self.cookies = self._client.cookies

    def request(self, method: str, path: str, **request: object) -> httpx.Response:
        base = self._hub if path.startswith("/hub") else self.service
        return self._client.request(method, base + path, **request)

    def follow(self, path: str) -> httpx.Response:
        for _ in range(10):
            answer = self.request("GET", path)
            if answer.status_code not in (301, 302, 303):
                return answer
            target = urlparse(answer.headers["location"])
            path = target.path + (f"?{target.query}" if target.query else "")
        raise AssertionError("too many redirects")


@pytest.fixture
def browser(hub, start_service, tmp_path):
    token_file = tmp_path / "hub-token"
    token_file.write_text(hub.token)
    directory = HubDirectory(f"{hub.url}/hub/api", token_file)
    service = start_service(hub=directory, hub_api_url=f"{hub.url}/hub/api", hub_token_file=token_file)
    with service.context.database.write() as session:
        from trainyard_service.database.tables.accounts import AccountRow

        session.add(AccountRow(name="anna", name_key="anna", password_hash="!", state="active"))
    return Browser(hub.url, service.address)


def _sign_in(browser: Browser) -> None:
    browser.request("GET", "/hub/login")
    xsrf = browser.cookies.get("_xsrf", path="/hub/")
    answer = browser.request("POST", "/hub/login", data={"username": "u1", "password": "", "_xsrf": xsrf})
    assert answer.status_code == 302


def test_a_browser_signs_in_through_the_hub_and_calls_with_its_cookie(browser):
    _sign_in(browser)
    me = "/services/trainyard/api/v1/me"
    assert browser.follow(f"/services/trainyard/login?next={me}").json()["name"] == "anna"
    # what a workspace serves has our origin and our cookies: they may no more than the workspace's own token
    assert browser.request("GET", me).json()["restricted"] is True


def test_a_browsers_change_must_come_from_our_own_pages(browser):
    _sign_in(browser)
    me = "/services/trainyard/api/v1/me"
    browser.follow(f"/services/trainyard/login?next={me}")
    xsrf = browser.cookies.get("trainyard-xsrf")

    here = {"Origin": browser.service}

    def change(**headers: str) -> int:
        return browser.request("PATCH", me, json={"language": "zh"}, headers=headers).status_code

    assert change(**here) == 403
    assert change(**here, **{"Sec-Fetch-Site": "cross-site"}) == 403
    assert change(**here, **{"X-XSRFToken": "guessed"}) == 403
    assert change(**here, **{"Sec-Fetch-Site": "same-origin", "Referer": "http://127.0.0.1/user/u2/lab"}) == 403
    # a page with the policy no-referrer says nothing of itself
    assert change(**{"X-XSRFToken": xsrf, "Sec-Fetch-Site": "same-origin"}) == 403
    assert change(**{"X-XSRFToken": xsrf, "Origin": "http://evil.example"}) == 403
    assert change(**{"X-XSRFToken": xsrf, "Origin": "null"}) == 403
    assert change(**here, **{"X-XSRFToken": xsrf}) == 200
    assert change(**{"Sec-Fetch-Site": "same-origin", "Referer": "http://127.0.0.1/services/pages/"}) == 200


def test_our_pages_read_what_their_changes_must_carry_where_a_browser_does_not_say_where_it_is(browser):
    # a plain address that is not the machine's own gets no Sec-Fetch-Site
    _sign_in(browser)
    browser.follow("/services/trainyard/login")
    (cookie,) = [one for one in browser.cookies.jar if one.name == XSRF_COOKIE]
    assert cookie.path == "/services/"  # /services/pages/ reads it
    assert not cookie.has_nonstandard_attr("HttpOnly")
    told = (files("trainyard_widgets") / "components" / "service.js").read_text(encoding="utf-8")
    assert f'"X-XSRFToken": cookie("{XSRF_COOKIE}")' in told


def test_a_callback_without_its_own_beginning_is_refused(browser):
    _sign_in(browser)
    answer = browser.request("GET", "/services/trainyard/oauth_callback?code=stolen&state=x")
    assert answer.status_code == 403 and answer.json()["error"]["code"] == "sign-in-expired"


@pytest.mark.parametrize("target", ["https://evil.example", "//evil.example", "/\\evil.example", "javascript:alert(1)"])
def test_a_sign_in_never_ends_elsewhere(browser, target):
    _sign_in(browser)
    answer = browser.request("GET", "/services/trainyard/login", params={"next": target})
    authorize = parse_qs(urlparse(answer.headers["location"]).query)
    assert authorize["code_challenge_method"] == ["S256"]
    assert browser.follow(urlparse(answer.headers["location"])._replace(scheme="", netloc="").geturl()).json() == {
        "signed_in": True
    }
