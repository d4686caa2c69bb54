"""What a launch specification must have before anything is started; each refusal names the thing and the next step."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from trainyard.errors import Invalid, NotFound
from trainyard.jobs.launch import LaunchSpec, Mount
from trainyard.words import N_

from trainyard_spawner.sandbox import IMAGE

RESERVED = ("/proc", "/dev", "/sys", "/usr", "/etc", "/opt", "/bin", "/lib", "/lib64", "/sbin", "/tmp", "/run")  # noqa: S108
_RESERVED = tuple(f"{path}/" for path in RESERVED)


def check_mounts(mounts: Sequence[Mount]) -> None:
    """Both of the following.

    Raises:
        NotFound: a source is missing (``mount-missing``).
        Invalid: ``mount-source``, ``mount-target``, or ``mount-nested``.
    """
    check_targets(mounts)
    check_sources(mounts)


def check_sources(mounts: Sequence[Mount]) -> None:
    """Every source exists and is reached without a link; for who sees the platform's folders.

    Raises:
        NotFound: a source is missing (``mount-missing``).
        Invalid: ``mount-source``.
    """
    for mount in mounts:
        if not mount.source.exists():
            raise NotFound(
                "mount-missing",
                N_("{source}, which belongs at {target}, does not exist."),
                hint=N_("It may have been deleted in the meantime; choose again what to mount."),
                source=str(mount.source),
                target=str(mount.target),
            )
        if os.path.realpath(mount.source) != str(mount.source):
            raise Invalid("mount-source", N_("{source} leads through a link, which is not followed."), source=str(mount.source))


def check_targets(mounts: Sequence[Mount]) -> None:
    """No target covers the system or lies in what people may write to.

    Raises:
        Invalid: ``mount-target``, or ``mount-nested``.
    """
    for mount in mounts:
        target = PurePosixPath(mount.target)
        if not target.is_absolute() or ".." in target.parts or str(target) == "/" or _covers_system(target):
            raise Invalid("mount-target", N_("Nothing may be mounted at {target}."), target=str(target))
        for other in mounts:
            if not other.read_only and str(target).startswith(f"{other.target}/"):
                raise Invalid(
                    "mount-nested",
                    N_("{target} lies inside {other}, which the program may change."),
                    target=str(target),
                    other=str(other.target),
                )


def check_entry(spec: LaunchSpec, image_environment: Path) -> None:
    """The program exists and may be executed, as far as that can be told from outside.

    Raises:
        NotFound: ``entry-missing``.
        Invalid: ``entry-not-executable``.
    """
    entry = spec.argv[0]
    if "/" not in entry:
        return  # searched along PATH, inside
    place = locate(spec, image_environment, PurePosixPath(spec.working_directory) / entry)
    if place is None:
        return
    if not place.is_file():
        raise NotFound(
            "entry-missing",
            N_("The program {entry} does not exist."),
            hint=N_("Check the path as it is seen inside; names are case-sensitive."),
            field="entry",
            entry=entry,
        )
    if not place.stat().st_mode & 0o111:
        raise Invalid(
            "entry-not-executable",
            N_("The program {entry} is not executable."),
            hint=N_("Run chmod +x {entry} in a terminal, then start again."),
            field="entry",
            entry=entry,
        )


def locate(spec: LaunchSpec, image_environment: Path, path: PurePosixPath) -> Path | None:
    """Where ``path``, as seen inside, lies outside; None when a link on the way makes that a matter of the inside."""
    if ".." in path.parts:
        return None
    roots = {str(mount.target): mount.source for mount in spec.mounts} | {IMAGE: image_environment, "/usr": Path("/usr")}
    for root in sorted(roots, key=len, reverse=True):
        if path.is_relative_to(root):
            return _without_links(roots[root], path.relative_to(root))
    return None


def _without_links(root: Path, rest: PurePosixPath) -> Path | None:
    place = root
    for part in rest.parts:
        place = place / part
        if place.is_symlink():
            return None
    return place


def _covers_system(target: PurePosixPath) -> bool:
    return str(target) == "/workspace" or f"{target}/".startswith(_RESERVED)
