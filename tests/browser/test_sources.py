"""Every place a dataset may come from, clicked through: web, bucket, share, and sets that are formatted already."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect
from trainyard.formats.record import Record, SetOptions, one_class
from trainyard.formats.registry import FORMATS
from trainyard.home import Home

from tests.web_servers import web_server

from .conftest import GROUP, People
from .pictures import picture, voc_annotation
from .running import RunningPlatform
from .visitor import PHONE, WIDE, Visitor

ON_THE_WEB = 8
FOLDER = "资料 material/一个名字很长的文件夹 a folder with quite a long name"


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Host and port of a web server with eight pictures and a page that is called like one."""
    folder = tmp_path_factory.mktemp("web")
    for place in range(ON_THE_WEB):
        (folder / f"{place}.jpg").write_bytes(picture(place))
    (folder / "page.jpg").write_text("<!doctype html><title>Please sign in</title>")
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=folder))
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def allowed(platform: RunningPlatform, administrator: Visitor, web: str) -> str:
    """The same, after the administrator has allowed it on the page."""
    platform.ask("PUT", "/allowed-hosts", {"hosts": []})
    page = administrator.open("admin?tab=hosts")
    expect(page.locator("#ty-root .ty-empty")).to_be_visible()
    for host, told in (("", "Write a host"), ("http://pictures", "neither a host's name")):
        page.locator("[name=hosts]").fill(host)
        page.get_by_role("button", name="Allow").click()
        expect(page.locator(".ty-field-error")).to_contain_text(told)
    administrator.shoot("admin-hosts-refused", PHONE)
    for host in (web, "*.lan.example.org"):
        page.locator("[name=hosts]").fill(host)
        page.get_by_role("button", name="Allow").click()
        expect(page.get_by_role("table")).to_contain_text(host)
    administrator.shoot("admin-hosts")
    page.get_by_role("button", name="Remove *.lan.example.org").click()
    page.locator("dialog").get_by_role("button", name="Remove").click()
    expect(page.get_by_role("table").locator("tbody tr")).to_have_count(1)
    return web


@pytest.fixture(scope="module")
def fetched(people: People, bucket: str, allowed: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The id of what Ana fetched of a list that names pictures on the web, of which three cannot be had."""
    urls = [f"http://{allowed}/{place}.jpg" for place in range(ON_THE_WEB)]
    urls += [f"http://{allowed}/missing/{'很长的名字' * 12}.jpg", f"http://{allowed}/page.jpg", "http://169.254.1.1/inside.jpg"]
    file = tmp_path_factory.mktemp("list") / "网上的图片 web.jsonl"
    file.write_text("".join(json.dumps({"url": url}, ensure_ascii=False) + "\n" for url in urls))
    page = begin(people.ana, "list", "computer")
    page.locator("dialog input[data-slot=list]").set_input_files(file)
    expect(page.locator("dialog .ty-transfer .ty-good")).to_have_count(1)
    listed = finish(people.ana)
    page = people.ana.open(f"dataset?id={listed}&tab=pictures")
    page.locator(".ty-picture").last.scroll_into_view_if_needed()
    expect(page.locator(".ty-picture-broken")).to_have_count(3)
    expect(page.locator(".ty-picture img")).to_have_count(ON_THE_WEB)
    people.ana.shoot("dataset-web")
    page.get_by_role("button", name="Fetch pictures").first.click()
    expect(page.locator("dialog")).to_contain_text("11 pictures lie on the web")
    page.locator("dialog summary").click()
    page.locator("dialog [name=per_host]").fill("0")
    page.locator("dialog [type=submit]").click()
    expect(page.locator("dialog .ty-field-error")).to_be_visible()
    people.ana.shoot("dataset-fetch", whole=False)
    page.locator("dialog [name=per_host]").fill("4")
    page.locator("dialog [type=submit]").click()
    page.wait_for_url(lambda address: listed not in address)
    return is_made(people.ana)


@pytest.fixture
def same_hosts(platform: RunningPlatform) -> Iterator[list[str]]:
    """The hosts that are allowed, before the test and after it."""
    hosts = platform.ask("GET", "/allowed-hosts")["hosts"]
    yield hosts
    platform.ask("PUT", "/allowed-hosts", {"hosts": hosts})


def test_a_picture_whose_server_is_busy_is_asked_for_again_by_itself(
    platform: RunningPlatform, people: People, same_hosts: list[str], tmp_path: Path
) -> None:
    with web_server() as busy:
        platform.ask("PUT", "/allowed-hosts", {"hosts": [*same_hosts, f"127.0.0.1:{busy.port}"]})
        (tmp_path / "busy.jsonl").write_text(json.dumps({"url": busy.url("/flaky?times=2")}) + "\n")
        page = begin(people.ana, "list", "computer")
        page.locator("dialog input[data-slot=list]").set_input_files(tmp_path / "busy.jsonl")
        expect(page.locator("dialog .ty-transfer .ty-good")).to_have_count(1)
        listed = finish(people.ana)
        page = people.ana.open(f"dataset?id={listed}&tab=pictures")
        expect(page.locator(".ty-picture img")).to_have_count(1)
        assert busy.asked == ["/flaky?times=2"] * 3


def test_what_is_typed_while_the_last_host_is_on_its_way_is_kept_and_the_next_press_counts(
    administrator: Visitor, same_hosts: list[str]
) -> None:
    page = administrator.open("admin?tab=hosts")
    field, allow = page.locator("[name=hosts]"), page.get_by_role("button", name="Allow")
    field.fill("first.lan")
    allow.click()
    field.fill("second.lan")
    expect(page.get_by_role("table")).to_contain_text("first.lan")
    expect(allow).to_have_attribute("aria-busy", "false")
    expect(field).to_have_value("second.lan")
    allow.click()
    expect(page.get_by_role("table")).to_contain_text("second.lan")


def begin(visitor: Visitor, kind: str, where: str) -> Page:
    """The form for a new dataset, at its second step."""
    page = visitor.open("datasets?new=1")
    page.locator(f"dialog [name=kind][value={kind}]").check()
    page.locator("dialog [type=submit]").click()
    page.locator(f"dialog [name=where][value={where}]").check()
    return page


def finish(visitor: Visitor, name: str = "") -> str:
    """From the second step to the dataset that is ready; its id."""
    page = visitor.page
    page.locator("dialog [type=submit]").click()
    expect(page.locator("dialog [name=name]")).to_be_visible()
    if name:
        page.locator("dialog [name=name]").fill(name)
    page.locator("dialog [type=submit]").click()
    return is_made(visitor)


def is_made(visitor: Visitor) -> str:
    """Waits until the dataset whose page opens is ready; its id."""
    visitor.page.wait_for_url("**/dataset?id=*")
    expect(visitor.page.locator("dl [data-state=ready]")).to_be_visible(timeout=120_000)
    return visitor.identity()


def choose(page: Page, *names: str) -> Locator:
    """Open one folder after the other in the browser of the form, or choose a file."""
    for name in names:
        row = page.locator(".ty-browse-row", has_text=name)
        row.click()
    return row


def in_both_languages(visitor: Visitor, name: str, place: str) -> None:
    """Screenshots of a page, wide in the visitor's own language and narrow in the other, which it shows from then on."""
    own = visitor.language
    visitor.shoot(name)
    with visitor.speaking("zh" if own == "en" else "en"):
        visitor.open(place)
        visitor.shoot(name, PHONE)


def test_what_lies_on_the_web_is_fetched_and_what_could_not_be_had_is_listed(people: People, fetched: str) -> None:
    page = people.ana.open(f"dataset?id={fetched}&tab=problems")
    table = page.get_by_role("table", name="Pictures that could not be fetched")
    expect(table.locator("tbody tr")).to_have_count(3)
    expect(table).to_contain_text("169.254.1.1")
    expect(page.locator("dl")).to_contain_text("3 failed")
    in_both_languages(people.ana, "dataset-fetched", f"dataset?id={fetched}&tab=problems")
    page = people.ana.open(f"dataset?id={fetched}&tab=pictures")
    expect(page.locator(".ty-picture")).to_have_count(ON_THE_WEB)
    expect(page.locator(".ty-picture img").first).to_be_visible()


def test_a_folder_of_the_bucket_becomes_an_unlabelled_dataset(people: People, fetched: str) -> None:
    page = begin(people.ana, "prefix", "bucket")
    choose(page, "fetched")
    expect(page.locator("[name=prefix]")).to_have_value("fetched/")
    expect(page.locator(".ty-browse-row")).to_have_count(ON_THE_WEB)
    people.ana.shoot("datasets-new-prefix", whole=False)
    made = finish(people.ana)
    page = people.ana.open(f"dataset?id={made}&tab=statistics")
    expect(page.locator("#ty-root")).to_contain_text("The list has 8 pictures and no label information")
    page.get_by_role("button", name="Examine the pictures").click()
    expect(page.locator(".ty-sizemap")).to_be_visible()
    in_both_languages(people.ana, "dataset-prefix", f"dataset?id={made}&tab=statistics")


@pytest.fixture(scope="module")
def share(platform: RunningPlatform) -> Path:
    """A folder of the group's share with a ModelArts manifest, its pictures and annotations, and an LMDB."""
    group = next(one["id"] for one in platform.ask("GET", "/groups") if one["name"] == GROUP)
    folder = Home(platform.home).group_share(group) / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    lines = []
    for place in range(6):
        (folder / f"{place}.jpg").write_bytes(picture(place))
        (folder / f"{place}.xml").write_text(voc_annotation(place))
        loc = {"annotation-loc": f"{place}.xml", "annotation-format": "PASCAL VOC", "type": "modelarts/object_detection"}
        lines.append({"source": f"{place}.jpg", "annotation": [loc]})
    (folder / "V003.manifest").write_text("\n".join(map(json.dumps, lines)))
    write_set(folder, "lmdb")
    for path in (*folder.rglob("*"), folder, folder.parent):
        path.chmod(0o755 if path.is_dir() else 0o644)
    return folder


def write_set(folder: Path, name: str) -> Path:
    """Twelve pictures of two classes in a format, as somebody else's tool has written them."""
    writer = FORMATS[name].writer(folder, None, SetOptions("class", ("猫", "dog")))
    for number in range(12):
        writer.add(Record(number, f"{number}.jpg", one_class(number % 2), picture(number), 3, 500, 375))
    writer.finish()
    writer.close()
    (folder / "labels.csv").write_text("0,猫\n1,dog\n")
    return folder


def test_a_manifest_is_found_by_browsing_the_groups_share(people: People, share: Path) -> None:
    page = begin(people.bob, "list", "share")
    choose(page, "资料", "很长")
    expect(page.locator(".ty-browse-row", has_text="0.jpg")).to_be_disabled()
    people.bob.shoot("datasets-new-share", PHONE, whole=False)
    choose(page, "V003.manifest")
    expect(page.locator("[name=list]")).to_have_value(f"{FOLDER}/V003.manifest")
    people.bob.shoot("datasets-new-share", whole=False)
    made = finish(people.bob, "清单")
    page = people.bob.open(f"dataset?id={made}&tab=pictures")
    expect(page.locator(".ty-picture svg.ty-boxes rect").first).to_be_attached()
    in_both_languages(people.bob, "dataset-manifest", f"dataset?id={made}")


def test_a_formatted_set_is_taken_as_it_is_with_its_index_and_names(people: People, tmp_path: Path) -> None:
    folder = write_set(tmp_path, "recordio")
    page = begin(people.bob, "formatted", "computer")
    for slot, path in (("data", "cache/data.rec"), ("index", "cache/data.idx"), ("labels", "labels.csv")):
        page.locator(f"dialog input[data-slot={slot}]").set_input_files(folder / path)
    expect(page.locator("dialog .ty-transfer .ty-good")).to_have_count(3)
    page.locator("dialog [name=split]").select_option("val")
    people.bob.shoot("datasets-new-formatted", whole=False)
    made = finish(people.bob, "别处的 RecordIO")
    page = people.bob.page
    expect(page.locator(".ty-set-row .ty-letter-val")).to_be_visible()
    in_both_languages(people.bob, "dataset-formatted", f"dataset?id={made}")
    page = people.bob.open(f"dataset?id={made}&tab=pictures&set=classification.general&class=猫")
    expect(page.locator(".ty-picture")).to_have_count(6)
    expect(page.locator(".ty-picture img").first).to_be_visible()


def test_an_lmdb_on_the_share_is_chosen_by_its_kind(people: People, share: Path) -> None:
    page = begin(people.ana, "formatted", "share")
    page.locator("dialog [name=format][value=lmdb]").check()
    choose(page, "资料", "很长")
    expect(page.locator(".ty-browse-row", has_text="V003.manifest")).to_be_disabled()
    choose(page, "data.mdb")
    expect(page.locator("[name=data]")).to_have_value(f"{FOLDER}/data.mdb")
    choose(page, "labels.csv")
    expect(page.locator("[name=labels]")).to_have_value(f"{FOLDER}/labels.csv")
    people.ana.shoot("datasets-new-lmdb", whole=False)
    page.locator("dialog [type=submit]").click()
    expect(page.locator("dialog .ty-note")).to_contain_text(f"/workspace/mnt/group/{GROUP}/{FOLDER}/data.mdb")


@pytest.fixture
def one_job_at_a_time(platform: RunningPlatform) -> Iterator[None]:
    """The group may run one job at once, so that the jobs of a batch come one after the other."""
    before = platform.ask("GET", f"/groups/{GROUP}")["quota"]
    platform.ask("PUT", f"/groups/{GROUP}/quota", {**before, "jobs": 1})
    yield
    platform.ask("PUT", f"/groups/{GROUP}/quota", before)


def test_a_batch_of_several_jobs_is_watched_cancelled_and_resumed(people: People, digits: str, one_job_at_a_time: None) -> None:
    page = people.ana.open(f"dataset?id={digits}&format=1")
    page.locator("dialog [name=resize]").select_option("exact")
    for edge in ("width", "height"):
        page.locator(f"dialog [name={edge}]").fill("64")
    page.locator("dialog summary").click()
    page.locator("dialog [name=shards]").fill("3")
    expect(page.locator("dialog .ty-outcome")).to_contain_text("1 format × 2 parts = 2 sets")
    page.locator("dialog [type=submit]").click()
    card = page.locator(".ty-card", has=page.locator(".ty-shard")).first
    expect(card.locator(".ty-shard")).to_have_count(3)
    people.ana.shoot("dataset-shards", whole=False)
    card.get_by_role("button", name="Cancel").click()
    page.locator("dialog").get_by_role("button", name="Cancel formatting").click()
    expect(card.locator("[data-state=cancelled]")).to_be_visible()
    people.ana.shoot("dataset-shards-cancelled", PHONE)
    card.get_by_role("button", name="Resume").click()
    done = page.locator(".ty-card", has_text=re.compile("exactly 64 × 64")).first
    expect(done.locator("[data-state=finished]")).to_be_visible(timeout=120_000)
    expect(done.locator("[data-state=cancelled]")).to_have_count(0)
    expect(done.locator(".ty-set")).to_have_count(2)
    people.ana.shoot("dataset-shards-done", WIDE)
