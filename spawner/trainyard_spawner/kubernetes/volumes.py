"""Which claim holds a folder of the platform, and what a launch's mounts become in a pod.

The platform sees its volume as folders below the state folder; a pod sees claims. ``Configuration.claims`` says which claim
holds which folder; the rest of a path becomes the mount's ``subPath``, which the kubelet resolves without following links
out of the volume. A small file that lies on no claim (a training's parameters) goes along in the launch's Secret.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from trainyard.errors import Invalid
from trainyard.home import Home
from trainyard.jobs.launch import OUTPUT, Identity, LaunchSpec, Mount
from trainyard.metrics.beneath import open_beneath
from trainyard.words import N_

from trainyard_spawner import log_file, usage
from trainyard_spawner.kubernetes.configuration import Claim
from trainyard_spawner.sandbox_launcher import log_limit

LARGEST_FILE = 256 << 10
LARGEST_KEPT = log_file.MOST_TIMES * log_file.TIMES.size
_BLOCK = 1 << 20
_PASSING = frozenset({errno.EIO, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ESTALE, errno.ETIMEDOUT})
"""What says nothing about whether a file is there."""


@dataclass(frozen=True)
class Place:
    """A folder or file of a claim; ``path`` is empty for all of it."""

    claim: str
    path: str


@dataclass(frozen=True)
class Shown:
    """A place as the pod sees it."""

    place: Place
    target: str
    read_only: bool


@dataclass(frozen=True)
class Layout:
    """What a launch's pod sees: places of claims, and files that go along with their content."""

    shown: tuple[Shown, ...]
    carried: tuple[Mount, ...]


def place_of(path: Path, home: Home, claims: Sequence[Claim]) -> Place | None:
    """Where ``path`` lies: on the claim with the longest folder that holds it, or on none."""
    if not path.is_relative_to(home.root):
        return None
    inside = PurePosixPath(path.relative_to(home.root))
    found = [(len(parts), place) for claim in claims if (parts := PurePosixPath(claim.folder).parts)
             and (place := _on(claim, inside, parts)) is not None]  # fmt: skip
    return max(found, key=lambda one: one[0])[1] if found else None


def lay_out(spec: LaunchSpec, home: Home, claims: Sequence[Claim]) -> Layout:
    """The mounts of ``spec``. What lies among the platform's own images is left out: a container image brings its own.

    Raises:
        Invalid: a folder lies on no claim (``mount-not-on-cluster``).
    """
    shown, carried = [], []
    images = home.images.resolve()  # they may lie on another disk, by a link; mounts name where they are
    for mount in spec.mounts:
        if mount.source.is_relative_to(images):
            continue
        place = place_of(mount.source, home, claims)
        if place is not None:
            shown.append(Shown(place, str(mount.target), mount.read_only))
        elif mount.read_only and mount.source.is_file() and mount.source.stat().st_size <= LARGEST_FILE:
            carried.append(mount)
        else:
            raise not_on_cluster(mount.source)
    return Layout(tuple(shown), tuple(carried))


def not_on_cluster(path: Path) -> Invalid:
    """The refusal of what no pod can see."""
    return Invalid(
        "mount-not-on-cluster",
        N_("{source} lies on no volume of the cluster, so no pod can see it."),
        hint=N_("An administrator names the claim that holds it under `claims` in kubernetes.yaml."),
        source=str(path),
    )


def seen_inside(path: Path, mounts: Sequence[Mount]) -> PurePosixPath | None:
    """``path`` as the pod sees it and may write it, or None where no mount shows it."""
    fitting = [mount for mount in mounts if not mount.read_only and path.is_relative_to(mount.source)]
    if not fitting:
        return None
    best = max(fitting, key=lambda mount: len(mount.source.parts))
    return PurePosixPath(best.target) / path.relative_to(best.source)


def make_folder(parent: Path, key: str, identity: Identity) -> None:
    """The launch's own folder below ``parent``, the person's; one that is there stays as it is, with what it tells."""
    folder = parent / key
    try:
        folder.mkdir(mode=0o700, parents=True)
    except FileExistsError:
        return
    if os.geteuid() == 0:
        os.chown(folder, identity.uid, identity.gid)


def remove_folder(parent: Path, key: str) -> None:
    """Remove the launch's own folder."""
    shutil.rmtree(parent / key, ignore_errors=True)


def show_kept(home: Home, key: str) -> None:
    """Let what the launch's supervisor writes down of its use be found among what stays, while its folder is there."""
    place = home.kept(key)
    place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with suppress(FileExistsError):
        place.symlink_to(Path("..") / home.launches.name / key)


def keep(home: Home, key: str) -> None:
    """Copy that, and a job's own log, before the launch's folder goes; the folder is the person's, who may have put anything
    there. Killed in between it goes on when asked again.

    Raises:
        OSError: there is no room for the log, or it cannot be read just now; nothing is lost.
    """
    place, draft = home.kept(key), home.kept(f".{key}")
    if place.is_symlink():
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(mode=0o700)
        for name in (usage.FILE, log_file.FILE):
            with suppress(OSError):
                _copy(home.launches / key, name, draft, LARGEST_KEPT)
        if key.startswith("job-"):
            try:
                _copy(home.launches / key, OUTPUT, draft, log_limit())
            except OSError:
                shutil.rmtree(draft, ignore_errors=True)  # or half a log would fill the disk until the next try
                raise
        place.unlink()
    if draft.is_dir() and not place.exists():
        draft.rename(place)
        with suppress(OSError):
            place.rmdir()  # there was nothing


def _copy(folder: Path, name: str, to: Path, most: int) -> None:
    try:
        file = open_beneath(folder, name)
    except OSError as error:
        if error.errno in _PASSING:
            raise
        return
    with file, (to / name).open("wb") as copy:
        while piece := file.read(min(_BLOCK, most - copy.tell())):
            copy.write(piece)


def _on(claim: Claim, inside: PurePosixPath, parts: tuple[str, ...]) -> Place | None:
    """``inside`` on this claim, whose folder has ``parts``; a placeholder stands for one number."""
    values: dict[str, str] = {}
    for part, own in zip(parts, inside.parts, strict=False):
        if part == "{group}" and re.fullmatch("[0-9]+", own):
            values["group"] = own
        elif part != own:
            return None
    if len(inside.parts) < len(parts):
        return None
    group = values.get("group", "")
    rest = (*PurePosixPath(claim.path.replace("{group}", group)).parts, *inside.parts[len(parts) :])
    return Place(claim.claim.replace("{group}", group), "/".join(rest))
