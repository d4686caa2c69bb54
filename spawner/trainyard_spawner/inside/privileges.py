"""Becoming the person a sandbox belongs to, for good: no capability, no way back, no view into the first process.

Done here in Python because a bare machine may lack ``setpriv`` and ``prlimit``. Numbers are those of ``linux/prctl.h``.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
from collections.abc import Sequence
from pathlib import Path

PR_SET_PDEATHSIG = 1
PR_SET_DUMPABLE = 4
PR_CAPBSET_DROP = 24
PR_SET_NO_NEW_PRIVS = 38
OPEN_FILES = 65536


def become(uid: int, gid: int, groups: Sequence[int]) -> None:
    """Turn the calling root process into ``uid``; does nothing where a user namespace has already done it."""
    if os.getuid() == 0 and uid != 0:
        _drop_bounding_set()
        os.setgroups(list(groups))
        os.setresgid(gid, gid, gid)
        os.setresuid(uid, uid, uid)
        _clear_capabilities()
    prctl(PR_SET_NO_NEW_PRIVS, 1)
    # a change of user clears the parent-death signal, without which a killed supervisor would leave the sandbox behind
    prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    # the first process shares its user with everything it starts; nobody shall read its memory or its descriptors
    prctl(PR_SET_DUMPABLE, 0)


def limit_resources() -> None:
    """No core dumps; as many open files as data loaders want, where the machine allows it."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    most = OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, OPEN_FILES)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    os.umask(0o002)


def prctl(option: int, value: int) -> None:
    """One ``prctl(2)`` call.

    Raises:
        OSError: the kernel refuses.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(option, ctypes.c_ulong(value), 0, 0, 0) != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"prctl {option}: {os.strerror(code)}")


def _clear_capabilities() -> None:
    """The change of user cleared all sets but the inheritable one (``capset(2)``, version 3 of its header)."""
    libc = ctypes.CDLL(None, use_errno=True)
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)
    libc.capset(ctypes.byref(header), ctypes.byref((ctypes.c_uint32 * 6)()))


def _drop_bounding_set() -> None:
    for capability in range(int(Path("/proc/sys/kernel/cap_last_cap").read_text()) + 1):
        prctl(PR_CAPBSET_DROP, capability)
