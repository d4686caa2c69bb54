"""Folders of a group's share as a person browses them: members only, page by page, never out of the share."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from trainyard_service.accounts.people import find_group
from trainyard_service.api import shares

pytestmark = pytest.mark.one_database
OUTSIDE = [("../speech", 422), ("/etc", 422), ("安娜/away", 404), ("nothing", 404), ("pulp.jsonl", 404)]


@pytest.fixture
def share(service: Any) -> Path:
    """The share of the group vision, with two folders, a file, a hidden file and a link that leads out."""
    folder = Path(service.context.home.group_share(service.group("vision").id))
    (folder / "安娜" / "lists").mkdir(parents=True)
    (folder / "run").mkdir()
    (folder / "pulp.jsonl").write_bytes(b"12345")
    (folder / ".hidden").touch()
    (folder / "安娜" / "away").symlink_to("/etc")
    (folder / "passwd").symlink_to("/etc/passwd")
    return folder


@pytest.fixture
def member(service: Any, share: Path) -> Any:
    with service.context.database.read() as session:
        return service.client(service.account("alice", find_group(session, "vision")))


def keys(client: Any, **query: str) -> list[str]:
    return [entry["key"] for entry in client.get("/shares/vision/files", params=query).json()["entries"]]


def test_a_member_sees_folders_first_and_no_links_nor_hidden_files(member: Any) -> None:
    assert keys(member) == ["run/", "安娜/", "pulp.jsonl"]
    assert keys(member, path="安娜/") == ["安娜/lists/"]


def test_a_file_has_its_size_and_time(member: Any) -> None:
    entry = member.get("/shares/vision/files").json()["entries"][-1]
    assert (entry["name"], entry["size"]) == ("pulp.jsonl", 5)
    assert entry["modified"]


@pytest.mark.parametrize(
    ("path", "status"), [("../speech", 422), ("/etc", 422), ("安娜/away", 404), ("nothing", 404), ("pulp.jsonl", 404)]
)
def test_no_path_leads_out_of_the_share(member: Any, path: str, status: int) -> None:
    assert member.get("/shares/vision/files", params={"path": path}).status_code == status


def test_a_large_folder_comes_page_by_page(member: Any, share: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shares, "_PAGE", 2)
    first = member.get("/shares/vision/files").json()
    assert [entry["key"] for entry in first["entries"]] == ["run/", "安娜/"]
    assert keys(member, after=first["after"]) == ["pulp.jsonl"]


def test_nobody_else_is_told_of_the_group(service: Any, share: Path) -> None:
    stranger = service.client(service.account("carl", service.group("speech")))
    assert stranger.get("/shares/vision/files").status_code == 404
