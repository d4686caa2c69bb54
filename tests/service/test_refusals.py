"""Every address refuses whoever it is not for: without login, as somebody else, by a token used elsewhere or after its end."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import select
from trainyard.jobs.states import JobState
from trainyard.records.accounts import AccountState
from trainyard.records.datasets import NewBatch
from trainyard_service.api import ROUTERS
from trainyard_service.database.base import Table, now
from trainyard_service.database.tables.datasets import BatchRow, DatasetRow, FormattedSetRow
from trainyard_service.database.tables.graphs import GraphTemplateRow
from trainyard_service.database.tables.jobs import AttemptRow, JobRow
from trainyard_service.database.tables.models import ModelRow
from trainyard_service.database.tables.searches import ParameterSetRow, SearchRow
from trainyard_service.database.tables.storage import UploadRow
from trainyard_service.database.tables.trainings import InstanceRow, TrainingRow
from trainyard_service.identity import TOKEN_COOKIE, XSRF_COOKIE
from trainyard_service.jobs.part import install
from trainyard_service.jobs.tokens import PREFIX
from trainyard_service.token_directory import token_hash
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from .refusals import EXPECTED, SEARCH, TABLE, Address, For

pytestmark = [pytest.mark.one_database, pytest.mark.filterwarnings("ignore:Setting per-request cookies")]
IDS = {name: character * 16 for name, character in (("job", "a"), ("other", "b"), ("ended", "c"), ("dataset", "d"))}
SAFE = {"GET", "WEBSOCKET"}


def token_of(job: str) -> str:
    return PREFIX + job


def make_job(session: Any, job: str, alice: Any, group: Any, state: JobState) -> None:
    row = JobRow(id=job, kind="train", name=job, owner_id=alice.id, group_id=group.id, state=state, attempt=1)
    row.image, row.package = "workspace:1", "1Core2G"
    row.attempts = [AttemptRow(number=1, token_hash=token_hash(token_of(job)))]
    session.add(row)
    session.flush()
    session.add(TrainingRow(id=job, name=job, owner_id=alice.id, group_id=group.id, job_id=job, entry="x", hours=1))
    session.flush()


def make_things(session: Any, alice: Any, group: Any) -> None:
    for name, state in (("job", JobState.RUNNING), ("other", JobState.RUNNING), ("ended", JobState.FINISHED)):
        make_job(session, IDS[name], alice, group, state)
    session.add(InstanceRow(id="0" * 24, training_id=IDS["job"], attempt=1))
    session.add(DatasetRow(id=IDS["dataset"], name="shades", owner_id=alice.id, state="ready"))
    session.flush()
    plan = NewBatch(formats=["lmdb"]).model_dump(mode="json")
    batch = BatchRow(id="1" * 16, dataset_id=IDS["dataset"], creator_id=alice.id, plan=plan)
    batch.sets = [FormattedSetRow(id="1" * 16 + "-lmdb-train", format="lmdb", split="train", ratio=1, ready=True)]
    session.add(batch)
    model = ModelRow(id="2" * 16, name="model", kind="snapshot", owner_id=alice.id, group_id=group.id, file="x", size=1)
    model.sha256 = "0" * 64
    upload = UploadRow(id="3" * 16, account_id=alice.id, name="x", size=1, purpose="model", expires=now() + timedelta(days=1))
    template = GraphTemplateRow(id="4" * 16, name="double", owner_id=alice.id, visibility="group", group_id=group.id, graph={})
    search = SearchRow(id="5" * 16, name="search", owner_id=alice.id, group_id=group.id, state="stopped", asked=SEARCH)
    kept = ParameterSetRow(id="6" * 16, name="kept", owner_id=alice.id, visibility="group", group_id=group.id, parameters={})
    session.add_all([model, upload, template, search, kept])


class World:
    """A running service, alice's things, and everybody who comes to them."""

    def __init__(self, service: Any) -> None:
        self.service = service
        install(service.context)
        self.http = service.client()
        vision, speech = service.group("vision"), service.group("speech")
        self.alice = service.account("alice", vision)
        with service.context.database.write() as session:
            make_things(session, self.alice, vision)
        self.callers = self._callers(service, vision, speech)
        token = service.client(self.alice).post("/tokens", json={"name": "cli"}).json()
        self.ids = {
            "hub_name": self.alice.hub_name,
            "account_id": self.alice.id,
            "account": self.alice.id,
            "name": "vision",
            "group": "vision",
            "token_id": token["id"],
            "job_id": IDS["job"],
            "training_id": IDS["job"],
            "trainings": IDS["job"],
            "instance_id": "0" * 24,
            "dataset_id": IDS["dataset"],
            "batch_id": "1" * 16,
            "set_id": "1" * 16 + "-lmdb-train",
            "model_id": "2" * 16,
            "template_id": "4" * 16,
            "search_id": "5" * 16,
            "parameter_set_id": "6" * 16,
            "upload_id": "3" * 16,
        }

    def _callers(self, service: Any, vision: Any, speech: Any) -> dict[str, dict[str, str]]:
        admin = service.account("admin", administrator=True)
        ended = service.workspace_token(self.alice)
        service.hub._sessions.pop(ended)
        tokens = {
            "ended job": token_of(IDS["ended"]),
            "ended workspace": ended,
            "blocked": service.account("erin", vision, administrator=True, state=AccountState.BLOCKED).token,
            "waiting": service.account("fay", state=AccountState.APPLIED).token,
            "dora, in no group": service.account("dora").token,
            "carl, in another group": service.account("carl", speech).token,
            "bob, in the same group": service.account("bob", vision).token,
            "alice's workspace": service.workspace_token(self.alice),
            "alice's job": token_of(IDS["job"]),
            "alice's other job": token_of(IDS["other"]),
            "the administrator's workspace": service.workspace_token(admin),
        }
        cookie = {"Cookie": f"{TOKEN_COOKIE}={admin.token}; {XSRF_COOKIE}=x", "X-XSRFToken": "x"}
        here = {"Origin": service.address, "Sec-Fetch-Site": "same-origin", "Referer": f"{service.address}/services/pages/"}
        return {
            "nobody": {},
            **{name: {"Authorization": f"Bearer {token}"} for name, token in tokens.items()},
            "the administrator's browser": cookie | here,
            "another site in the administrator's browser": cookie | {"Origin": "http://evil.example"},
        }

    def ask(self, caller: str, address: Address) -> int:
        """The status of one call; 0 for a stream or socket that was opened."""
        path = (address.path.replace("{path:path}", "data/runs") + address.query).format(**self.ids)
        headers = {"Upload-Offset": "0", **self.callers[caller]}
        if address.method == "WEBSOCKET":
            return self._connect(path, headers)
        body: dict[str, Any] = {} if address.body is None else {"json": address.body}
        if path.startswith("/uploads/") and address.method == "PATCH":
            body = {"content": b"x"}
        with self.http.stream(address.method, path, headers=headers, **body) as answer:
            return int(answer.status_code)

    def _connect(self, path: str, headers: dict[str, str]) -> int:
        kept = {name: value for name, value in headers.items() if name != "Origin"}
        url = self.service.api.replace("http", "ws") + path
        origin: Any = headers.get("Origin")
        with connect(url, additional_headers=kept, origin=origin, open_timeout=60) as socket:
            try:
                told = socket.recv(60)
                code = json.loads(told)["error"]["code"]
                with pytest.raises(ConnectionClosed):
                    socket.recv()
            except (TimeoutError, ConnectionClosed, UnicodeDecodeError):
                return 0
        return {"not-signed-in": 401, "no-such-job": 404, "not-running": 0}.get(code, 403)

    def everything(self) -> dict[str, list[Any]]:
        """All rows but those of the audit log and of counters."""
        with self.service.context.database.read() as session:
            return {
                table.name: sorted(map(repr, session.execute(select(table)).all()))
                for table in Table.metadata.sorted_tables
                if table.name not in ("audit", "attempts_counted", "throttle")
            }


@pytest.fixture
def world(start_service: Callable[..., Any]) -> World:
    return World(start_service(parts=()))


def test_every_address_is_in_the_table() -> None:
    served = set()
    for router in ROUTERS:
        for route in router.routes:
            served |= {(method, route.path) for method in getattr(route, "methods", None) or {"WEBSOCKET"}}  # type: ignore[attr-defined]
    assert served == {(one.method, one.path) for one in TABLE}


@pytest.mark.parametrize("caller", EXPECTED)
def test_whom_it_is_not_for_is_refused_and_changes_nothing(world: World, caller: str) -> None:
    expected = EXPECTED[caller]
    foreign = caller.startswith("another site")
    before, wrong = world.everything(), []
    for address in TABLE:
        allowed = {403} if foreign and address.method != "GET" and address.for_ not in (For.MACHINE, For.HUB) else set()
        allowed = allowed or expected.get(address.for_, set())
        if not allowed:
            continue
        status = world.ask(caller, address)
        if status not in allowed:
            wrong.append(f"{address.method} {address.path}: {status}, not {sorted(allowed)}")
    assert wrong == []
    assert world.everything() == before


@pytest.mark.parametrize("caller", ["alice's workspace", "bob, in the same group"])
def test_whom_it_is_for_is_not_refused(world: World, caller: str) -> None:
    """Otherwise the refusals above might only say that there is nothing at these addresses."""
    readers = {For.READER_GROUP} if caller.startswith("bob") else {For.READER_GROUP, For.READER}
    asked = [one for one in TABLE if one.for_ in readers and one.method == "GET" and "tensorboard" not in one.path]
    # files that this world has no bytes for are told as missing, by another name
    told = {
        one.path: world.ask(caller, one)
        for one in asked
        if not one.path.endswith(
            ("/file", "/files", "/picture", "/list", "/samples", "/source", "/graph", "/manifest", "/skipped", "/failures")
        )
    }
    assert set(told.values()) == {200}, told


def test_what_only_the_hub_or_the_machine_asks_is_not_there_through_the_proxy(world: World) -> None:
    internal = world.service.context.settings.internal_token.read_text()
    headers = {"Authorization": f"Bearer {internal}", "X-Forwarded-For": "127.0.0.1"}
    client = httpx.Client(base_url=world.service.api, headers=headers, trust_env=False, timeout=60)
    inner = [one for one in TABLE if one.for_ in (For.HUB, For.MACHINE)]
    told = {one.path: client.request(one.method, one.path.format(**world.ids), json=one.body).status_code for one in inner}
    assert set(told.values()) == {404}, told
