"""The skeleton: health, errors, language, headers, events and the OpenAPI page of a running service."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable
from itertools import islice

import httpx
import pytest
from fastapi.routing import APIRoute
from httpx_sse import connect_sse
from trainyard.jobs.states import JobState
from trainyard.records.accounts import AccountState
from trainyard_service.api import ROUTERS
from trainyard_service.audit import AuditedRoute
from trainyard_service.database.tables.jobs import AllocationRow, JobRow
from trainyard_service.events import Audience
from trainyard_service.observe import configure_logs
from trainyard_service.settings import Settings


@pytest.fixture
def nobody(service):
    return service.client()


def test_health_answers_this_machine(nobody):
    assert nobody.get("/health").json() == {"status": "ok"}


@pytest.mark.one_database
@pytest.mark.parametrize("path", ["/health", "/metrics"])
def test_health_and_metrics_are_not_there_through_the_proxy(service, path):
    assert service.client(**{"X-Forwarded-For": "10.0.0.9"}).get(path).status_code == 404


@pytest.mark.one_database
def test_metrics_count_requests_by_route_and_not_by_path(service, nobody):
    nobody.get("/health")
    assert 'trainyard_requests_total{method="GET",route="/health",status="200"} 1.0' in nobody.get("/metrics").text


def test_metrics_tell_what_waits_what_is_given_out_and_who_waits_for_a_decision(start_service):
    service = start_service(parts=())  # no reconciler finds these jobs gone
    nobody = service.client()
    anna = service.account("anna")
    service.account("lena", state=AccountState.APPLIED)
    about = {"kind": "train", "owner_id": anna.id, "image": "i:1", "package": "p", "attempt": 1}
    with service.context.database.write() as session:
        for number, state in enumerate((JobState.RUNNING, JobState.RUNNING, JobState.FAILED)):
            session.add(JobRow(id=str(number) * 16, name=f"j{number}", state=state, **about))
        session.flush()
        held = {"cpu": 1.5, "memory": 2**30, "gpu": 0, "jobs": 1}
        session.add(AllocationRow(key="job-0-1", owner_id=anna.id, job_id="0" * 16, **held))
    told = dict(line.rsplit(" ", 1) for line in nobody.get("/metrics").text.splitlines() if not line.startswith("#"))
    assert {
        name: float(told[name]) for name in told if name.startswith(("trainyard_jobs", "trainyard_g", "trainyard_app"))
    } == {
        'trainyard_jobs{state="created"}': 0,
        'trainyard_jobs{state="queued"}': 0,
        'trainyard_jobs{state="starting"}': 0,
        'trainyard_jobs{state="running"}': 2,
        'trainyard_given_out{resource="cpu"}': 1.5,
        'trainyard_given_out{resource="memory"}': 2**30,
        'trainyard_given_out{resource="gpu"}': 0,
        "trainyard_applications": 1,
    }
    assert float(told['trainyard_volume_bytes{part="total"}']) > float(told['trainyard_volume_bytes{part="free"}']) > 0
    assert float(told["process_resident_memory_bytes"]) > 0


@pytest.mark.one_database
def test_every_answer_forbids_sniffing_framing_and_keeping(nobody):
    headers = nobody.get("/health").headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["cross-origin-opener-policy"] == "same-origin"
    assert headers["cache-control"] == "no-store"


@pytest.mark.one_database
def test_the_openapi_page_loads_nothing_from_elsewhere(service):
    client = httpx.Client(base_url=service.address, trust_env=False, timeout=60)
    page = client.get("/services/trainyard/api/docs").text
    assert "http://" not in page and "https://" not in page
    for asset in ("swagger-ui-bundle.js", "swagger-ui.css"):
        assert asset in page and client.get(f"/services/trainyard/api/assets/{asset}").status_code == 200


@pytest.mark.one_database
def test_the_services_own_address_which_the_hub_asks_every_minute_leads_to_the_openapi_page(service):
    answer = httpx.get(f"{service.address}/services/trainyard/", trust_env=False, timeout=60)
    assert (answer.status_code, answer.headers["location"]) == (307, "/services/trainyard/api/docs")


@pytest.mark.one_database
def test_a_body_that_nobody_would_send_is_not_even_read(nobody):
    answer = nobody.post(
        "/trainings", content=(b" " * 65_536 for _ in range(1000)), headers={"Content-Type": "application/json"}
    )
    assert answer.status_code == 413


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"rate: 0.1", "invalid"),
        (b'{"name": "\xff"}', "not-utf-8"),
        (b"[" * 100_000, "nested-too-deeply"),
        (b'{"parameters": {"a": ' + b'{"a":' * 40 + b"1" + b"}" * 42, "parameters-too-deep"),
    ],
    ids=["not-json", "not-utf-8", "deep", "deeper-than-a-training-reads"],
)
def test_a_training_that_cannot_be_read_is_refused_with_what_is_wrong(service, body, code):
    client = service.client(service.account("anna", service.group("vision")))
    if code == "parameters-too-deep":
        body = b'{"name": "first", "group": "vision", "image": "mxnet", "package": "1Core2G", "entry": "true", ' + body[1:]
    answer = client.post("/trainings/check", content=body, headers={"Content-Type": "application/json"})
    said = answer.json()
    found = said["error"] if "error" in said else next(one for one in said["problems"] if one["field"] == "parameters")
    assert (found["code"], found["field"]) == (code, "parameters" if code == "parameters-too-deep" else None)


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("NaN", "number-not-finite"),
        ("1e999", "number-not-finite"),
        ("9" * 400, "number-not-finite"),
        ('"\\ud800"', "text-broken"),
        ('{"\\u0000": 1}', "text-broken"),
    ],
)
def test_a_body_that_could_not_be_kept_or_shown_is_refused(service, value, code):
    anna = service.client(service.account("anna"))
    body = f'{{"name": "x", "group": "g", "image": "i", "package": "p", "entry": "e", "parameters": {{"a": {value}}}}}'
    answer = anna.post("/trainings", content=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, code)


@pytest.mark.one_database
def test_a_body_is_looked_at_however_its_kind_is_spelt(service):
    anna = service.client(service.account("anna"))
    body = '{"name": "odd", "parameters": {"a": "\\ud800"}}'
    answer = anna.post("/parameter-sets", content=body, headers={"Content-Type": "Application/JSON"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "text-broken")


@pytest.mark.parametrize("odd", ["a%00b", "9" * 30])
def test_no_address_makes_the_service_fail(service, odd):
    client = service.client(service.account("root", administrator=True))
    prefix, failed = service.context.settings.api_path, []
    for path, operations in client.get("/openapi.json").json()["paths"].items():
        plain = path.removeprefix(prefix).replace("{trainings}", "a")
        for method, operation in operations.items():
            named = [one["name"] for one in operation.get("parameters", ()) if one["in"] == "query"]
            asked = [re.sub(r"\{\w+\}", odd, plain)] if "{" in plain else []
            asked += [f"{re.sub(r'{[a-z_]+}', '1', plain)}?{name}={odd}" for name in named]
            failed += [(method, one) for one in asked if "/events" not in one and _answer(client, method, one) == 500]
    assert not failed


def _answer(client, method, address):
    body = {} if method in ("post", "put", "patch") else None
    with client.stream(method, address, json=body) as answer:
        return answer.status_code


def test_a_stream_needs_somebody_signed_in(nobody):
    answer = nobody.get("/events")
    assert answer.status_code == 401 and answer.json()["error"]["code"] == "not-signed-in"


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("headers", "begin"),
    [({}, "Nobody"), ({"Accept-Language": "zh-CN,zh;q=0.9"}, "没有人"), ({"Cookie": "trainyard_language=zh"}, "没有人")],
)
def test_a_refusal_is_in_the_readers_language(service, headers, begin):
    assert service.client(**headers).get("/events").json()["error"]["message"].startswith(begin)


@pytest.mark.one_database
def test_a_browser_that_navigates_is_sent_to_sign_in(service):
    answer = service.client(**{"Sec-Fetch-Mode": "navigate"}).get("/events")
    assert answer.status_code == 302 and answer.headers["location"].startswith("/services/trainyard/login?next=")


@pytest.mark.one_database
def test_an_unknown_address_is_a_structured_error(nobody):
    assert nobody.get("/nowhere").json()["error"]["code"] == "no-such-address"


def _next(stream, count):
    return [json.loads(event.data) for event in islice(stream, count)]


def test_events_reach_those_who_may_see_them(service):
    vision = service.group("vision")
    anna, ben = service.account("anna", vision), service.account("ben")
    bus = service.context.events
    with connect_sse(service.client(ben), "GET", "/events") as source:
        stream = source.iter_sse()
        assert _next(stream, 1) == [{"topic": "hello", "id": ""}]
        bus.publish("job", "annas", Audience.of(anna.id))
        bus.publish("dataset", "visions", Audience.of(groups=[vision.id]))
        bus.publish("job", "bens", Audience.of(ben.id))
        assert _next(stream, 1) == [{"topic": "job", "id": "bens"}]


@pytest.mark.one_database
def test_a_reconnect_misses_nothing(service):
    anna = service.account("anna")
    bus = service.context.events
    with connect_sse(service.client(anna), "GET", "/events") as source:
        last = next(source.iter_sse()).id
    bus.publish("job", "between", Audience.of(anna.id))
    with connect_sse(service.client(anna, **{"Last-Event-ID": last}), "GET", "/events") as source:
        assert _next(source.iter_sse(), 2) == [{"topic": "hello", "id": ""}, {"topic": "job", "id": "between"}]


@pytest.mark.one_database
def test_a_reconnect_after_a_restart_is_told_to_ask_for_everything(service):
    anna = service.account("anna")
    with connect_sse(service.client(anna, **{"Last-Event-ID": "0123-7"}), "GET", "/events") as source:
        assert _next(source.iter_sse(), 1) == [{"topic": "reset", "id": ""}]


@pytest.mark.one_database
def test_a_bug_is_answered_with_a_number_and_logged_with_it(start_service: Callable, caplog):
    service = start_service()
    service.context.database.engine.dispose()
    service.context.database.read = lambda: 1 / 0  # type: ignore[method-assign, assignment]
    with caplog.at_level(logging.ERROR):
        answer = service.client().get("/health")
    assert answer.status_code == 500
    number = next(record.failure for record in caplog.records if hasattr(record, "failure"))
    assert number in answer.json()["error"]["message"]


@pytest.mark.one_database
def test_logs_are_json_without_queries(service, capfd):
    configure_logs("INFO")
    try:
        service.client().get("/events?token=sesame")
    finally:
        logging.getLogger().handlers.clear()
    written = capfd.readouterr().err
    lines = [json.loads(line) for line in written.splitlines()]
    assert any(line.get("path", "").endswith("/events") for line in lines) and "sesame" not in written


def test_every_state_changing_route_is_audited_or_says_why_not():
    bare = [
        f"{route.methods} {route.path}"
        for router in ROUTERS
        for route in router.routes
        if isinstance(route, APIRoute)
        and route.methods & {"POST", "PUT", "PATCH", "DELETE"}
        and not isinstance(route, AuditedRoute)
    ]
    assert not bare


def test_every_setting_is_documented():
    from pathlib import Path

    text = (Path(__file__).parents[2] / "docs" / "settings.md").read_text(encoding="utf-8")
    missing = [name for name in Settings.model_fields if name != "home" and f"TRAINYARD_SERVICE_{name.upper()}" not in text]
    assert not missing
