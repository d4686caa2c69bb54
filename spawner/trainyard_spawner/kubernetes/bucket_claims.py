"""Buckets as files on a cluster: a claim of the administrator's, which a CSI driver fills, for those whose bucket it holds.

Nothing is mounted by us and no key leaves the service: the driver has keys of its own. A folder of the state folder stands for
each claim, so that a launch's mount names it as it names every other folder (``volumes``).
"""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from trainyard.errors import Unavailable, UserError
from trainyard.home import Home
from trainyard.jobs.buckets import BucketSpec
from trainyard.jobs.launch import Mount
from trainyard.words import N_

from trainyard_spawner.kubernetes.configuration import BUCKETS, BucketClaim, load, place_of

if TYPE_CHECKING:
    from trainyard.jobs.buckets import BucketMounter

INSIDE = PurePosixPath("/workspace/mnt/bucket")


class BucketClaims:
    """The buckets that ``kubernetes.yaml`` names claims for."""

    def __init__(self, home: Home) -> None:
        self._home = Home(home.root.resolve())
        self._claims = {(one.endpoint, one.bucket): one for one in load(place_of(home)).buckets}

    def problem(self, endpoint: str, bucket: str) -> UserError | None:
        """Why this bucket is not shown as files, or None."""
        if self._claim(endpoint, bucket) is not None:
            return None
        return Unavailable(
            "bucket-not-on-cluster",
            N_("No volume of the cluster shows the bucket {bucket} as files; its page and the uploads work."),
            hint=N_("An administrator names a claim for it under `buckets` in kubernetes.yaml."),
            bucket=bucket,
        )

    def mount(self, spec: BucketSpec) -> tuple[Mount, ...]:
        """The claim of the owner's bucket, or nothing."""
        claim = self._claim(spec.endpoint, spec.bucket)
        if claim is None:
            return ()
        folder = self._home.root / BUCKETS / claim.claim
        folder.mkdir(parents=True, exist_ok=True)
        return (Mount(source=folder, target=Path(INSIDE / spec.bucket), read_only=claim.read_only),)

    def is_mounted(self, owner: int) -> bool:
        """False: which pods mount a claim is the cluster's business."""
        return False

    def lost(self) -> list[int]:
        """Nobody: who serves a claim is the driver's business."""
        return []

    def unmount(self, owner: int) -> None:
        """Nothing: a claim is mounted for as long as its pods run."""

    def tidy(self) -> None:
        """Nothing is left behind."""

    def _claim(self, endpoint: str, bucket: str) -> BucketClaim | None:
        return self._claims.get((endpoint.rstrip("/"), bucket))


if TYPE_CHECKING:

    def _fits(claims: BucketClaims) -> BucketMounter:
        return claims
