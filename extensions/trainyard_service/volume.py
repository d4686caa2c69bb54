"""Folders on the platform volume: a group's share, a member's folder in it, a private home.

As root they belong to the ids the sandbox uses; without root everything belongs to the one user the platform runs as.
"""

from __future__ import annotations

import os
from pathlib import Path

from trainyard.home import Home

from trainyard_service.database.tables.accounts import AccountRow, GroupRow

_SHARED = 0o2770
_PRIVATE = 0o700
_PASSAGE = 0o711


def make_group_share(home: Home, group: GroupRow) -> Path:
    """The group's share, writable by all members, whose files belong to the group."""
    _passage(home.volume, home.volume / "groups")
    return _folder(home.group_share(group.id), 0, group.gid, _SHARED)


def make_member_folder(home: Home, group: GroupRow, account: AccountRow) -> Path:
    """A member's folder in the share; named by the display name, as the path inside is."""
    return _folder(make_group_share(home, group) / account.name, account.uid, group.gid, _SHARED)


def make_home(home: Home, account: AccountRow) -> Path:
    """A person's private home."""
    _passage(home.volume, home.volume / "homes")
    return _folder(home.user_home(account.id), account.uid, account.uid, _PRIVATE)


def _passage(*folders: Path) -> None:
    for folder in folders:
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(_PASSAGE)


def _folder(path: Path, uid: int, gid: int, mode: int) -> Path:
    """Make or mend a folder without following a link: members write to the share, one could be planted."""
    with_contents = path.parent
    parent = os.open(with_contents, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        try:
            os.mkdir(path.name, mode, dir_fd=parent)
        except FileExistsError:
            if path.is_symlink() or not path.is_dir():
                raise
        folder = os.open(path.name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=parent)
        try:
            if os.geteuid() == 0:
                os.fchown(folder, uid, gid)
            os.fchmod(folder, mode)
        finally:
            os.close(folder)
    finally:
        os.close(parent)
    return path
