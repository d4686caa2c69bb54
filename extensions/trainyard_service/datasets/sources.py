"""Where a dataset's pictures lie, as the service sees it and as a sandbox sees it: one decision for both."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from sqlalchemy.orm import Session
from trainyard.datasets.folder import PICTURES
from trainyard.home import Home
from trainyard.jobs.launch import Mount

from trainyard_service.database.tables.accounts import GroupRow
from trainyard_service.database.tables.datasets import DatasetRow

INSIDE = Path("/workspace/dataset")
SHARES = PurePosixPath("/workspace/mnt/group")


@dataclass(frozen=True)
class Places:
    """``roots`` for the service's own reading, ``inside`` the same for a sandbox with ``mounts``; by url prefix."""

    roots: dict[str, Path] = field(default_factory=dict)
    inside: dict[str, Path] = field(default_factory=dict)
    mounts: tuple[Mount, ...] = ()


def places_of(session: Session, home: Home, dataset: DatasetRow) -> Places:
    """The folders this dataset's urls may lead into: its own, and the group share its list came from."""
    own = home.dataset(dataset.id)
    mount = Mount(source=own, target=INSIDE)
    group = session.get(GroupRow, dataset.source["group_id"]) if dataset.source.get("kind") == "share" else None
    if group is None:
        return Places({"": own / PICTURES}, {"": INSIDE / PICTURES}, (mount,))
    share, seen = home.group_share(group.id), SHARES / group.name
    beside = PurePosixPath(dataset.source["path"]).parent
    return Places(
        {"": share / beside, str(seen): share},
        {"": Path(seen / beside), str(seen): Path(seen)},
        (mount, Mount(source=share, target=Path(seen))),
    )
