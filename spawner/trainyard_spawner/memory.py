"""How much memory and computing time a process tree uses, where no control group can be written. Standard library only.

Anonymous and shared memory counts, mapped files do not: a reader of a large LMDB is not to be killed for the page
cache. Format: ``proc(5)``, ``/proc/<pid>/stat``, ``status`` and ``smaps_rollup``.
"""

from __future__ import annotations

import os
import signal
from collections import defaultdict
from contextlib import suppress
from pathlib import Path

PROC = Path("/proc")


def tree(root: int) -> list[int]:
    """``root`` and all its descendants; in a process namespace orphans stay descendants of its first process."""
    children = defaultdict(list)
    for entry in PROC.iterdir():
        if entry.name.isdigit():
            with suppress(OSError, IndexError, ValueError):
                stat = (entry / "stat").read_text()
                children[int(stat.rpartition(")")[2].split()[1])].append(int(entry.name))
    found, waiting = [], [root]
    while waiting:
        pid = waiting.pop()
        found.append(pid)
        waiting += children[pid]
    return found


def used_by(pids: list[int]) -> int:
    """Bytes of anonymous and shared memory the processes use together, shared pages counted once where the kernel tells."""
    return sum(_used(pid) for pid in pids)


def cpu_seconds(pids: list[int]) -> float:
    """What the processes, and those of their children that they have waited for, have computed."""
    ticks = 0
    for pid in pids:
        with suppress(OSError, IndexError, ValueError):
            fields = (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
            ticks += sum(int(one) for one in fields[11:15])
    return ticks / os.sysconf("SC_CLK_TCK")


def kill(pids: list[int]) -> None:
    """Kill each of them."""
    for pid in pids:
        with suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)


def start_time(pid: int) -> int | None:
    """When the process started, in clock ticks since boot: with the pid it names one process for ever; None when it is gone."""
    try:
        after_name = (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if after_name[0] == "Z" else int(after_name[19])


def _used(pid: int) -> int:
    # a program may close its memory map to others; its status stays readable, and counts shared pages each time
    for name, fields in (("smaps_rollup", ("Pss_Anon:", "Pss_Shmem:")), ("status", ("RssAnon:", "RssShmem:"))):
        with suppress(OSError, IndexError, ValueError):
            lines = (line.split() for line in (PROC / str(pid) / name).read_text().splitlines())
            counted = [int(words[1]) for words in lines if words and words[0] in fields]
            if counted:
                return sum(counted) << 10
    return 0
