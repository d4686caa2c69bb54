"""The parts of the stack, one by one: home, secrets, ports, environment and the files the processes are started with."""

from __future__ import annotations

import json
import os
import signal
import socket
import tempfile
import tomllib
from collections.abc import Iterator
from configparser import RawConfigParser
from pathlib import Path
from typing import Any

import pytest
from trainyard.errors import Conflict, NotAllowed
from trainyard.home import Home
from trainyard_hub.kubernetes.prepare import catalogue
from trainyard_hub.settings import Settings
from trainyard_hub.stack import proxy, store
from trainyard_hub.stack.console import Terminal
from trainyard_hub.stack.environment import stack_environment
from trainyard_hub.stack.home import HomeLock, prepare_home
from trainyard_hub.stack.manager_files import LONGEST_SOCKET, configuration, socket_path
from trainyard_hub.stack.ports import check_ports
from trainyard_hub.stack.processes import stack
from trainyard_hub.stack.run import Stack, run
from trainyard_hub.stack.secrets import make_secrets
from trainyard_service import images
from trainyard_spawner.permission import check_sandbox

from tests.browser.running import free_range


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    settings = Settings(TRAINYARD_HOME=tmp_path / "home", port=free_range(40))
    prepare_home(settings.home)
    return settings


@pytest.fixture
def listening() -> Iterator[socket.socket]:
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        yield busy


def test_home_remembers_who_made_it(settings: Settings) -> None:
    assert json.loads(settings.home.description.read_text())["uid"] == os.geteuid()


def test_home_of_somebody_else_is_refused(settings: Settings) -> None:
    made = json.loads(settings.home.description.read_text())
    settings.home.description.write_text(json.dumps(made | {"made_by": "user", "uid": 54321}))
    with pytest.raises(Conflict, match=r"was made by user \(user id 54321\)"):
        prepare_home(settings.home)


def test_private_folders_are_closed_to_others(settings: Settings) -> None:
    private = [settings.home.secrets, settings.home.hub, settings.home.service, settings.home.store, settings.home.logs]
    assert {folder.stat().st_mode & 0o777 for folder in private} == {0o700}


def test_a_home_has_one_foreground(settings: Settings) -> None:
    first, second = HomeLock(settings.home), HomeLock(settings.home)
    assert first.acquire()
    assert not second.acquire()
    assert second.holder() == os.getpid()
    first.release()
    assert second.holder() is None


def test_secrets_are_made_once_and_closed(settings: Settings) -> None:
    make_secrets(settings.home)
    first = {path.name: path.read_text() for path in settings.home.secrets.iterdir()}
    make_secrets(settings.home)
    assert {path.name: path.read_text() for path in settings.home.secrets.iterdir()} == first
    assert {path.stat().st_mode & 0o777 for path in settings.home.secrets.iterdir()} == {0o600}


def test_a_busy_port_is_named_with_its_holder(settings: Settings, listening: socket.socket) -> None:
    port = listening.getsockname()[1]
    with pytest.raises(Conflict, match=rf"Port {port} .* in use by .*\(process {os.getpid()}\)"):
        check_ports(settings.model_copy(update={"hub_port": port}))


def test_free_ports_are_fine(settings: Settings) -> None:
    check_ports(settings)


def test_an_image_that_a_cluster_had_by_its_name_is_built_where_there_is_none_any_more(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked: list[tuple[str, ...]] = []
    monkeypatch.setattr(Stack, "_python", lambda _self, *arguments: asked.append(arguments))
    catalogue(settings.home, ["workspace:2026.11", "mxnet:1.9.1"], tmp_path)
    Stack(settings, Terminal())._provide_images()
    assert asked == [("trainyard_spawner.images", "build", "workspace")]
    assert images.catalogue(settings.home, "en", tmp_path) == []


def test_this_machine_builds_sandboxes() -> None:
    check_sandbox()


def test_only_named_variables_reach_the_stack(settings: Settings, tmp_path: Path) -> None:
    shell = {"PATH": "/usr/bin", "AWS_SECRET_ACCESS_KEY": "x", "TRAINYARD_TOKEN": "mine", "TRAINYARD_PORT": "9000", "LANG": "C"}
    assert stack_environment(settings, shell, tmp_path) == {
        "PATH": f"{tmp_path}:/usr/bin",
        "TRAINYARD_PORT": "9000",
        "LANG": "C",
        "TRAINYARD_HOME": str(settings.home.root),
    }


def test_every_process_is_restarted_for_ever(settings: Settings) -> None:
    parsed = RawConfigParser()
    parsed.read_string(configuration(settings.home, stack(settings)))
    programs = [parsed[name] for name in parsed.sections() if name.startswith("program:")]
    assert len(programs) == 6
    assert all(int(program["startretries"]) > 10**6 for program in programs)


def test_the_managers_socket_fits_and_is_private() -> None:
    path = socket_path(Home(Path("/tmp") / ("long" * 40)))
    assert len(str(path)) <= LONGEST_SOCKET
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_signs_of_the_managers_format_are_written_twice(tmp_path: Path) -> None:
    settings = Settings(TRAINYARD_HOME=tmp_path / "100% mine")
    assert "100%% mine" in configuration(settings.home, stack(settings))


def test_proxy_listens_on_loopback_only(settings: Settings) -> None:
    entries = proxy.static_configuration(settings)["entryPoints"]
    assert {entry["address"].rpartition(":")[0] for entry in entries.values()} == {"127.0.0.1"}


def test_public_entrance_with_tls_leads_to_the_plain_one(settings: Settings, tmp_path: Path) -> None:
    pair = {"tls_certificate": tmp_path / "cert.pem", "tls_key": tmp_path / "key.pem"}
    outside = settings.model_copy(update={"host": "0.0.0.0", **pair})
    entries = proxy.static_configuration(outside)["entryPoints"]
    assert entries["public"]["address"] == f"0.0.0.0:{settings.port}"
    assert "tls" in entries["public"]["http"]
    assert entries["http"]["address"] == f"127.0.0.1:{settings.port + 2}"
    assert outside.inside_address in json.dumps(proxy.public_entrance(outside))


def test_store_asks_for_a_certificate_everywhere(settings: Settings) -> None:
    store.write_configuration(settings)
    security = tomllib.loads((store.security_folder(settings) / "security.toml").read_text())
    assert {"master", "volume", "filer", "s3"} <= security["grpc"].keys()
    assert all(part.keys() >= {"cert", "key", "ca"} for part in security["https"].values())
    assert all(security["jwt"][name]["key"] for name in ("signing", "filer_signing"))


def test_store_keys_are_kept(settings: Settings) -> None:
    store.write_configuration(settings)
    first = {path.name: path.read_bytes() for path in store.security_folder(settings).iterdir()}
    store.write_configuration(settings)
    assert {path.name: path.read_bytes() for path in store.security_folder(settings).iterdir()} == first


@pytest.mark.root
def test_roots_home_is_refused_to_an_ordinary_user_in_a_sentence() -> None:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        prepare_home(Home(Path(folder) / "home"))
        os.seteuid(54321)
        try:
            with pytest.raises(Conflict, match=r"was made by root \(user id 0\); you are user id 54321"):
                prepare_home(Home(Path(folder) / "home"))
            with pytest.raises(NotAllowed, match="cannot be used by user id 54321"):
                prepare_home(Home(Path(folder) / "another"))
        finally:
            os.seteuid(0)


@pytest.fixture
def handlers() -> Iterator[None]:
    """The handlers of signals as they were before a start set its own."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.usefixtures("handlers")
def test_a_start_that_is_refused_stops_nothing(settings: Settings, listening: socket.socket, capsys: Any) -> None:
    busy = settings.model_copy(update={"hub_port": listening.getsockname()[1]})
    assert run(busy, Terminal()) == 1
    assert "Stopping" not in capsys.readouterr().out
    assert HomeLock(settings.home).holder() is None


def test_the_proxys_log_is_read_without_a_terminal(tmp_path: Path) -> None:
    assert proxy.static_configuration(Settings(TRAINYARD_HOME=tmp_path))["log"]["noColor"] is True
