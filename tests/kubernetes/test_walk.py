"""The main job by browser on a real cluster: sign in, workspace, terminal, upload, format, train, stop, restart, model.

Once with the platform on this machine, once inside of the cluster, at its Service's plain address; the workspace and every job
are pods, of the images that `make images` builds. The steps are those of one machine's walk (``tests/browser/main_job.py``);
the screenshots lie in ``test-output/screenshots/kubernetes-*``.
"""

from __future__ import annotations

import json
import re
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from playwright.sync_api import Browser, expect
from trainyard.datasets.folder import DatasetFolder
from trainyard.datasets.public import build_digits
from trainyard_service.public_datasets import fetch_digits

from tests.browser.main_job import (
    format_dataset,
    keep_model,
    let_in,
    open_terminal,
    see_curves_grow,
    start_training,
    start_workspace,
    stop_training,
    upload_dataset,
)
from tests.browser.visitor import SHOTS, Visitor, open_browser
from tests.browser.watching import taken
from tests.frameworks import ROOT
from tests.kubernetes import platform as inside
from tests.kubernetes.catalogue_images import CATALOGUE, make_catalogue_images
from tests.kubernetes.conftest import kubectl, until
from tests.kubernetes.test_workspaces import ClusterPlatform

pytestmark = [pytest.mark.cluster, pytest.mark.slow, pytest.mark.timeout(1800)]  # the first run builds two images
GROUP = "vision"
DATASET = "手写 digits"
TRAINING = "digits-cnn"
# long enough to be stopped on the way, where nothing else is done too, with something kept before
PARAMETERS = {"epochs": 150, "snapshot_every_epochs": 5}


class Outside(ClusterPlatform):
    """A platform of this machine over the cluster, with the catalogue's container images."""

    def __init__(self, namespace: str) -> None:
        # a package with all of the node's cores would leave none for a TensorBoard
        super().__init__(namespace, TRAINYARD_SERVICE_PACKAGES='["1Core2G"]')
        file = self.home / "kubernetes.yaml"
        file.write_text(yaml.safe_dump({**yaml.safe_load(file.read_text()), "images": CATALOGUE}))


Walked = Outside | inside.ClusterPlatform


@contextmanager
def platform_outside(namespace: str) -> Iterator[Walked]:
    """On this machine, until the end of the block."""
    running = Outside(namespace)
    try:
        running.start()
        yield running
    finally:
        kubectl("delete", "jobs,pods", "-n", namespace, "-l", f"app.kubernetes.io/instance={running.name}", "--wait=false")
        running.stop()
        kubectl("delete", "pvc", running.name, "-n", namespace, "--wait=false")
        kubectl("delete", "pv", running.name, "--wait=false")


@contextmanager
def platform_inside(_: str) -> Iterator[Walked]:
    """In a namespace of its own, until the end of the block."""
    inside.build_images()
    # pages answer beside a training that takes whatever is left
    amounts = {part: {"cpu": "100m"} for part in inside.PARTS}
    with inside.running_platform(CATALOGUE["workspace:2026.11"], launches={"images": CATALOGUE}, amounts=amounts) as running:
        yield running


PLACES = {"outside": platform_outside, "inside": platform_inside}


@pytest.fixture(scope="module", params=PLACES)
def place(request: pytest.FixtureRequest) -> str:
    """Where the platform runs."""
    return str(request.param)


@pytest.fixture(scope="module")
def platform(place: str, namespace: str) -> Iterator[Walked]:
    make_catalogue_images()
    with PLACES[place](namespace) as running:
        running.ask("POST", "/groups", {"name": GROUP})
        yield running


def workspace_pods(platform: Walked) -> list[dict[str, Any]]:
    """The pods of this platform's workspaces."""
    return pods(f"component={platform.name}-workspace")


def image_of(job: str) -> str:
    """Which image the pod of a Job had, by what its node told: one that has ended has left the cluster."""
    events = json.loads(kubectl("get", "events", "-A", "--field-selector", "reason=Pulled", "-o", "json"))["items"]
    (told,) = {one["message"] for one in events if one["involvedObject"]["name"].startswith(f"{job}-")}
    return str(told.split('"')[1])


def pods(chosen: str) -> list[dict[str, Any]]:
    """Those with these labels, in whatever namespace."""
    found: list[dict[str, Any]] = json.loads(kubectl("get", "pods", "-A", "-l", chosen, "-o", "json"))["items"]
    return found


@pytest.fixture(scope="module")
def chromium(platform: Walked) -> Iterator[Browser]:
    """Closed before the platform ends: while it is open, its event loop is in the way of the cluster's client."""
    with open_browser() as browser:
        yield browser


@pytest.fixture(scope="module")
def ana(platform: Walked, place: str, chromium: Browser) -> Visitor:
    """Somebody who applied, was approved into the group, and signed in."""
    visitor = Visitor(chromium, platform.address, "安娜")
    visitor.album = SHOTS / f"kubernetes-{place}"
    let_in(platform, visitor, GROUP)
    return visitor


@pytest.fixture(autouse=True)
def no_error_in_the_pages() -> Iterator[None]:
    yield
    assert not (found := taken()), "\n\n".join(map(str, found))


@pytest.fixture(scope="module")
def dataset(ana: Visitor, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The id of the dataset that Ana uploaded: a list of 2,500 handwritten digits, and an archive that holds them."""
    folder = tmp_path_factory.mktemp("digits")
    build_digits(fetch_digits(ROOT / ".cache" / "packages"), folder / "set")
    public = DatasetFolder(folder / "set")
    listed = folder / f"{DATASET}.jsonl"
    with public.list_path.open(encoding="utf-8") as lines, listed.open("w", encoding="utf-8") as file:
        for line in list(lines)[::2]:
            sample = json.loads(line)
            name = sample["url"].partition("/")[2].partition("#")[0]
            file.write(json.dumps({**sample, "url": name}) + "\n")
    return upload_dataset(ana, listed, public.pictures / "pictures.zip")


@pytest.fixture(scope="module")
def training(ana: Visitor, dataset: str) -> str:
    """The id of the training that Ana made with the wizard."""
    format_dataset(ana, dataset)
    return start_training(ana, TRAINING, tab="Mine", dataset=DATASET, parameters=PARAMETERS)


def test_a_workspace_is_started_from_its_page_as_a_pod(platform: Walked, ana: Visitor) -> None:
    start_workspace(ana)
    (pod,) = workspace_pods(platform)
    assert pod["spec"]["containers"][0]["image"] == CATALOGUE["workspace:2026.11"]


def test_its_terminal_runs_in_the_pod_beside_the_groups_share(platform: Walked, ana: Visitor) -> None:
    terminal = open_terminal(ana)
    (pod,) = workspace_pods(platform)
    terminal.type("hostname", pod["metadata"]["name"])
    terminal.type("ls /workspace/mnt/group", GROUP)
    ana.page.screenshot(path=ana.shot("lab-terminal"))
    ana.stop_workspace()
    until(lambda: workspace_pods(platform) == [])


def test_an_uploaded_list_is_prepared_by_a_pod(platform: Walked, ana: Visitor, dataset: str) -> None:
    page = ana.open(f"dataset?id={dataset}&tab=statistics&set=classification.digits")
    expect(page.locator(".ty-bars-row")).to_have_count(10)
    ana.shoot("dataset-statistics")
    page = ana.open(f"dataset?id={dataset}&tab=pictures")
    expect(page.locator(".ty-picture").first).to_be_visible()
    ana.shoot("dataset-pictures")


def test_curves_grow_while_a_pod_of_the_training_image_trains_on_the_formatted_pair(
    platform: Walked, ana: Visitor, training: str
) -> None:
    see_curves_grow(ana, training)
    jobs = platform.ask("GET", "/jobs", all="true")["items"]
    assert sorted(job["kind"] for job in jobs) == ["format", "prepare", "train"]
    wanted = {"train": "mxnet:1.9.1", "format": "workspace:2026.11", "prepare": "workspace:2026.11"}
    assert {job["kind"]: image_of(f"job-{job['id']}-1") for job in jobs} == {kind: CATALOGUE[wanted[kind]] for kind in wanted}


def test_stopped_on_its_page_it_has_kept_a_snapshot(ana: Visitor, training: str) -> None:
    page = ana.open(f"monitor?id={training}")
    expect(page.locator(".ty-snapshot").first).to_be_visible()
    stop_training(page)
    expect(page.locator(".ty-note", has_text="Stopped by 安娜.")).to_be_visible()
    ana.shoot("monitor-stopped")


def test_started_again_it_goes_on_where_it_was_and_learns_to_read(ana: Visitor, training: str) -> None:
    page = ana.open(f"monitor?id={training}")
    page.get_by_role("button", name="Start again").click()
    expect(page.locator(".ty-tile [data-state=finished]")).to_be_visible(timeout=300_000)
    box = page.get_by_role("searchbox", name="Search the whole log")
    box.fill("going on after epoch")
    box.press("Enter")
    expect(page.locator(".ty-log-found")).to_contain_text("1 of 1")
    # the last points may come a moment after the end
    curve = page.locator(".ty-curve-place").first
    expect(curve).to_have_attribute("aria-label", re.compile(r"validation (9\d|100)(\.\d+)?%"))
    ana.shoot("monitor")


def test_tensorboard_shows_its_run(ana: Visitor, training: str) -> None:
    page = ana.open(f"monitor?id={training}")
    with ana.context.expect_page() as opened:
        page.get_by_role("button", name="TensorBoard").click()
    expect(opened.value).to_have_title("TensorBoard", timeout=120_000)
    opened.value.get_by_text("loss").first.wait_for(timeout=120_000)
    opened.value.close()


def test_its_model_is_listed_downloaded_and_kept_for_the_group(ana: Visitor, training: str, tmp_path: Path) -> None:
    page = ana.open("models")
    row = page.get_by_role("row", name=re.compile(f"{TRAINING}.*epoch {PARAMETERS['epochs']}"))
    ana.shoot("models")
    with page.expect_download() as download:
        row.get_by_text("Download").click()
    file = tmp_path / "读数字.tar.gz"
    download.value.save_as(file)
    with tarfile.open(file) as archive:
        assert any(name.endswith(".params") for name in archive.getnames())
    keep_model(ana, file, GROUP)
    ana.shoot("models-kept")
    (kept,) = ana.call("GET", "/models?kind=custom")["items"]
    assert (kept["name"], kept["group"], kept["size"]) == ("读数字", GROUP, file.stat().st_size)
