"""What jobs leave in their folders, read by the service."""

from __future__ import annotations

import os

import pytest
from trainyard_service.volume_files import append_beneath, read_json


@pytest.mark.parametrize("value", ["NaN", "1e999", '"\\ud800"', '"\\u0000"', "[" * 100_000])
def test_json_that_no_database_or_page_could_keep_is_no_json(tmp_path, value):
    (tmp_path / "instance.json").write_text(f'{{"error": {value}}}')
    assert read_json(tmp_path, "instance.json") is None


def test_json_of_a_job_is_read(tmp_path):
    (tmp_path / "instance.json").write_text('{"error": "死", "number": 1e9}')
    assert read_json(tmp_path, "instance.json") == {"error": "死", "number": 1e9}


@pytest.mark.parametrize("plant", [os.symlink, os.link])
def test_another_name_of_somebodys_file_is_not_appended_to(tmp_path, plant):
    share, victim = tmp_path / "share", tmp_path / "share" / "victim"
    (share / "anna").mkdir(parents=True)
    victim.write_text("mine")
    plant(victim, share / "anna" / "log")
    with pytest.raises(OSError, match=r"log|symbolic"):
        append_beneath(share, "anna/log", b"line", os.geteuid(), os.getegid())
    assert victim.read_text() == "mine"
