"""The stack's settings: safe by default, movable by one port, every one of every service documented."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
from pydantic_settings import BaseSettings
from trainyard.errors import Invalid
from trainyard.jobs.launch import ON_CLUSTER
from trainyard.settings import names
from trainyard_hub.settings import Settings
from trainyard_hub.stack.__main__ import main
from trainyard_hub.stack.certificates import make_certificates
from trainyard_hub.stack.preparation import steps
from trainyard_hub.stack.processes import stack
from trainyard_hub.stack.run import check_settings
from trainyard_pages.settings import Settings as PagesSettings
from trainyard_service.disk.settings import DiskSettings
from trainyard_service.jobs.settings import JobSettings
from trainyard_service.settings import Settings as ServiceSettings

DOCUMENT = Path(__file__).parents[2] / "docs" / "settings.md"


@pytest.mark.parametrize("settings", [Settings, ServiceSettings, JobSettings, DiskSettings, PagesSettings])
def test_every_setting_has_a_row(settings: type[BaseSettings]) -> None:
    documented = set(re.findall(r"^\| `(TRAINYARD_[A-Z0-9_]+)`", DOCUMENT.read_text(), re.MULTILINE))
    assert names(settings) - documented == set()


def test_no_row_is_about_nothing() -> None:
    documented = set(re.findall(r"^\| `(TRAINYARD_[A-Z0-9_]+)`", DOCUMENT.read_text(), re.MULTILINE))
    known = names(Settings) | names(ServiceSettings) | names(JobSettings) | names(DiskSettings) | names(PagesSettings)
    elsewhere = {name for name in documented if name in (DOCUMENT.read_text().partition("## Clients")[2])}
    assert documented - known - elsewhere == set()


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("TRAINYARD_SERVICE_GRACE", "soon", "TRAINYARD_SERVICE_GRACE must be a number."),
        ("TRAINYARD_SERVICE_REMOVED_DAYS", "-1", "TRAINYARD_SERVICE_REMOVED_DAYS must be 0 or more."),
        ("TRAINYARD_SERVICE_GROUP_QUOTA", '{"cpu": "x"}', "TRAINYARD_SERVICE_GROUP_QUOTA.cpu must be a number."),
        ("TRAINYARD_SERVICE_PACKAGES", "1Core2G", 'The settings cannot be read: error parsing value for field "packages"'),
        ("TRAINYARD_PAGES_POOL", "0", "TRAINYARD_PAGES_POOL must be 1 or more."),
        ("TRAINYARD_SERVICE_GRCE", "3", "no setting TRAINYARD_SERVICE_GRCE. Did you mean TRAINYARD_SERVICE_GRACE?"),
        ("TRAINYARD_PAGES_QQQ", "3", "no setting TRAINYARD_PAGES_QQQ. docs/settings.md lists them all."),
        ("TRAINYARD_IMAGES", "workspace,mxnett", "There is no image mxnett. TRAINYARD_IMAGES may name mindspore, mxnet,"),
    ],
)
def test_a_setting_that_would_kill_a_process_or_do_nothing_is_refused_before_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str, says: str
) -> None:
    monkeypatch.setenv(name, value)
    settings = Settings(TRAINYARD_HOME=tmp_path)
    with pytest.raises(Invalid, match=re.escape(says)):
        check_settings(settings, stack(settings))


def test_a_certificate_that_cannot_be_used_is_refused_before_the_start(tmp_path: Path) -> None:
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    settings = Settings(TRAINYARD_HOME=tmp_path, tls_certificate=certificate, tls_key=key)
    with pytest.raises(Invalid, match=r"cert\.pem with the key .*key\.pem cannot be used: No such file or directory\."):
        check_settings(settings, stack(settings))
    for file in (certificate, key):
        file.write_text("no PEM")
    with pytest.raises(Invalid, match=r"name two files in PEM that belong together"):
        check_settings(settings, stack(settings))


def test_a_certificate_with_its_key_is_accepted(tmp_path: Path) -> None:
    make_certificates(tmp_path)
    settings = Settings(TRAINYARD_HOME=tmp_path, tls_certificate=tmp_path / "cert.pem", tls_key=tmp_path / "key.pem")
    check_settings(settings, stack(settings))


def test_settings_of_every_part_of_a_process_are_accepted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "SERVICE_GRACE": "3",
        "SERVICE_REMOVED_DAYS": "1",
        "SERVICE_HOST": "127.0.0.1",
        "PAGES_POOL": "1",
    }.items():
        monkeypatch.setenv(f"TRAINYARD_{name}", value)
    settings = Settings(TRAINYARD_HOME=tmp_path)
    check_settings(settings, stack(settings))


def test_a_port_that_is_no_number_is_refused_in_words(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TRAINYARD_PORT", "abc")
    monkeypatch.setattr(sys, "argv", ["stack", "run"])
    assert main() == 2
    assert capsys.readouterr().err == "TRAINYARD_PORT must be a whole number.\n"


def test_one_port_moves_all(tmp_path: Path) -> None:
    settings = Settings(TRAINYARD_HOME=tmp_path, port=9000)
    assert settings.ports() == {
        "port": 9000,
        "hub_port": 9001,
        "inside_port": 9002,
        "proxy_api_port": 9009,
        "service_port": 9010,
        "pages_port": 9020,
        "store_port": 9030,
        **{f"store_port + {step}": 9030 + step for step in range(1, 8)},
    }


def test_a_port_of_its_own_wins(tmp_path: Path) -> None:
    assert Settings(TRAINYARD_HOME=tmp_path, hub_port=7777).hub_url == "http://127.0.0.1:7777"


def test_everything_is_on_loopback_by_default(tmp_path: Path) -> None:
    assert Settings(TRAINYARD_HOME=tmp_path).address == "http://127.0.0.1:8000"


def test_elsewhere_without_tls_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match=r"TRAINYARD_HOST is 0\.0\.0\.0"):
        Settings(TRAINYARD_HOME=tmp_path, host="0.0.0.0")


def test_half_of_a_certificate_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="together or not at all"):
        Settings(TRAINYARD_HOME=tmp_path, tls_key=tmp_path / "key.pem")


def test_images_of_a_cluster_are_not_built_on_this_machine(tmp_path: Path) -> None:
    settings = Settings(TRAINYARD_HOME=tmp_path, public_datasets=False)
    assert [step[-1] for step in steps(settings)] == ["workspace", "mxnet"]
    assert steps(settings.model_copy(update={"service_launcher": ON_CLUSTER})) == []


def test_an_image_that_was_built_by_hand_is_renewed_as_the_others_are(tmp_path: Path) -> None:
    settings = Settings(TRAINYARD_HOME=tmp_path, public_datasets=False)
    (settings.home.images / "pytorch/2.0/env").mkdir(parents=True)
    (settings.home.images / "pytorch/2.0/image.json").touch()
    assert [step[-1] for step in steps(settings)] == ["workspace", "mxnet", "pytorch"]
