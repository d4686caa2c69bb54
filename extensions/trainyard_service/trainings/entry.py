"""The entry of a training, checked before anything starts: it exists, is a file, and may be executed."""

from __future__ import annotations

import os
import shlex
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from trainyard.errors import Invalid, UserError
from trainyard.metrics.beneath import open_beneath
from trainyard.words import N_

from trainyard_service.trainings.places import EXAMPLES
from trainyard_service.volume_files import read_json

_DEFAULTS = "params/default.json"


@dataclass(frozen=True)
class Roots:
    """Folders the entry may lie in, by their path inside."""

    by_target: dict[PurePosixPath, Path]

    def locate(self, path: PurePosixPath) -> tuple[Path, str] | None:
        """The trusted folder and the path below it, or None when ``path`` lies elsewhere."""
        for target, folder in self.by_target.items():
            if path.is_relative_to(target):
                return folder, str(path.relative_to(target))
        return None


def split(entry: str) -> tuple[str, ...]:
    """The entry's words, as a shell would split them; no shell ever runs it.

    Raises:
        Invalid: empty, or a quote is not closed.
    """
    try:
        words = tuple(shlex.split(entry))
    except ValueError as error:
        raise _wrong(N_("The entry cannot be split into words: {reason}."), reason=str(error)) from None
    if not words or "\0" in entry:
        raise _wrong(N_("The entry is empty."))
    return words


def check(entry: str, roots: Roots) -> tuple[str, ...]:
    """The words of an entry whose files exist.

    Raises:
        Invalid: a file is missing or not executable; the sentence names it.
    """
    words = split(entry)
    program = PurePosixPath(words[0])
    if program.is_absolute():
        _check_file(program, roots, execute=True)
    elif "/" in words[0]:
        raise _wrong(N_("The entry {entry} is neither an absolute path nor the name of a program."), entry=words[0])
    script = next((word for word in words[1:] if not word.startswith("-")), None)
    if not program.is_absolute() and script and script.startswith("/workspace/"):
        _check_file(PurePosixPath(script), roots, execute=False)
    return words


def _check_file(path: PurePosixPath, roots: Roots, *, execute: bool) -> None:
    place = roots.locate(path)
    if place is None:
        if path.is_relative_to("/workspace"):
            raise _wrong(
                N_("The entry {entry} lies outside of the image's examples and of the group share."), roots, entry=str(path)
            )
        return
    try:
        with open_beneath(*place) as file:
            mode = os.fstat(file.fileno()).st_mode
    except (OSError, ValueError):
        raise _wrong(N_("The entry {entry} does not exist."), roots, entry=str(path)) from None
    if execute and not mode & 0o111:
        raise Invalid(
            "entry-not-executable",
            N_("The entry {entry} is not executable."),
            hint=N_("Run chmod +x on it, or name its interpreter in front: python {entry}"),
            field="entry",
            entry=str(path),
        )


def _wrong(message: str, roots: Roots | None = None, **values: Any) -> UserError:
    hint = N_("Give a file below {places}, or a program with its arguments.") if roots else ""
    places = ", ".join(str(target) for target in roots.by_target) if roots else ""
    return Invalid("entry-missing", message, hint=hint, field="entry", places=places, **values)


def example_parameters(words: tuple[str, ...], roots: Roots) -> dict[str, Any]:
    """The defaults that lie beside an example's entry, or none."""
    for word in words[:2]:
        path = PurePosixPath(word)
        if path.is_relative_to(EXAMPLES) and (place := roots.locate(path)) is not None:
            found = read_json(place[0], str(PurePosixPath(place[1]).parent / _DEFAULTS), 1 << 20)
            return found or {}
    return {}
