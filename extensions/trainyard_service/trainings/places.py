"""Where a training reads and writes, outside and inside its sandbox."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from trainyard_service.database.tables.trainings import TrainingRow

INSIDE = PurePosixPath("/workspace")
"""Below it lies what is mounted into a launch."""
IMAGE = PurePosixPath("/opt/image")
"""Where a sandbox shows the image's environment."""
SHARES = PurePosixPath("/workspace/mnt/group")
DATA = PurePosixPath("/workspace/mnt/data")
RUN = Path("/workspace/run")
PARAMETERS = Path("/workspace/params/default.json")
EXAMPLES = PurePosixPath("/workspace/examples")
_LONGEST = 255


def log_name(name: str, training_id: str) -> str:
    """``train_<name>_out.log``; a name too long for a file system is cut and told apart by the training's id."""
    whole = f"train_{name}_out.log"
    if len(whole.encode()) <= _LONGEST:
        return whole
    tail = f"~{training_id[:8]}_out.log"
    room = _LONGEST - len(tail) - len("train_")
    return "train_" + name.encode()[:room].decode("utf-8", "ignore") + tail


def log_below_share(row: TrainingRow) -> str:
    """The log's path below the group share."""
    return f"{row.owner.name}/run/{log_name(row.name, row.id)}"


def log_inside(row: TrainingRow) -> str:
    """The log's path as people in the group see it."""
    return str(SHARES / row.group.name / log_below_share(row))


def home_inside(row: TrainingRow) -> Path:
    """The owner's folder on the group share: the working directory."""
    return Path(SHARES / row.group.name / row.owner.name)
