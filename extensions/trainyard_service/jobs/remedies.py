"""What to do about an end, in words, and the package that has twice the memory where that is what was short."""

from __future__ import annotations

import re
import signal
from typing import Any

from sqlalchemy.orm import Session
from trainyard.jobs.causes import SHARED_MEMORY
from trainyard.jobs.states import Cause
from trainyard.quotas import PackageSize, Request, given_by, never
from trainyard.words import N_, translate

from trainyard_service.jobs.gang import Parts, other_sizes
from trainyard_service.jobs.ledger import Ledger

TWICE = "twice-the-memory"
_EXCEPTION = re.compile(r"^(?:[A-Za-z_]\w*\.)*[A-Za-z_]\w*(?:Error|Exception)(?::|$)")
_DEFAULT = {
    Cause.EXITED: N_("Read the last lines of its output: they say what it stumbled over. Mend that, then start it again."),
    Cause.SIGNALLED: N_("Something sent it a signal; the last lines of its output may tell what."),
    Cause.OUT_OF_MEMORY: N_("Take a package with more memory, or a smaller batch size or fewer loading processes."),
    Cause.GPU_OUT_OF_MEMORY: N_(
        "Take a smaller batch size or smaller pictures, compute in half precision, or a package with more GPUs or larger ones."
    ),
    Cause.DISK_FULL: N_(
        "Delete what is not needed on the group's share, or ask an administrator for more. In the sandbox /tmp and /dev/shm "
        "lie in memory, half of the package's each: large files belong on the share."
    ),
    Cause.TIME_LIMIT: N_(
        "If it saved a checkpoint, continue it from there; if not, start it again with more hours, or let it save more often."
    ),
    Cause.IDLE: N_("Start it again when you need it; files are kept. Long computations belong into a training."),
    Cause.EVICTED: N_("It waits for its turn again and goes on then; nothing to do."),
    Cause.STOPPED: N_("Files are kept. Start it again whenever you like."),
    Cause.SUPERVISOR_LOST: N_("It was nothing in your program. Start it again; with checkpoints it goes on from the last one."),
    Cause.NODE_LOST: N_("It was nothing in your program. Start it again; with checkpoints it goes on from the last one."),
    Cause.NODE_EVICTED: N_("It was nothing in your program. Start it again; with checkpoints it goes on from the last one."),
    Cause.UNSCHEDULABLE: N_("Take a smaller package, or start it again when the cluster has room."),
    Cause.IMAGE_FAILED: N_("Choose another image or version, or ask an administrator to build this one."),
    Cause.MOUNT_FAILED: N_("Something it needs has been moved or deleted. Choose again what to mount, then start it again."),
    Cause.LAUNCH_FAILED: N_("Nothing ran. Mend what the reason names, then start it again."),
}
_BY_EXIT = {
    2: N_("Exit code 2 usually says that the arguments were wrong: read the last lines and mend the command."),
    126: N_("The file could not be executed: run chmod +x on it, or name its interpreter in front, as in python train.py."),
    127: N_("A program that the command names was not found in the image: check the spelling, or choose another image."),
}
_BY_SIGNAL: dict[int, str] = {
    signal.SIGSEGV: N_(
        "It touched memory that is not its own: a fault in native code, often libraries whose versions do not fit."
    ),
    signal.SIGABRT: N_("A library ended it after a check of its own had failed; the last lines usually say which."),
    signal.SIGBUS: N_(
        "A file it had mapped became shorter, or /dev/shm ran full: take fewer loading processes or more memory."
    ),
    signal.SIGKILL: N_("Something inside killed it without a word; if it used much memory, take a package with more."),
    signal.SIGILL: N_("A library uses instructions this processor does not have: choose another image."),
    signal.SIGFPE: N_("A division by zero in native code ended it; the last lines may tell where."),
}
_BY_WORDS = (
    (
        re.compile(r"^(?:ModuleNotFound|Import)Error: No module named '(?P<what>[\w.]{1,80})'"),
        N_("The image has no module {what}: choose another image, or have pip install it to a folder of the share first."),
    ),
    (
        re.compile(r"^(?:FileNotFound|NotADirectory)Error: .*: '(?P<what>[^']{1,200})'$"),
        N_("{what} is not there inside: it sees /workspace, and of the share only its group's. Mend the path, then start it."),
    ),
    (
        re.compile(r"^PermissionError: .*: '(?P<what>[^']{1,200})'$"),
        N_("It may not use {what}: write below its run folder or its owner's folder on the share."),
    ),
)
_SHARED = N_("Take fewer loading processes (num_workers), smaller batches, or a package with more memory.")


def suggestion(ending: dict[str, Any], language: str) -> str:
    """What a person may do now; empty for a good end."""
    cause, code, number = Cause(ending["cause"]), ending.get("exit_code"), ending.get("signal")
    if (cause is Cause.EXITED and code == 0) or (cause is Cause.TIME_LIMIT and ending.get("dry_run")):
        return ""
    words = _DEFAULT[cause]
    if cause is Cause.EXITED:
        if told := _told(ending.get("last_lines") or []):
            return translate(told[0], language, what=told[1])
        words = _BY_EXIT.get(code or 0, words)
    elif cause is Cause.SIGNALLED:
        words = _BY_SIGNAL.get(number or 0, words)
    elif ending.get("detail") == SHARED_MEMORY:
        words = _SHARED
    return translate(words, language)


def _told(lines: list[str]) -> tuple[str, str] | None:
    """What to do about the exception a Python program died of, and what that names; the newest line that is one counts."""
    for line in reversed(lines):
        for pattern, words in _BY_WORDS:
            if found := pattern.match(line.strip()):
                return words, found["what"]
        if _EXCEPTION.match(line):
            return None
    return None


def twice_the_memory(session: Session, ledger: Ledger, asked: Request, has: tuple[str, Parts]) -> dict[str, str] | None:
    """The smallest package with twice the memory of what it ``has`` (and no fewer GPUs or cores) that quotas ever allow.

    ``has``: its package, and its replicas.
    """
    package, parts = has
    offered = given_by(ledger.capacity.machine, other_sizes(parts, [*ledger.sizes(session).values()]))
    mine = next((size for size in offered if size.name == package), None)
    if mine is None:
        return None
    limits = ledger.limits(session)
    for size in sorted(offered, key=_size):
        enough = size.memory >= 2 * mine.memory and size.gpu >= mine.gpu and size.cpu >= mine.cpu
        if enough and never(Request("offer", asked.person, asked.group, size.amount(asked.amount.jobs)), limits) is None:
            return {"kind": TWICE, "package": size.name}
    return None


def _size(size: PackageSize) -> tuple[float, ...]:
    return size.gpu, size.memory, size.cpu
