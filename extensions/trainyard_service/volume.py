"""Folders on the platform volume: a group's share, a member's folder in it, a private home.

As root they belong to the ids the sandbox uses; without root everything belongs to the one user the platform runs as.

Shares and homes are named by ids. A member's folder is named by the display name, as the path inside is, but belongs to the id:
what lies there and is another's (a former member's of that name, something planted) is moved aside and never handed over.
"""

from __future__ import annotations

import os
import secrets
import stat
from pathlib import Path

from trainyard.errors import Conflict
from trainyard.home import Home
from trainyard.words import N_

from trainyard_service.database.tables.accounts import FIRST_UID, AccountRow, GroupRow

_SHARED = 0o2770
_PRIVATE = 0o700
_PASSAGE = 0o711


def make_group_share(home: Home, group: GroupRow) -> Path:
    """The group's share, writable by all members, whose files belong to the group."""
    _passage(home.volume, home.volume / "groups")
    return _folder(home.group_share(group.id), 0, group.gid, _SHARED)


def make_member_folder(home: Home, group: GroupRow, account: AccountRow) -> Path:
    """A member's folder in the share; named by the display name, as the path inside is.

    Raises:
        Conflict: the share does not take it; what lies in its place is moved aside, unless members go on putting things there.
    """
    path = make_group_share(home, group) / account.name
    try:
        _move_strangers(path, account.uid)
        if not os.path.lexists(path):
            # a deletion of the account that was killed before its commit has renamed it
            rename_member_folder(home, group.id, f"{account.name}~{account.id}", account.name, account.uid)
        return _folder(path, account.uid, group.gid, _SHARED)
    except OSError as error:
        raise Conflict(
            "member-folder",
            N_("The folder {folder} on the share of group {group} cannot be made: {reason}. Move or delete what lies there."),
            folder=account.name,
            group=group.name,
            reason=error.strerror or str(error),
        ) from error


def rename_member_folder(home: Home, group_id: int, before: str, after: str, uid: int) -> bool:
    """Give a member's folder another name; False when there was none of theirs. Repeating it does no harm."""
    share = home.group_share(group_id)
    if not _belongs(share / before, uid):
        return False
    (share / before).rename(_free(share, after))
    return True


def _move_strangers(path: Path, uid: int) -> None:
    """Move what is in a member's place and is not theirs to ``<name>~<owner's number>``; the group's members still find it."""
    try:
        owner = path.lstat().st_uid
    except FileNotFoundError:
        return
    if not _belongs(path, uid):
        path.rename(_free(path.parent, f"{path.name}~{max(owner - FIRST_UID, 0)}"))


def _belongs(path: Path, uid: int) -> bool:
    """Whether it is a folder (and no link) of this user; without root all files have one owner, and the name decides."""
    try:
        found = path.lstat()
    except FileNotFoundError:
        return False
    return stat.S_ISDIR(found.st_mode) and (os.geteuid() != 0 or found.st_uid == uid)


def _free(folder: Path, name: str) -> Path:
    """``name``, or with a number more where that is taken; cut to what file systems take."""
    name = name.encode()[:230].decode("utf-8", "ignore")
    for number in range(1, 100):
        path = folder / (name if number == 1 else f"{name}-{number}")
        if not os.path.lexists(path):
            return path
    # somebody took them all
    return folder / f"{name}-{secrets.token_hex(8)}"


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
