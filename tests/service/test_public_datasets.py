"""The datasets that come with the product are there once, whole, for everybody."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import select
from trainyard.home import Home
from trainyard_service import public_datasets
from trainyard_service.database.engine import Database
from trainyard_service.database.tables.datasets import DatasetRow
from trainyard_service.database.upgrade import upgrade
from trainyard_service.settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    settings = Settings(home=tmp_path)
    settings.places.service.mkdir(parents=True)
    database = Database(settings.database)
    upgrade(database)
    database.close()
    return settings


@pytest.mark.slow
def test_two_processes_at_once_make_every_public_dataset_once_and_whole(settings: Settings) -> None:
    command = [sys.executable, "-m", "trainyard_service.public_datasets"]
    environment = {**os.environ, "TRAINYARD_HOME": str(settings.home)}
    both = [subprocess.Popen(command, env=environment) for _ in range(2)]
    assert [process.wait(240) for process in both] == [0, 0]
    database = Database(settings.database)
    with database.read() as session:
        found = {row.name: row for row in session.scalars(select(DatasetRow))}
    database.close()
    assert found["digits"].images == 5000
    assert all(row.images == 70_000 for name, row in found.items() if name == "fashion-mnist")


def test_a_public_dataset_has_the_same_id_on_every_machine() -> None:
    assert public_datasets.dataset_id("digits") == public_datasets.dataset_id("digits") != public_datasets.dataset_id("other")


def test_digits_can_always_be_built(tmp_path: Path) -> None:
    assert "digits" in public_datasets.builders(Home(tmp_path))
