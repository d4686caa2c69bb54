"""What the platform's pod does before its processes start, and the Job that prepares a share."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path, PurePosixPath

import pytest
import yaml
from trainyard.errors import NotFound
from trainyard.home import Home
from trainyard_hub.kubernetes.everything import launcher_record
from trainyard_hub.kubernetes.prepare import catalogue as add_to_catalogue
from trainyard_hub.kubernetes.prepare import home as prepare_home
from trainyard_hub.kubernetes.prepare import share
from trainyard_hub.settings import Settings
from trainyard_service.images import catalogue, find
from trainyard_spawner.images import environment_of
from trainyard_spawner.kubernetes.configuration import load as load_launcher

from tests.hub.deployed import deployment


@pytest.mark.root
def test_a_prepared_share_is_its_groups_and_stays_so(tmp_path: Path) -> None:
    where = Home(tmp_path)
    where.volume.mkdir()
    for _ in range(2):
        share(where, 7, 30_007)
        told = where.group_share(7).stat()
        assert (told.st_mode & 0o7777, told.st_uid, told.st_gid) == (0o2770, 0, 30_007)


@pytest.mark.root
def test_a_link_in_the_place_of_a_share_is_given_to_nobody(tmp_path: Path) -> None:
    where, elsewhere = Home(tmp_path), tmp_path / "elsewhere"
    elsewhere.mkdir()
    where.group_share(7).parent.mkdir(parents=True)
    where.group_share(7).symlink_to(elsewhere)
    with pytest.raises(OSError, match=r"Not a directory|Too many levels"):
        share(where, 7, 30_007)
    assert elsewhere.stat().st_gid == tmp_path.stat().st_gid


def test_the_pod_prepares_its_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRAINYARD_INSIDE", "http://10.43.0.9:8000")
    record = tmp_path / "launcher.yaml"
    record.write_text(yaml.safe_dump(launcher_record(deployment())))
    settings = Settings(TRAINYARD_HOME=tmp_path / "home", host="0.0.0.0", tls_outside=True, public_url="https://trainyard")
    prepare_home(settings, record, Path(__file__).parents[2] / "images")
    where = Home(tmp_path / "home")
    assert load_launcher(where.root / "kubernetes.yaml").platform == "http://10.43.0.9:8000"
    ready = [(one.name, one.state, one.framework) for one in catalogue(where, "en", tmp_path)]
    assert ready == [("mxnet", "ready", "mxnet")]
    entries = json.loads((where.proxy / "traefik.yaml").read_text())["entryPoints"]
    assert (entries["public"]["address"], entries["http"]["address"]) == ("0.0.0.0:8000", "127.0.0.1:8002")


def test_an_image_of_the_cluster_is_in_the_catalogue_with_the_examples_a_command_is_checked_against(tmp_path: Path) -> None:
    where, sources = Home(tmp_path), Path(__file__).parents[2] / "images"
    for _ in range(2):
        add_to_catalogue(where, ["mxnet:1.9.1", "ours:3"], sources)
    assert [(one.name, one.version, one.state) for one in catalogue(where, "en", tmp_path)] == [
        ("mxnet", "1.9.1", "ready"),
        ("ours", "3", "ready"),
    ]
    (entry,) = find(where, "mxnet").entries
    assert os.access(where.images / "mxnet/1.9.1/examples" / PurePosixPath(entry).relative_to("/workspace/examples"), os.X_OK)


def test_an_image_of_the_cluster_is_ready_at_every_moment_while_it_is_put_in_its_place_again(tmp_path: Path) -> None:
    where, sources, done = Home(tmp_path / "home"), tmp_path / "sources", threading.Event()
    missed: list[Path] = []

    def offer(turn: int) -> None:
        (sources / "mxnet/examples").mkdir(parents=True, exist_ok=True)
        (sources / "mxnet/image.yaml").write_text("entries: [/workspace/examples/start.sh]\n")
        (sources / "mxnet/examples/start.sh").write_text(f"#!/bin/sh\n# {turn}\n")
        add_to_catalogue(where, ["mxnet:1.9.1"], sources)

    def look() -> None:
        while not done.is_set():
            whole = [where.images / "mxnet/1.9.1" / name for name in ("image.json", "examples/start.sh")]
            missed.extend(path for path in whole if not path.is_file() or not path.read_bytes())

    offer(0)
    looking = threading.Thread(target=look)
    looking.start()
    for turn in range(100):
        offer(turn)
    done.set()
    looking.join()
    assert missed == []
    assert (where.images / "mxnet/1.9.1/examples/start.sh").read_text() == "#!/bin/sh\n# 99\n"


def test_what_lies_beside_an_image_of_the_cluster_stays(tmp_path: Path) -> None:
    note = tmp_path / "images/mxnet/1.9.1/note"
    note.parent.mkdir(parents=True)
    note.touch()
    add_to_catalogue(Home(tmp_path), ["mxnet:1.9.1"], tmp_path)
    assert note.is_file()


def test_a_sandbox_is_refused_an_image_that_only_a_cluster_had(tmp_path: Path) -> None:
    add_to_catalogue(Home(tmp_path), ["mxnet:1.9.1"], tmp_path)
    with pytest.raises(NotFound, match="mxnet is not on this machine"):
        environment_of(Home(tmp_path), "mxnet")


def test_an_image_that_was_built_here_stays_as_it_is(tmp_path: Path) -> None:
    built = tmp_path / "images/mxnet/1.9.1"
    (built / "env").mkdir(parents=True)
    add_to_catalogue(Home(tmp_path), ["mxnet:1.9.1"], tmp_path)
    assert [path.name for path in built.iterdir()] == ["env"]
