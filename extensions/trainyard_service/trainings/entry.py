"""The entry of a training, checked before anything starts: it exists, is a file, and may be executed."""

from __future__ import annotations

import os
import re
import shlex
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from trainyard.errors import Invalid, UserError
from trainyard.metrics.beneath import folder_beneath, open_beneath
from trainyard.words import N_

from trainyard_service.trainings.places import EXAMPLES, IMAGE, INSIDE
from trainyard_service.volume_files import read_json

_DEFAULTS = "params/default.json"
_FIRST_BYTES = 256
_PROGRAMS = (Path("/usr/local/bin"), Path("/usr/bin"), Path("/bin"))
_OF_MACHINE = ("/usr", "/bin", "/sbin")
"""What a sandbox shows of the machine's programs."""
_OF_SHELLS = frozenset({"&&", "||", "|", ";", "&", ">", ">>", "<", "2>&1", "2>", "&>"})
_ONLY_IN_SHELLS = frozenset({"cd", "source", ".", "export", "ulimit", "set", "exec"})
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=")


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
    _refuse_shell(words)
    return words


def _refuse_shell(words: tuple[str, ...]) -> None:
    """What only a shell understands would reach the program as an argument, or be looked for as a program."""
    first = words[0] if words[0] in _ONLY_IN_SHELLS or _ASSIGNMENT.match(words[0]) else None
    found = first or next((word for word in words if word in _OF_SHELLS), None)
    if found:
        raise Invalid(
            "entry-needs-a-shell",
            N_("The entry holds {word}, which only a shell understands; no shell reads it."),
            hint=N_("Write sh -c '…' around it, or put it into a script and give that."),
            field="entry",
            word=found,
        )


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
            mode, begin = os.fstat(file.fileno()).st_mode, file.read(_FIRST_BYTES)
    except (OSError, ValueError):
        raise _wrong(N_("The entry {entry} does not exist."), roots, entry=str(path)) from None
    if execute and not mode & 0o111:
        raise Invalid(
            "entry-not-executable",
            N_("The entry {entry} is not executable."),
            hint=N_("Run chmod +x on it, or name its interpreter in front: {interpreter} {entry}"),
            field="entry",
            interpreter=PurePosixPath(_interpreter(begin)).name or ("sh" if path.suffix == ".sh" else "python"),
            entry=str(path),
        )
    if execute:
        _check_interpreter(path, begin)


def _check_interpreter(path: PurePosixPath, begin: bytes) -> None:
    """What the kernel starts by itself is a program or says in its first line which program reads it."""
    first = begin.split(b"\n", 1)[0]
    if begin.startswith(b"#!") and first.endswith(b"\r"):
        raise Invalid(
            "entry-line-ends",
            N_("The lines of {entry} end as on Windows, so that its interpreter is not found."),
            hint=N_("Save it with Unix line ends (sed -i 's/\\r$//' {entry}), or name its interpreter in front."),
            field="entry",
            entry=str(path),
        )
    if not begin.startswith((b"#!", b"\x7fELF")):
        raise Invalid(
            "entry-no-interpreter",
            N_("The entry {entry} does not say which program is to read it: its first line does not begin with #!."),
            hint=N_("Name its interpreter in front, as in python {entry}, or begin the file with #!/usr/bin/env python"),
            field="entry",
            entry=str(path),
        )


def _interpreter(begin: bytes) -> str:
    """The program a script's first line asks for, a path or, by way of ``env``, a name; empty where there is no such line."""
    if not begin.startswith(b"#!"):
        return ""
    words = begin[2:].split(b"\n", 1)[0].decode("utf-8", "replace").split()
    if words and words[0].endswith("/env"):
        words = [word for word in words[1:] if not (word.startswith("-") or _ASSIGNMENT.match(word))]
    return words[0] if words else ""


def check_program(words: tuple[str, ...], roots: Roots, environment: Path | None, image: str) -> None:
    """The entry's program, or the one that is to read its script, is in the image or of the machine.

    What a container image holds (``environment`` None) only its pods know.

    Raises:
        Invalid: it is in neither.
    """
    script = PurePosixPath(words[0])
    if not script.is_absolute() or (place := roots.locate(script)) is None:
        if not _is_there(words[0], roots, environment):
            raise _no_program(words[0], image)
        return
    try:
        with open_beneath(*place) as file:
            program = _interpreter(file.read(_FIRST_BYTES))
    except (OSError, ValueError):
        return
    if not program or _is_there(program, roots, environment):
        return
    if "/" not in program:
        raise _no_program(program, image)
    raise Invalid(
        "interpreter-missing",
        N_("The first line of {entry} asks for {program}, which is not in the image {image}."),
        hint=N_("Name its interpreter in front, as in {name} {entry}, or begin the file with #!/usr/bin/env {name}"),
        field="entry",
        entry=str(script),
        program=program,
        image=image,
        name=PurePosixPath(program).name,
    )


def _no_program(name: str, image: str) -> UserError:
    hint = N_("Check its spelling, or choose another image.")
    return Invalid(
        "program-missing",
        N_("There is no program {program} in the image {image}."),
        hint=hint,
        field="entry",
        program=name,
        image=image,
    )


def _is_there(program: str, roots: Roots, environment: Path | None) -> bool:
    """Whether a launch finds ``program``, a name or an absolute path; True as well where that cannot be seen from here."""
    path = PurePosixPath(program)
    if not path.is_absolute():
        folders = (environment / "bin", *_PROGRAMS) if environment else ()
        return not folders or any(os.path.lexists(folder / path.name) for folder in folders)
    if place := roots.locate(path):
        return _is_beneath(*place)
    if environment is None or path.is_relative_to(INSIDE) or ".." in path.parts:
        return True
    if path.is_relative_to(IMAGE):
        return _is_beneath(environment, str(path.relative_to(IMAGE)))
    return any(path.is_relative_to(top) for top in _OF_MACHINE) and os.path.lexists(path)


def _is_beneath(folder: Path, relative: str) -> bool:
    """Whether there is such a file, or a link, which is not followed; True as well where a folder of the path is one."""
    path = PurePosixPath(relative)
    try:
        with folder_beneath(folder, str(path.parent)) as parent:
            os.stat(path.name, dir_fd=parent, follow_symlinks=False)
    except FileNotFoundError:
        return False
    except (OSError, ValueError):
        return True
    return True


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
