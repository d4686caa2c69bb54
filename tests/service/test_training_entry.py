"""What is known of a training's program before it starts."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import pytest
from trainyard.errors import Invalid
from trainyard.home import Home
from trainyard.jobs.launch import ON_CLUSTER
from trainyard_service import images
from trainyard_service.settings import Settings
from trainyard_service.trainings.entry import Roots, check_program

HERE = PurePosixPath("/workspace/mnt/group/vision")


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """An environment with Python, beside a group's share with a script."""
    for folder in ("env/bin", "share/venv/bin"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "python").symlink_to("/usr/bin/python3")
    return tmp_path / "env"


def _check(image: Path, first_line: str, environment: Path | None) -> None:
    """Check a script of the group's share."""
    (image.parent / "share/train.py").write_text(f"{first_line}\n")
    check_program((f"{HERE}/train.py",), Roots({HERE: image.parent / "share"}), environment, "mxnet:1.9.1")


@pytest.mark.parametrize("program", ["fishh", "/opt/image/bin/fishh", "/usr/bin/fishh", "/home/anna/bin/python"])
def test_a_program_that_the_image_lacks_is_refused(image: Path, program: str) -> None:
    with pytest.raises(Invalid, match=f"There is no program {program} in the image mxnet"):
        check_program((program,), Roots({}), image, "mxnet:1.9.1")


@pytest.mark.parametrize(
    "interpreter",
    ["/opt/nowhere/bin/python", "/opt/image/bin/pyton", "/usr/bin/pyton", f"{HERE}/old/bin/python", f"{HERE}/pyton"],
)
def test_an_interpreter_that_is_not_where_the_script_says_is_refused(image: Path, interpreter: str) -> None:
    with pytest.raises(Invalid, match=f"train.py asks for {interpreter}, which is not in the image mxnet") as refused:
        _check(image, f"#!{interpreter} -u", image)
    assert (refused.value.code, refused.value.field) == ("interpreter-missing", "entry")
    assert f"#!/usr/bin/env {Path(interpreter).name}" in refused.value.hint_text("en")


@pytest.mark.parametrize(
    "interpreter",
    [
        "/opt/image/bin/python",
        "/bin/sh",
        "/usr/bin/env python",
        "/usr/bin/env -S LANG=C python -u",
        f"{HERE}/venv/bin/python",
        "/workspace/mnt/bucket/mine/python",
    ],
)
def test_an_interpreter_that_is_there_or_cannot_be_seen_is_not(image: Path, interpreter: str) -> None:
    _check(image, f"#!{interpreter}", image)


def test_of_a_container_image_only_its_pods_know_which_interpreters_it_has(image: Path) -> None:
    _check(image, "#!/opt/conda/bin/python", None)


def test_a_container_image_may_have_programs_that_this_machine_has_not(tmp_path: Path) -> None:
    """Also where the same image was built here, before there was a cluster."""
    (tmp_path / "images/mxnet/1.9.1/env/bin").mkdir(parents=True)
    (tmp_path / "images/mxnet/1.9.1/image.json").write_text("{}")
    image = images.find(Home(tmp_path), "mxnet:1.9.1")
    environment = images.environment_of(Settings(home=tmp_path, launcher=ON_CLUSTER), image)
    check_program(("horovodrun",), Roots({}), environment, "mxnet:1.9.1")


def test_of_an_image_that_a_cluster_does_not_know_its_next_step_is_told(tmp_path: Path) -> None:
    told = {one.name: one.error for one in images.shown(Settings(home=tmp_path, launcher=ON_CLUSTER), "en")}
    assert "names it under `images` in kubernetes.yaml" in told["mxnet"]
    assert {one.error for one in images.shown(Settings(home=tmp_path), "en")} == {""}
