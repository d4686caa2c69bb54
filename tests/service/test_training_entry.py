"""What is known of a training's program before it starts."""

from __future__ import annotations

from pathlib import Path

import pytest
from trainyard.errors import Invalid
from trainyard_service.trainings.entry import check_program


def test_a_program_that_the_environment_lacks_is_refused(tmp_path: Path) -> None:
    (tmp_path / "env/bin").mkdir(parents=True)
    with pytest.raises(Invalid, match="There is no program fishh in the image mxnet"):
        check_program("fishh", tmp_path / "env", "mxnet:1.9.1")


def test_a_container_image_may_have_programs_that_this_machine_has_not(tmp_path: Path) -> None:
    check_program("horovodrun", tmp_path / "env", "mxnet:1.9.1")
