"""The catalogue: found however it is written, sorted by every column, in pages; and several people at one dataset at once."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import event
from trainyard.datasets.folder import DatasetFolder
from trainyard.home import Home
from trainyard_service.context import Context
from trainyard_service.database.tables.datasets import DatasetRow, DatasetShareRow
from trainyard_service.datasets.access import SORTS
from trainyard_service.datasets.lineage import derived
from trainyard_service.jobs.part import install


class World:
    def __init__(self, service: Any) -> None:
        self.service = service
        self.context: Context = service.context
        install(self.context)
        _image(self.context.home)
        self.group = service.group("vision")
        self.alice, self.bob = service.account("alice", self.group), service.account("bob", self.group)
        self.admin = service.account("admin", administrator=True)
        self._made = 0

    def dataset(self, owner: Any, name: str, *, shared: bool = False, **more: Any) -> str:
        self._made += 1
        dataset_id = f"{self._made:016x}"
        folder = DatasetFolder(self.context.home.dataset(dataset_id))
        folder.path.mkdir(parents=True)
        label = [{"name": "pulp", "type": "classification", "data": [{"class": "a"}]}]
        folder.list_path.write_text("".join(json.dumps({"url": f"{n}.png", "label": label}) + "\n" for n in range(20)))
        folder.prepare()
        sets = [one.model_dump() for one in folder.statistics().to_record().label_sets]
        values = {"state": "ready", "source": {"kind": "upload", "name": "list"}, "label_sets": sets, "images": 20, **more}
        with self.context.database.write() as session:
            row = DatasetRow(id=dataset_id, name=name, owner_id=owner.id, **values)
            row.shares = [DatasetShareRow(group_id=self.group.id, by_id=owner.id)] if shared else []
            session.add(row)
        return dataset_id

    def names(self, person: Any, **query: Any) -> list[str]:
        answer = self.service.client(person).get("/datasets", params=query)
        assert answer.status_code == 200, answer.text
        return [one["name"] for one in answer.json()["items"]]

    def call(self, person: Any, method: str, path: str, **more: Any) -> tuple[int, str]:
        answer = self.service.client(person).request(method, path, **more)
        return answer.status_code, answer.json()["error"]["code"] if answer.status_code >= 400 else ""


def _image(home: Home) -> None:
    folder = home.images / "workspace" / "1"
    folder.mkdir(parents=True)
    (folder / "image.json").write_text(json.dumps({"kind": "workspace", "title": "workspace"}))


@pytest.fixture
def world(start_service: Callable[..., Any]) -> World:
    return World(start_service(parts=()))


FOUND = [
    ("straße", "STRASSE"),
    ("Ünïcode", "ünÏCODE"),
    ("Ünïcode", "u\u0308n\u0131".replace("\u0131", "i\u0308")),
    ("ＦＵＬＬ", "full"),
    ("图片 一", "一"),
    ("a_b%c", "_b%"),
    ("shades of grey", "grey shades"),
]


def test_names_are_found_however_they_are_written(world):
    for name in dict.fromkeys(name for name, _ in FOUND):
        world.dataset(world.alice, name)
    for name, words in FOUND:
        assert world.names(world.alice, search=words) == [name], words
    assert world.names(world.alice, search="no such thing") == []


def test_descriptions_label_sets_and_classes_are_found_and_follow_a_change(world):
    sets = [{"name": "tiere", "type": "detection", "images": 1, "objects": 1, "classes": {"Schäferhund": 1}}]
    one = world.dataset(world.alice, "one", description="Ein Wort", label_sets=sets)
    world.dataset(world.alice, "two")
    for words in ("wort", "detection.tiere", "SCHÄFER", "one wort hund"):
        assert world.names(world.alice, search=words) == ["one"], words
    assert world.call(world.alice, "PATCH", f"/datasets/{one}", json={"name": "drei", "description": ""}) == (200, "")
    assert (world.names(world.alice, search="wort"), world.names(world.alice, search="drei")) == ([], ["drei"])


def test_every_column_sorts_both_ways_and_another_is_refused(world):
    for name, images, owner in (("b", 3, world.alice), ("A", 1, world.bob), ("c", 2, world.alice)):
        world.dataset(owner, name, shared=True, images=images)
    for column in SORTS:
        up, down = (world.names(world.bob, sort=sign + column) for sign in ("", "-"))
        assert sorted(up) == sorted(down) == ["A", "b", "c"], column
    assert world.names(world.bob, sort="name") == ["A", "b", "c"]
    assert world.names(world.bob, sort="-images") == ["b", "c", "A"]
    assert world.names(world.bob, sort="-owner")[0] == "A"
    assert world.call(world.bob, "GET", "/datasets", params={"sort": "password"}) == (422, "sort-unknown")


def test_tabs_and_pages_hold_each_dataset_once(world):
    mine = [world.dataset(world.alice, f"m{n:02}") for n in range(7)]
    world.dataset(world.bob, "group", shared=True)
    world.call(world.admin, "PUT", f"/datasets/{world.dataset(world.bob, 'public')}/public")
    pages = [world.names(world.alice, visibility="mine", sort="name", offset=first, limit=3) for first in (0, 3, 6)]
    assert [len(page) for page in pages] == [3, 3, 1] and [*pages[0], *pages[1], *pages[2]] == [
        f"m{n:02}" for n in range(len(mine))
    ]
    assert world.names(world.alice, visibility="group") == ["group"]
    assert world.names(world.alice, visibility="public") == ["public"]


@pytest.mark.parametrize("path", ["/datasets", "/formatted", "/jobs", "/trainings", "/models"])
def test_a_page_beyond_all_numbers_is_refused_in_a_sentence(world, path):
    assert world.call(world.alice, "GET", path, params={"offset": 2**70}) == (422, "invalid")
    assert world.call(world.alice, "GET", path, params={"offset": 2**62}) == (200, "")


@pytest.mark.parametrize(
    ("plan", "code", "field", "words"),
    [
        ({"train": 0.5, "val": 0.2}, "ratios", "train", "各部分比例"),
        ({"formats": ["lmdb", "lmdb"]}, "formats-twice", "formats", "每种格式只能选择一次"),
        ({"resize": "0"}, "resize", "resize", "0 不是有效的尺寸"),
        ({"resize": "big"}, "resize", "resize", "big 不是有效的尺寸"),
    ],
)
def test_what_cannot_be_formatted_is_said_at_its_field_in_the_readers_language(world, plan, code, field, words):
    dataset = world.dataset(world.alice, "shades")
    body = {"formats": ["lmdb"], **plan}
    answer = world.service.client(world.alice).post(
        f"/datasets/{dataset}/batches", json=body, headers={"Accept-Language": "zh"}
    )
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["field"]) == (422, code, field)
    assert words in error["message"]


def test_a_video_is_a_line_of_the_grid_and_says_that_it_is_none_of_its_pictures(world):
    dataset, client = world.dataset(world.alice, "films"), world.service.client(world.alice)
    folder = DatasetFolder(world.context.home.dataset(dataset))
    folder.list_path.write_text('{"url": "1.png"}\n{"url": "a.mp4", "type": "video"}\n')
    folder.prepare()
    items = client.get(f"/datasets/{dataset}/samples").json()["items"]
    assert [one["type"] for one in items] == ["image", "video"]
    assert world.call(world.alice, "GET", f"/datasets/{dataset}/picture", params={"line": 2}) == (422, "picture-video")


def test_unlabelled_and_many_labelled_datasets_are_datasets(world):
    sets = [
        {"name": n, "type": t, "images": 1, "objects": 2, "classes": {"a": 1}} for n, t in (("x", "detection"), ("y", "face"))
    ]
    world.dataset(world.alice, "none", label_sets=[])
    world.dataset(world.alice, "two", label_sets=sets)
    items = {one["name"]: one for one in world.service.client(world.alice).get("/datasets").json()["items"]}
    assert items["none"]["label_sets"] == []
    assert [one["type"] for one in items["two"]["label_sets"]] == ["detection", "face"]


def test_a_dataset_something_is_being_made_of_is_not_deleted_and_says_of_what(world):
    source = world.dataset(world.alice, "source", shared=True)
    with world.context.database.read() as session:
        told = derived(session.get_one(DatasetRow, source))
    world.dataset(world.bob, "child", state="creating", source={"kind": "graph", **told})
    answer = world.service.client(world.alice).delete(f"/datasets/{source}")
    assert answer.status_code == 409 and "child of bob" in answer.json()["error"]["message"]
    assert world.service.client(world.alice).get(f"/datasets/{source}").json()["used_by"]


def test_a_page_names_what_was_made_of_its_dataset_and_not_what_was_made_of_that(world):
    source = world.dataset(world.alice, "source", shared=True)

    def made(owner, name, of, **more):
        with world.context.database.read() as session:
            told = derived(session.get_one(DatasetRow, of))
        return world.dataset(owner, name, source={"kind": "graph", **told, **more}, shared=owner is world.alice)

    child = made(world.alice, "child", source)
    made(world.alice, "grandchild", child)
    made(world.alice, "copy", source, copy_of=source)
    made(world.bob, "bob's own", source)
    page = world.service.client(world.alice).get(f"/datasets/{source}").json()
    assert [(one["name"], one["how"]) for one in page["made_into"]] == [("copy", "copy"), ("child", "graph")]
    assert [one["name"] for one in world.service.client(world.alice).get(f"/datasets/{child}").json()["made_from"]] == [
        "source"
    ]


@pytest.mark.one_database
def test_whether_something_is_being_made_of_a_dataset_is_asked_of_the_few_that_are_being_made(world):
    dataset, asked = world.dataset(world.alice, "source"), []
    event.listen(world.context.database.engine, "before_cursor_execute", lambda *told: asked.append(told[2:4]))
    world.names(world.alice)
    ((statement, values),) = [one for one in asked if "'creating'" in one[0]]
    with world.context.database.engine.connect() as connection:
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values).all()
    assert "ix_datasets_creating" in str(plan), (dataset, plan)


def at_once(*calls: Callable[[], tuple[int, str]]) -> list[tuple[int, str]]:
    """All calls begin together."""
    gate = threading.Barrier(len(calls))

    def begin(call: Callable[[], tuple[int, str]]) -> tuple[int, str]:
        gate.wait()
        return call()

    with ThreadPoolExecutor(len(calls)) as pool:
        return [one.result() for one in [pool.submit(begin, call) for call in calls]]


@pytest.mark.parametrize("turn", range(3))
def test_two_people_format_delete_and_rename_the_same_set_at_once(world, turn):
    """Whoever comes first has it; nobody is answered by a bug, and what is told is what there is."""
    dataset = world.dataset(world.alice, "shades", shared=True)
    plan = {"formats": ["lmdb"]}
    answers = at_once(
        lambda: world.call(world.alice, "DELETE", f"/datasets/{dataset}"),
        lambda: world.call(world.bob, "POST", f"/datasets/{dataset}/batches", json=plan),
        lambda: world.call(world.alice, "PATCH", f"/datasets/{dataset}", json={"name": "renamed"}),
        lambda: world.call(world.alice, "POST", f"/datasets/{dataset}/batches", json=plan),
        lambda: world.call(world.bob, "POST", f"/datasets/{dataset}/copy", json={"name": "copy"}),
        lambda: world.call(world.alice, "DELETE", f"/datasets/{dataset}"),
    )
    assert all(status < 500 for status, _ in answers), answers
    assert {code for _, code in answers} <= {"", "no-such-dataset", "dataset-in-use", "dataset-gone"}, answers
    deleted = 204 in (answers[0][0], answers[5][0])
    formatted = [status for status, _ in (answers[1], answers[3])].count(201)
    assert deleted != bool(formatted)
    there = world.service.client(world.alice).get(f"/datasets/{dataset}")
    assert (there.status_code == 404) is deleted and world.context.home.dataset(dataset).exists() is not deleted
    if not deleted:
        assert len(there.json()["batches"]) == formatted
        assert there.json()["name"] == ("renamed" if answers[2][0] == 200 else "shades")
    copies = world.names(world.bob, visibility="mine")
    assert len(copies) == (answers[4][0] == 201)
    for one in world.service.client(world.bob).get("/datasets", params={"visibility": "mine"}).json()["items"]:
        assert DatasetFolder(world.context.home.dataset(one["id"])).complete


def test_several_delete_the_same_set_and_it_is_deleted_once(world):
    dataset = world.dataset(world.alice, "shades")
    people = (world.alice, world.admin, world.alice, world.admin)
    answers = at_once(*(lambda who=who: world.call(who, "DELETE", f"/datasets/{dataset}") for who in people))
    assert sorted(answers) == [(204, ""), *[(404, "no-such-dataset")] * 3]


def test_of_several_renames_one_stands_and_shares_are_not_lost(world):
    dataset = world.dataset(world.alice, "shades")
    names = [f"name {n}" for n in range(4)]
    answers = at_once(
        *(lambda name=name: world.call(world.alice, "PATCH", f"/datasets/{dataset}", json={"name": name}) for name in names),
        lambda: world.call(world.alice, "PUT", f"/datasets/{dataset}/shares/vision"),
        lambda: world.call(world.admin, "PUT", f"/datasets/{dataset}/public"),
        lambda: world.call(world.alice, "PUT", f"/datasets/{dataset}/shares/vision"),
    )
    assert {status for status, _ in answers} == {200}, answers
    told = world.service.client(world.alice).get(f"/datasets/{dataset}").json()
    assert told["name"] in names and sorted(str(one["group"]) for one in told["shares"]) == ["None", "vision"]
