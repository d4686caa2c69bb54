"""Where a dataset's pictures lie, as the service sees it and as a sandbox sees it: one decision for both."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from sqlalchemy.orm import Session
from trainyard.datasets.folder import PICTURES
from trainyard.errors import NotAllowed
from trainyard.home import Home
from trainyard.jobs.launch import Mount
from trainyard.words import N_

from trainyard_service.database.tables.accounts import GroupRow, MembershipRow
from trainyard_service.database.tables.datasets import DatasetRow

INSIDE = Path("/workspace/dataset")
SHARES = PurePosixPath("/workspace/mnt/group")


@dataclass(frozen=True)
class Places:
    """``roots`` for the service's own reading, ``inside`` the same for a sandbox with ``mounts``; by url prefix.

    ``groups`` are the numbers that may read what is mounted.
    """

    roots: dict[str, Path] = field(default_factory=dict)
    inside: dict[str, Path] = field(default_factory=dict)
    mounts: tuple[Mount, ...] = ()
    groups: tuple[int, ...] = ()


def places_of(session: Session, home: Home, dataset: DatasetRow) -> Places:
    """The folders this dataset's urls may lead into: its own, and the group share its list came from.

    Raises:
        NotAllowed: whoever brought the list is no member of that group any more, and so nobody reads its share by this list.
    """
    own = home.dataset(dataset.id)
    mount = Mount(source=own, target=INSIDE)
    source = dataset.source
    on_share = source if source.get("kind") == "share" else source.get("share", {})
    group = session.get(GroupRow, on_share.get("group_id", 0))
    if group is None:
        return Places({"": own / PICTURES}, {"": INSIDE / PICTURES}, (mount,))
    must_be_member(session, group, on_share.get("by", dataset.owner_id))
    share, seen = home.group_share(group.id), SHARES / group.name
    if on_share is not source:
        # made of a list on a share: its own pictures are relative, those on the share are named in full
        roots, inside = {"": own / PICTURES, str(seen): share}, {"": INSIDE / PICTURES, str(seen): Path(seen)}
        return Places(roots, inside, (mount, Mount(source=share, target=Path(seen))), (group.gid,))
    beside = PurePosixPath(source["path"]).parent
    return Places(
        {"": share / beside, str(seen): share},
        {"": Path(seen / beside), str(seen): Path(seen)},
        (mount, Mount(source=share, target=Path(seen))),
        (group.gid,),
    )


def must_be_member(session: Session, group: GroupRow, account_id: int | None) -> None:
    """Raises:
    NotAllowed: the person has left the group, or was removed from it.
    """
    if account_id is None or session.get(MembershipRow, (group.id, account_id)) is None:
        raise NotAllowed(
            "share-left",
            N_("The pictures lie on the share of {group}, and who brought their list is no member of it any more."),
            hint=N_("Ask a member of {group} to make the dataset anew."),
            group=group.name,
        )
