"""The process that serves one mount: started with its plan on standard input, it ends when nobody uses the mount any more.

The plan holds the keys, which are therefore in no file, no argument and no environment. The process is a session of its own and
outlives hub and service: jobs that use the bucket go on while the platform is stopped. It inherits the locked file that tells
that the mount is served.
"""

from __future__ import annotations

import ctypes
import json
import logging
import os
import sys
import threading
import time
from pathlib import Path
from typing import Any

from trainyard_spawner.buckets import kernel
from trainyard_spawner.buckets.places import Places
from trainyard_spawner.locks import Lock

log = logging.getLogger(__name__)
PR_SET_DUMPABLE = 4
LOOK_SECONDS = 20.0
THREADS = 16


def main() -> None:
    """Read the plan, detach, serve."""
    plan = json.loads(sys.stdin.buffer.read())
    # no core dump, and no look into the memory by another process of the same user: the keys are there
    ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
    if os.fork():
        os._exit(0)
    os.environ["FUSE_LIBRARY_PATH"] = kernel.library() or ""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(message)s")
    point, places = Path(plan["point"]), Places(Path(plan["home"]))
    places.pid(plan["owner"]).write_text(str(os.getpid()))
    watcher = threading.Thread(target=_end_when_unused, args=(places, plan["owner"], point), daemon=True)
    watcher.start()
    try:
        serve(plan, point)
    except RuntimeError as ended:
        # libfuse has said why, when there is a reason; an unmount from outside is the usual one
        log.warning("the mount has ended: %s", ended)


def serve(plan: dict[str, Any], point: Path) -> None:
    """Mount and answer until somebody unmounts."""
    import mfusepy

    from trainyard_spawner.buckets.drafts import Room
    from trainyard_spawner.buckets.filesystem import BucketFiles, Owner
    from trainyard_spawner.buckets.store import Place, Store

    root = os.geteuid() == 0
    files = BucketFiles(
        Store(Place(**plan["place"])),
        Room(Places(Path(plan["home"])).drafts, plan["room"]),
        Owner(plan["uid"], plan["gid"]) if root else Owner(os.getuid(), os.getgid()),
    )
    mfusepy.FUSE(
        files,
        str(point),
        foreground=True,
        fsname=plan["place"]["bucket"],
        subtype="trainyard",
        default_permissions=True,
        # as an ordinary user everything runs under one user id, and the kernel lets only that one in
        allow_other=root,
        auto_cache=True,
        attr_timeout=1,
        entry_timeout=1,
        negative_timeout=0,
        hard_remove=True,
        max_threads=THREADS,
        nosuid=True,
        nodev=True,
    )


def _end_when_unused(places: Places, owner: int, point: Path) -> None:
    while True:
        time.sleep(LOOK_SECONDS)
        if places.is_wanted(owner):
            continue
        with Lock.take(places.guard):
            # nobody can begin to want it while the guard is held
            if not places.is_wanted(owner):
                kernel.detach(point)
                kernel.unshare(places.root)
                os._exit(0)


if __name__ == "__main__":
    main()
