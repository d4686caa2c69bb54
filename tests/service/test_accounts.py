"""Applications, sign-in, approval, blocking, passwords: what happens and what is refused."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from trainyard.records.accounts import AccountState
from trainyard_service.accounts import passwords
from trainyard_service.accounts.throttle import FREE_BY_NAME
from trainyard_service.database.base import now
from trainyard_service.database.tables.accounts import ThrottleRow

GOOD = "seven quiet tractors"


@pytest.fixture
def admin(service):
    return service.account("admin", administrator=True)


def _apply(service, name="anna", **changes):
    return service.internal().post("/internal/applications", json={"name": name, "password": GOOD, **changes})


def _login(service, name="anna", password=GOOD, address="10.0.0.1"):
    return service.internal().post("/internal/login", json={"name": name, "password": password, "address": address})


def _code(answer):
    return answer.status_code, answer.json()["error"]["code"]


def test_an_applicant_waits_and_is_told_so(service):
    assert _apply(service).status_code == 201
    assert _code(_login(service)) == (403, "account-waiting")


def test_an_approved_applicant_signs_in_with_their_group(service, admin):
    number = _apply(service, affiliation="vision school").json()["id"]
    service.group("vision")
    account = service.client(admin).post(f"/accounts/{number}/approve", json={"group": "vision"}).json()
    assert (account["state"], account["groups"], account["decided_by"], account["uid"]) == (
        "active",
        ["vision"],
        "admin",
        20000 + number,
    )
    answer = _login(service, name="ANNA").json()
    assert (answer["hub_name"], answer["groups"], answer["administrator"]) == (f"u{number}", ["vision"], False)


def test_approval_makes_home_and_member_folder(service, admin):
    number = _apply(service).json()["id"]
    group = service.group("vision")
    service.client(admin).post(f"/accounts/{number}/approve", json={"group": "vision"})
    home = service.context.home
    assert (home.user_home(number).stat().st_mode & 0o7777) == 0o700
    assert (home.group_share(group.id).stat().st_mode & 0o7777) == 0o2770
    assert (home.group_share(group.id) / "anna").is_dir()


def test_both_sides_get_notices(service, admin):
    number = _apply(service).json()["id"]
    assert service.client(admin).get("/notices").json()["items"][0]["text"] == "anna asks for an account."
    assert service.client(admin).get("/me").json()["applications_waiting"] == 1
    service.client(admin).post(f"/accounts/{number}/approve", json={})
    anna = service.client(service.hub.sign_in(f"u{number}"))
    assert anna.get("/me").json()["unread_notices"] == 1
    assert anna.post("/notices/read").status_code == 204
    assert anna.get("/me").json()["unread_notices"] == 0


def test_a_refused_applicant_is_told_why_and_may_apply_again_under_a_new_number(service, admin):
    number = _apply(service).json()["id"]
    assert service.client(admin).post(f"/accounts/{number}/refuse", json={"reason": "unknown"}).status_code == 200
    answer = _login(service)
    assert _code(answer) == (403, "application-refused") and "unknown" in answer.json()["error"]["message"]
    assert service.client(admin).get("/me").json()["applications_waiting"] == 0
    assert _apply(service).json()["id"] > number
    assert _code(_login(service)) == (403, "account-waiting")


@pytest.mark.parametrize("name", ["anna", "ANNA", "ａｎｎａ", "anna "])
def test_names_that_look_the_same_are_taken(service, name):
    _apply(service)
    assert _code(_apply(service, name)) == (409, "name-taken")


@pytest.mark.one_database
def test_many_guesses_at_once_are_no_more_than_one_after_the_other(service):
    service.account("anna", password_hash=passwords.hash_password(GOOD))
    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda _: _code(_login(service, password="wrong guess"))[0], range(12)))
    assert sorted(answers) == [401] * 5 + [429] * 7


@pytest.mark.one_database
def test_a_success_forgives_the_name_and_counts_nothing_for_the_address(service):
    service.account("anna", password_hash=passwords.hash_password(GOOD))
    for _ in range(3):
        for _ in range(4):
            assert _login(service, password="wrong guess").status_code == 401
        assert _login(service).status_code == 200
    with service.context.database.read() as session:
        assert session.get(ThrottleRow, "name:anna") is None
        assert session.get(ThrottleRow, "address:10.0.0.1").failures == 12


@pytest.mark.one_database
def test_applications_from_one_address_are_slowed_down(service):
    with service.context.database.write() as session:
        row = ThrottleRow(key="applications:10.0.0.1", failures=60, blocked_until=now() + timedelta(minutes=1))
        session.add(row)
    assert _code(_apply(service, address="10.0.0.1")) == (429, "too-many-attempts")
    assert _apply(service, address="10.0.0.2").status_code == 201


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"password": "short"}, "password-length"),
        ({"password": "x" * 1025}, "invalid"),
        ({"password": "anna-tractor-moon-7"}, "password-name"),
        ({"password": "password1234"}, "password-guessable"),
        ({"email": "nobody"}, "email"),
        ({"email": "a@b\r\nBcc: c@d"}, "email"),
        ({"email": "li.lei@"}, "email"),
        ({"email": "a@[b"}, "email"),
        ({"email": "a(@b"}, "email"),
        ({"email": "group:a@b"}, "email"),
        ({"name": "a/b"}, "name-character"),
        ({"name": "x" * 300}, "name-too-long"),
        ({"name": ".hidden"}, "name-leading-dot"),
    ],
)
def test_applications_that_break_a_rule_are_refused(service, changes, code):
    assert _code(_apply(service, **{"name": "anna", **changes})) == (422, code)


@pytest.mark.parametrize("name", ["李雷", "Zoë O'Neil", "🚜", "a" * 63])
def test_names_of_any_script_are_fine(service, name):
    assert _apply(service, name).status_code == 201


@pytest.mark.one_database
@pytest.mark.parametrize("email", ["li.lei@example.org", "o'neil+lab@x-y.example", "李@例子.cn"])
def test_mail_addresses_are_as_people_have_them(service, email):
    assert _apply(service, email=email).status_code == 201


def test_a_wrong_password_and_an_unknown_name_look_alike(service):
    service.account("anna", password_hash=passwords.hash_password(GOOD))
    assert _login(service, password="wrong").json() == _login(service, name="nobody", password="wrong").json()


def test_failures_of_yesterday_are_forgotten_whoever_fails_today(service):
    with service.context.database.write() as session:
        session.add(ThrottleRow(key="name:nobody", failures=9, last=now() - timedelta(hours=25)))
    _login(service, name="somebody", password="wrong")
    with service.context.database.read() as session:
        assert [row.key for row in session.query(ThrottleRow) if row.key.startswith("name:")] == ["name:somebody"]


def test_a_failed_sign_in_is_audited_as_failed_only(service, admin):
    service.account("anna", password_hash=passwords.hash_password(GOOD))
    _login(service, password="wrong")
    entries = service.client(admin).get("/audit", params={"action": "internal.login"}).json()["items"]
    assert [entry["result"] for entry in entries] == ["wrong-password"]


def test_guessing_is_slowed_and_the_right_password_must_wait_too(service):
    service.account("anna", password_hash=passwords.hash_password(GOOD))
    for _ in range(5):
        assert _code(_login(service, password="wrong")) == (401, "wrong-password")
    answer = _login(service, address="10.9.9.9")
    assert _code(answer) == (429, "too-many-attempts")
    assert 0 < int(answer.headers["retry-after"]) <= 5


def test_failures_survive_a_restart_and_are_forgiven_by_a_success(service):
    service.account("anna", password_hash=passwords.hash_password(GOOD))
    _login(service, password="wrong")
    with service.context.database.read() as session:
        assert session.get(ThrottleRow, "name:anna").failures == 1
    assert _login(service).status_code == 200
    with service.context.database.read() as session:
        assert session.get(ThrottleRow, "name:anna") is None


def test_a_blocked_person_is_shut_out_at_once(service, admin):
    anna = service.account("anna", password_hash=passwords.hash_password(GOOD))
    enforced = []
    service.context.enforcers.append(enforced.append)
    client = service.client(anna)
    assert client.get("/me").status_code == 200
    assert service.client(admin).post(f"/accounts/{anna.id}/block").json()["state"] == "blocked"
    assert client.get("/me").status_code == 401
    assert _code(_login(service)) == (403, "account-blocked")
    assert service.hub.stopped == [anna.hub_name] and enforced == [anna.id]


def test_a_blocked_account_is_refused_even_with_a_living_token(service):
    anna = service.account("anna", state=AccountState.BLOCKED)
    assert _code(service.client(anna).get("/me")) == (403, "account-blocked")


def test_an_unblocked_person_signs_in_again(service, admin):
    anna = service.account("anna", password_hash=passwords.hash_password(GOOD))
    client = service.client(admin)
    client.post(f"/accounts/{anna.id}/block")
    assert client.post(f"/accounts/{anna.id}/unblock").json()["state"] == "active"
    assert _login(service).status_code == 200


@pytest.mark.parametrize(("call", "body"), [("block", None), ("administrator", {"administrator": False})])
def test_the_last_administrator_stays(service, admin, call, body):
    assert _code(service.client(admin).post(f"/accounts/{admin.id}/{call}", json=body)) == (409, "last-administrator")


def test_two_administrators_deciding_at_once_are_told(service, admin):
    number = _apply(service).json()["id"]
    client = service.client(admin)
    assert client.post(f"/accounts/{number}/approve", json={}).status_code == 200
    assert _code(client.post(f"/accounts/{number}/refuse", json={})) == (409, "account-state")


def test_approval_into_a_missing_group_changes_nothing(service, admin):
    number = _apply(service).json()["id"]
    client = service.client(admin)
    assert _code(client.post(f"/accounts/{number}/approve", json={"group": "nowhere"})) == (404, "no-such-group")
    assert client.get("/accounts?state=applied").json()["total"] == 1


def test_a_new_password_ends_sessions_and_raises_the_session_number(service, admin):
    anna = service.account("anna", password_hash=passwords.hash_password(GOOD))
    before = service.internal().get(f"/internal/accounts/{anna.hub_name}").json()["session"]
    assert service.client(admin).post(f"/accounts/{anna.id}/password", json={"new": "other quiet tractors"}).status_code == 200
    assert service.client(anna).get("/me").status_code == 401
    assert service.internal().get(f"/internal/accounts/{anna.hub_name}").json()["session"] == before + 1
    assert _login(service, password="other quiet tractors").status_code == 200


def test_changing_ones_own_password_needs_the_old_one(service):
    anna = service.account("anna", password_hash=passwords.hash_password(GOOD))
    client = service.client(anna)
    assert _code(client.post("/me/password", json={"old": "wrong", "new": "other quiet tractors"})) == (422, "password-wrong")
    assert client.post("/me/password", json={"old": GOOD, "new": "other quiet tractors"}).status_code == 204
    assert _login(service, password="other quiet tractors").status_code == 200


@pytest.mark.one_database
def test_of_many_guesses_at_once_at_ones_own_password_few_are_looked_at(service):
    anna = service.client(service.account("anna", password_hash=passwords.hash_password(GOOD)))
    with ThreadPoolExecutor(16) as several:
        guesses = [{"old": f"wrong {number}", "new": "other quiet tractors"} for number in range(16)]
        codes = Counter(several.map(lambda guess: anna.post("/me/password", json=guess).status_code, guesses))
    assert codes == {422: FREE_BY_NAME, 429: 16 - FREE_BY_NAME}


ADMINISTRATION = [
    ("GET", "/accounts", None),
    ("GET", "/audit", None),
    ("POST", "/accounts/1/approve", {}),
    ("POST", "/accounts/1/refuse", {}),
    ("POST", "/accounts/1/block", None),
    ("POST", "/accounts/1/unblock", None),
    ("POST", "/accounts/1/administrator", {"administrator": True}),
    ("POST", "/accounts/1/password", {"new": GOOD}),
    ("POST", "/groups", {"name": "mine"}),
    ("PUT", "/groups/vision/quota", {}),
    ("PUT", "/groups/vision/members/1", {}),
    ("DELETE", "/groups/vision/members/1", None),
]


@pytest.mark.one_database
@pytest.mark.parametrize(("method", "path", "body"), ADMINISTRATION)
def test_administration_is_closed_to_everybody_else(service, admin, method, path, body):
    group = service.group("vision")
    member = service.account("anna", group)
    tokens = {None: 401, member: 403, service.workspace_token(admin): 403}
    for caller, status in tokens.items():
        assert service.client(caller).request(method, path, json=body).status_code == status


@pytest.mark.one_database
@pytest.mark.parametrize("path", ["/internal/accounts/u1", "/internal/login", "/internal/applications"])
def test_internal_calls_are_for_the_hub_alone(service, admin, path):
    for caller in (None, admin, "x" * 64):
        assert service.client(caller).request("GET" if "accounts" in path else "POST", path, json={}).status_code == 401
    token = service.context.settings.internal_token.read_text()
    assert service.client(token, **{"X-Forwarded-For": "10.0.0.1"}).get("/internal/accounts/u1").status_code == 404


def test_every_decision_and_every_refusal_is_in_the_audit_log(service, admin):
    number = _apply(service).json()["id"]
    anna = service.account("ben")
    service.client(anna).post(f"/accounts/{number}/approve", json={})
    service.client().post(f"/accounts/{number}/approve", json={})
    service.client(admin).post(f"/accounts/{number}/approve", json={})
    items = service.client(admin).get("/audit", params={"action": "accounts."}).json()["items"]
    seen = [(item["who"], item["action"], item["result"]) for item in items]
    assert seen == [
        ("admin", "accounts.approve", "ok"),
        ("nobody", "accounts.approve", "not-signed-in"),
        ("ben", "accounts.approve", "administrators-only"),
    ]
    assert GOOD not in service.client(admin).get("/audit").text


def test_people_are_found_by_name_and_state(service, admin):
    service.account("Anna")
    service.account("ben", state=AccountState.BLOCKED)
    client = service.client(admin)
    assert [one["name"] for one in client.get("/accounts?search=ANN").json()["items"]] == ["Anna"]
    assert [one["name"] for one in client.get("/accounts?state=blocked").json()["items"]] == ["ben"]
