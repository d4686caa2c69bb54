"""What a training instance is in a replica that does not report: everything works, and nothing is left behind."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from pathlib import Path

from trainyard.training.snapshots import Moment, Snapshot


class NoEvents:
    """Takes the points of a curve and forgets them."""

    def add_scalar(self, tag: str, value: float, step: int, wall_time: float | None = None) -> None:
        """Nothing."""

    def add_text(self, tag: str, text: str, step: int = 0) -> None:
        """Nothing."""

    def close(self) -> None:
        """Nothing."""


def folder() -> Path:
    """Where the files of a quiet replica go until its process ends."""
    made = Path(tempfile.mkdtemp(prefix="trainyard-replica-"))
    atexit.register(shutil.rmtree, made, ignore_errors=True)
    return made


def not_taken(moment: Moment) -> Snapshot:
    """The snapshot that the replica which reports takes at that moment."""
    return Snapshot(epoch=moment.epoch, step=moment.step, file=f"{moment.name}.tar.gz", size=0, sha256="")
