"""Mounts buckets by FUSE on this machine: starts a process a mount, cleans up after killed ones, passes new mounts on.

As root the folder of mounts is a shared mount: what is mounted below it appears in the sandboxes that are running already,
so that a start need not wait for the mount, and a mount whose process was killed is replaced under running programs. As an
ordinary user a start waits for its mount, and whether a lost one is replaced under running programs depends on the machine
(systemd makes ``/`` shared); where it is not, it is back at the next start.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from trainyard.errors import Unavailable, UserError
from trainyard.home import Home
from trainyard.jobs.buckets import BucketSpec
from trainyard.jobs.launch import Mount
from trainyard.words import N_

from trainyard_spawner.buckets import kernel
from trainyard_spawner.buckets.places import Places
from trainyard_spawner.locks import Lock

if TYPE_CHECKING:
    from trainyard.jobs.buckets import BucketMounter

log = logging.getLogger(__name__)
INSIDE = Path("/workspace/mnt/bucket")
ENTRY = "import sys; sys.path.insert(0, sys.argv.pop(1)); from trainyard_spawner.buckets.daemon import main; main()"
# what a store behind a proxy, or with a certificate of the house, needs
PASSED_ON = (
    "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy", "AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE",
    "SSL_CERT_FILE",
)  # fmt: skip
ROOM = 16 << 30
START_SECONDS = 10.0
END_SECONDS = 5.0


class BucketMounts:
    """The mounts of one home. ``room``: bytes of local disk that files being written may take per mount."""

    def __init__(self, home: Home, *, room: int = ROOM) -> None:
        self._places = Places(home.root.resolve())
        self._home = home.root.resolve()
        self._room = room

    # -- the contract -----------------------------------------------------------------------------------------------

    def problem(self, endpoint: str, bucket: str) -> UserError | None:
        """Why no bucket can be mounted on this machine, or None."""
        return PROBLEMS.get(kernel.missing() or "")

    def mount(self, spec: BucketSpec) -> tuple[Mount, ...]:
        """See to it that the bucket is mounted; what a launch mounts.

        Raises:
            Unavailable: the machine refused (``mount-failed``).
        """
        if self.problem(spec.endpoint, spec.bucket) is not None:
            return ()
        self._places.make()
        folder = self._places.owner(spec.owner)
        with Lock.take(self._places.guard):
            self._places.wanted(spec.owner).touch()
            if not self._places.is_served(spec.owner):
                self._clean(spec.owner)
                self._start(spec, folder / spec.bucket)
        return (Mount(source=folder, target=INSIDE, read_only=False),)

    def is_mounted(self, owner: int) -> bool:
        """Whether the owner's bucket is served now."""
        return self._places.is_served(owner)

    def lost(self) -> list[int]:
        """Owners whose launches use a mount that nobody serves any more."""
        return sorted(owner for owner in self._places.used() if not self._places.is_served(owner))

    def unmount(self, owner: int) -> None:
        """End the owner's mount, used or not."""
        if not self._places.state.is_dir():
            return
        with Lock.take(self._places.guard):
            self._places.wanted(owner).unlink(missing_ok=True)
            self._clean(owner)
            kernel.unshare(self._places.root)

    def tidy(self) -> None:
        """Remove what killed processes left behind."""
        if not self._places.state.is_dir():
            return
        with Lock.take(self._places.guard):
            for owner in self._places.owners():
                if not self._places.is_served(owner):
                    self._clean(owner)
            kernel.unshare(self._places.root)

    # -- the platform's stop ----------------------------------------------------------------------------------------

    def end_unused(self) -> None:
        """End the mounts that no launch uses, also those asked for a moment ago: nothing will be started any more."""
        used = self._places.used()
        for owner in self._places.owners():
            if owner not in used:
                self.unmount(owner)

    # -- inner, all under the guard ---------------------------------------------------------------------------------

    def _start(self, spec: BucketSpec, point: Path) -> None:
        shared = self._share()
        point.mkdir(mode=0o755, parents=True, exist_ok=True)
        # where no mount covers it nobody shall write: it would not be in the bucket (fusermount3 wants to, and we wait for it)
        point.parent.chmod(0o555)
        point.chmod(0o555 if os.geteuid() == 0 else 0o700)
        plan = {
            "home": str(self._home),
            "owner": spec.owner,
            "point": str(point),
            "uid": spec.identity.uid,
            "gid": spec.identity.gid,
            "room": self._room,
            "place": spec.model_dump(include={"endpoint", "bucket", "region", "access_key", "secret_key", "direct", "inward"}),
        }
        with Lock.take(self._places.lock(spec.owner)) as lock:
            self._spawn(spec.owner, json.dumps(plan), lock)
        if not (shared and os.geteuid() == 0) and not self._appears(point, spec.owner):
            said = self._places.log(spec.owner).read_text(errors="replace").strip()
            log.warning("the mount of %s failed: %s", spec.bucket, said)
            first = said.partition("\n")[0]
            raise Unavailable(
                "mount-failed", N_("The bucket {bucket} could not be mounted: {reason}"), bucket=spec.bucket, reason=first
            )

    def _spawn(self, owner: int, plan: str, lock: Lock) -> None:
        room = str(Path(__file__).resolve().parents[2])
        environment = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
        with self._places.log(owner).open("wb") as said:
            subprocess.run(
                # -I keeps PYTHONPATH and the working folder out; the plan comes by a pipe and is seen by nobody
                [sys.executable, "-I", "-c", ENTRY, room],
                input=plan.encode(),
                stdout=said,
                stderr=said,
                cwd="/",
                env={"LANG": "C.UTF-8", "PATH": os.environ.get("PATH", os.defpath), **environment},
                pass_fds=(lock.descriptor,),
                start_new_session=True,
                check=True,
            )

    def _appears(self, point: Path, owner: int) -> bool:
        """Wait until it is mounted, or its process has given up."""
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self._places.is_served(owner):
            if any(one.path == point for one in kernel.mounts_below(point)):
                return True
            time.sleep(0.02)
        return False

    def _clean(self, owner: int) -> None:
        """Whatever is mounted for ``owner`` goes; who serves it ends by that."""
        folder = self._places.owner(owner)
        for one in kernel.mounts_below(folder):
            kernel.detach(one.path)
        deadline = time.monotonic() + END_SECONDS
        while self._places.is_served(owner):
            self._end(owner, force=time.monotonic() > deadline)
            time.sleep(0.02)
        for one in kernel.mounts_below(folder):
            kernel.detach(one.path)
        with suppress(OSError):
            folder.chmod(0o755)
            for point in folder.iterdir():
                point.rmdir()

    def _end(self, owner: int, *, force: bool) -> None:
        """A process that is still mounting does not see the unmount; the lock says that the pid it wrote is its own."""
        with suppress(OSError, ValueError):
            descriptor = os.pidfd_open(int(self._places.pid(owner).read_text()))
            try:
                if self._places.is_served(owner):
                    signal.pidfd_send_signal(descriptor, signal.SIGKILL if force else signal.SIGTERM)
            finally:
                os.close(descriptor)

    def _share(self) -> bool:
        """Whether a mount made now appears in running sandboxes."""
        if kernel.is_shared(self._places.root):
            return True
        if os.geteuid() != 0:
            return False
        try:
            kernel.share(self._places.root)
        except OSError as error:
            log.warning("mounts cannot be passed on into running sandboxes: %s", error)
            return False
        return True


PROBLEMS: dict[str, UserError] = {
    "device": Unavailable(
        "no-fuse",
        N_("This machine has no FUSE (/dev/fuse), so a bucket cannot be shown as files; its page and the uploads work."),
        hint=N_("An administrator loads it with: modprobe fuse"),
    ),
    "library": Unavailable(
        "no-fuse",
        N_("The library libfuse 3 is not installed, so a bucket cannot be shown as files; its page and the uploads work."),
        hint=N_("An administrator installs it with: apt-get install fuse3"),
    ),
    "helper": Unavailable(
        "no-fuse",
        N_("The program fusermount3 is not installed, so a bucket cannot be shown as files; its page and the uploads work."),
        hint=N_("An administrator installs it with: apt-get install fuse3"),
    ),
}


if TYPE_CHECKING:

    def _fits(mounts: BucketMounts) -> BucketMounter:
        return mounts
