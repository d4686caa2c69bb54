"""What is known of a training's program before it starts."""

from __future__ import annotations

from pathlib import Path

import pytest
from trainyard.errors import Invalid
from trainyard.home import Home
from trainyard.jobs.launch import ON_CLUSTER
from trainyard_service import images
from trainyard_service.settings import Settings
from trainyard_service.trainings.entry import check_program


def test_a_program_that_the_environment_lacks_is_refused(tmp_path: Path) -> None:
    (tmp_path / "env/bin").mkdir(parents=True)
    with pytest.raises(Invalid, match="There is no program fishh in the image mxnet"):
        check_program("fishh", tmp_path / "env", "mxnet:1.9.1")


def test_a_container_image_may_have_programs_that_this_machine_has_not(tmp_path: Path) -> None:
    """Also where the same image was built here, before there was a cluster."""
    (tmp_path / "images/mxnet/1.9.1/env/bin").mkdir(parents=True)
    (tmp_path / "images/mxnet/1.9.1/image.json").write_text("{}")
    image = images.find(Home(tmp_path), "mxnet:1.9.1")
    environment = images.environment_of(Settings(home=tmp_path, launcher=ON_CLUSTER), image)
    check_program("horovodrun", environment, "mxnet:1.9.1")


def test_of_an_image_that_a_cluster_does_not_know_its_next_step_is_told(tmp_path: Path) -> None:
    told = {one.name: one.error for one in images.shown(Settings(home=tmp_path, launcher=ON_CLUSTER), "en")}
    assert "names it under `images` in kubernetes.yaml" in told["mxnet"]
    assert {one.error for one in images.shown(Settings(home=tmp_path), "en")} == {""}
