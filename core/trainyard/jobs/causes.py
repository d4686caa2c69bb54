"""What a program's last lines tell about its end, and whether trying again may help. Pure: lines in, a cause out.

A launcher knows exit codes, signals and the kernel's out-of-memory killer. That a program gave up by itself for want of memory
on the GPU or room on the disk stands only in what it said. The words are those of CPython, PyTorch, TensorFlow, MXNet,
MindSpore and glibc.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from trainyard.jobs.states import Cause, ErrorClass

SHARED_MEMORY = "shared-memory"
"""Detail of an ``OUT_OF_MEMORY``: what ran full is ``/dev/shm``."""


@dataclass(frozen=True)
class Told:
    """What the lines name; ``detail`` says more where a cause has several forms."""

    cause: Cause
    detail: str = ""


def _words(*alternatives: str) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{one})" for one in alternatives), re.IGNORECASE)


_RULES: tuple[tuple[re.Pattern[str], Told], ...] = (
    (
        _words(r"insufficient shared memory", r"unable to (?:write|mmap|allocate|resize)[^:]* shared memory"),
        Told(Cause.OUT_OF_MEMORY, SHARED_MEMORY),
    ),
    (_words(r"OOM when allocating tensor.*device:CPU"), Told(Cause.OUT_OF_MEMORY)),
    (
        _words(
            r"CUDA out of memory",
            r"torch\.(?:cuda\.)?OutOfMemoryError",
            r"CUDA error: out of memory",
            r"CUDA_ERROR_OUT_OF_MEMORY",
            r"cudaErrorMemoryAllocation",
            r"cuda(?:Malloc|HostAlloc)\w*.*out of memory",
            r"CU(?:BLAS|DNN)_STATUS_ALLOC_FAILED",
            r"OOM when allocating tensor",
            r"RESOURCE_EXHAUSTED: (?:Out of memory|failed to allocate)",
            r"HIP out of memory",
            r"NPU out of memory",
            r"Device\(id:\d+\) memory isn't enough",
        ),
        Told(Cause.GPU_OUT_OF_MEMORY),
    ),
    (
        _words(
            r"^(?:\w+\.)*_?(?:Array)?MemoryError\b",
            r"Unable to allocate .* for an array with shape",
            r"std::bad_alloc",
            r"\[Errno 12\]",
            r"Cannot allocate memory",
            r"DefaultCPUAllocator: (?:can't allocate|not enough) memory",
            r"java\.lang\.OutOfMemoryError",
        ),
        Told(Cause.OUT_OF_MEMORY),
    ),
    (_words(r"No space left on device", r"Disk quota exceeded", r"\[Errno (?:28|122)\]"), Told(Cause.DISK_FULL)),
)
# what a Python program died of; a line of these that names none of the causes above is the reason itself
_EXCEPTION = re.compile(r"^(?:[A-Za-z_]\w*\.)*[A-Za-z_]\w*(?:Error|Exception)(?::|$)")
# these only report that another process died, whose own last words stand above
_CARRIERS = _words(
    r"ChildFailedError", r"CalledProcessError", r"DataLoader worker", r"ProcessExitedException", r"ProcessRaised"
)
_TRANSIENT = _words(
    r"Connection (?:reset|refused|aborted|timed out)",
    r"Temporary failure in name resolution",
    r"NCCL (?:error|timeout|WARN)",
    r"Watchdog caught collective operation timeout",
    r"uncorrectable ECC error",
    r"Stale file handle",
    r"Transport endpoint is not connected",
    r"\[Errno (?:5|104|110|111|116)\]",
    r"(?:502 Bad Gateway|503 Service Unavailable|504 Gateway Time-?out)",
)
_PERMANENT = _words(
    r"^(?:Syntax|Indentation|Tab|Import|ModuleNotFound|Name|Attribute|Type|FileNotFound|NotADirectory|IsADirectory|Permission|Key"
    r"|Unicode\w*)Error\b",
    r"^usage: ",
    r": command not found$",
    r"error: unrecognized arguments",
)
_BY_CAUSE = {
    Cause.OUT_OF_MEMORY: ErrorClass.PERMANENT,
    Cause.GPU_OUT_OF_MEMORY: ErrorClass.PERMANENT,
    Cause.DISK_FULL: ErrorClass.PERMANENT,
    Cause.EVICTED: ErrorClass.TRANSIENT,
    Cause.SUPERVISOR_LOST: ErrorClass.TRANSIENT,
    Cause.NODE_LOST: ErrorClass.TRANSIENT,
    Cause.NODE_EVICTED: ErrorClass.TRANSIENT,
    Cause.UNSCHEDULABLE: ErrorClass.TRANSIENT,
    Cause.IMAGE_FAILED: ErrorClass.PERMANENT,
    Cause.MOUNT_FAILED: ErrorClass.PERMANENT,
    Cause.LAUNCH_FAILED: ErrorClass.PERMANENT,
}
_NEVER_RUN = (126, 127)
_TRY_LATER = 75
"""``EX_TEMPFAIL`` of ``sysexits.h``: a program's own way to say that trying again may help."""


def told_by(lines: Sequence[str]) -> Told | None:
    """The cause the last lines name, or None. The newest word counts: an error that was overcome is followed by others."""
    for line in reversed(lines):
        words = line.strip()
        for pattern, told in _RULES:
            if pattern.search(words):
                return told
        if _EXCEPTION.match(words) and not _CARRIERS.search(words):
            return None
    return None


def error_class(cause: Cause, exit_code: int | None, lines: Sequence[str]) -> ErrorClass:
    """Whether an attempt that failed this way is worth repeating as it is."""
    if known := _BY_CAUSE.get(cause):
        return known
    if exit_code == _TRY_LATER:
        return ErrorClass.TRANSIENT
    if exit_code in _NEVER_RUN:
        return ErrorClass.PERMANENT
    for line in reversed(lines):
        words = line.strip()
        if _TRANSIENT.search(words):
            return ErrorClass.TRANSIENT
        if _PERMANENT.search(words):
            return ErrorClass.PERMANENT
        if _EXCEPTION.match(words) and not _CARRIERS.search(words):
            break
    return ErrorClass.UNKNOWN
