"""What ``trainyard train submit`` chooses where the person did not say it, and what it does not take in silence."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from trainyard.records.accounts import Quota

SUBMIT = ("train", "submit", "digits", "--image", "tiny", "--entry", "python -V")


@pytest.fixture
def service(start_service: Any) -> Any:
    """One that starts nothing."""
    return start_service(parts=())


@pytest.fixture
def alice(service: Any, sign_in: Any) -> Any:
    """Somebody with two cores, and an image."""
    folder = service.context.home.images / "tiny" / "1"
    (folder / "env/bin").mkdir(parents=True)
    (folder / "env/bin/python").symlink_to("/usr/bin/python3")
    (folder / "image.json").write_text('{"kind": "training", "title": "tiny"}')
    person = service.account("alice", service.group("vision", Quota(cpu=2, memory=4 << 30)))
    sign_in(person)
    return person


def test_the_largest_package_is_taken(run: Any, alice: Any) -> None:
    assert run(*SUBMIT, "--json").json["job"]["package"] == "2Core4G"


def test_of_several_processes_the_largest_that_fits_all_of_them(run: Any, alice: Any) -> None:
    made = run(*SUBMIT, "--distributed", "pytorch", "--workers", "2", "--json")
    assert made.json["job"]["package"] == "1Core2G"


def test_what_keeps_the_smallest_from_fitting_is_told_where_none_does(run: Any, alice: Any) -> None:
    refused = run(*SUBMIT, "--distributed", "pytorch", "--workers", "9")
    assert (refused.code, "2 CPU cores" in refused.error, "9 asked for" in refused.error) == (1, True, True)


def test_a_cluster_that_there_is_not_is_told_as_such(run: Any, alice: Any) -> None:
    refused = run(*SUBMIT, "--cluster", "nowhere")
    assert (refused.code, refused.error.strip()) == (1, "There is no virtual cluster nowhere.")


@pytest.mark.parametrize("option", [("--servers", "2"), ("--distributed", "mxnet"), ("--role-package", "server=1Core2G")])
def test_what_only_several_processes_have_is_refused_for_one(run: Any, alice: Any, option: tuple[str, str]) -> None:
    refused = run(*SUBMIT, *option)
    assert (refused.code, f"{option[0]} counts only with --workers." in refused.error) == (2, True)


def test_an_image_given_beside_a_training_to_be_like_counts(run: Any, alice: Any) -> None:
    run(*SUBMIT)
    search = ("search", "start", "s", "--like", "digits", "--vary", "lr=1..2", "--objective", "loss", "--check")
    assert run(*search).code == 0
    assert "There is no image other" in run(*search, "--image", "other").out


def test_parameters_kept_for_a_group_are_its_members(run: Any, alice: Any, tmp_path: Path) -> None:
    (tmp_path / "p.json").write_text('{"lr": 1}')
    assert run("parameters", "keep", str(tmp_path / "p.json"), "--group", "vision", "--json").json["visibility"] == "group"
