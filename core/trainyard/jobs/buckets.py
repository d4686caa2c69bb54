"""What it takes to show a bucket as files inside of sandboxes, and the contract of what does it.

A mount belongs to one person and outlives whoever asked for it: it lasts as long as launches use it. Implementations live in
``trainyard_spawner``; the service, which alone can decrypt the keys, reaches them by a dotted name.
"""

from __future__ import annotations

from typing import Protocol

from pydantic import Field

from trainyard.errors import UserError
from trainyard.jobs.launch import Frozen, Identity, Mount

ON_CLUSTER = "trainyard_spawner.kubernetes.bucket_claims:BucketClaims"
"""The mounter whose buckets are claims of a cluster: what is mounted on this machine, no pod can see."""


class BucketSpec(Frozen):
    """One bucket to be mounted. ``owner`` keys the mount; ``direct``: the store is reached without the environment's proxy;
    ``inward``: it may lie on this machine or in its network.
    """

    owner: int = Field(ge=0)
    bucket: str = Field(pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$")
    endpoint: str
    region: str = ""
    access_key: str = Field(repr=False)
    secret_key: str = Field(repr=False)
    direct: bool = False
    inward: bool = False
    identity: Identity


class BucketMounter(Protocol):
    """Mounts buckets; keys go to what serves the mount and nowhere else."""

    def problem(self, endpoint: str, bucket: str) -> UserError | None:
        """Why this bucket cannot be shown, or None."""
        ...

    def mount(self, spec: BucketSpec) -> tuple[Mount, ...]:
        """See to it that the bucket is mounted and stays so for the launch about to start; what that launch mounts.

        Mounted already, it only says so. Empty where the machine cannot.

        Raises:
            trainyard.errors.UserError: it should, and did not.
        """
        ...

    def is_mounted(self, owner: int) -> bool:
        """Whether the owner's bucket is served now."""
        ...

    def lost(self) -> list[int]:
        """Owners whose launches use a mount that nobody serves any more: mount theirs again."""
        ...

    def unmount(self, owner: int) -> None:
        """End the owner's mount, used or not; programs that use it get errors."""
        ...

    def tidy(self) -> None:
        """Remove what killed processes left behind."""
        ...
