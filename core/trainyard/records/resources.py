"""What an administrator declares to be given out: resource packages, virtual clusters, types of GPUs."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from trainyard.names import resource_name
from trainyard.records.accounts import Quota, Use
from trainyard.records.base import Description, Record

ResourceName = Annotated[str, AfterValidator(resource_name)]
"""Letters, digits, dot, dash and underscore: it stands in commands and addresses."""


class NewPackage(Record):
    """What one start with this package takes; ``memory`` in bytes. Without ``gpu_type`` any GPU does."""

    cpu: float = Field(gt=0)
    memory: int = Field(ge=2**20)
    gpu: int = Field(default=0, ge=0)
    gpu_type: str | None = None


class DeviceType(Record):
    """A type of GPU of the machine: how many there are, and how many nobody holds now."""

    name: str
    count: int
    free: int


class NewCluster(Record):
    """A named share of the machine: cores, bytes and GPUs (of ``device_type``, None: any) that are taken out of the rest.

    ``person`` is what each person may use of it at once; ``hours`` the longest time limit there; ``groups`` may use it (none
    named: everybody).
    """

    description: Description = ""
    device_type: str | None = None
    cpu: float = Field(gt=0)
    memory: int = Field(gt=0)
    gpu: int = Field(default=0, ge=0)
    person: Quota = Quota()
    hours: float = Field(default=72, gt=0, le=24 * 366)
    groups: list[str] = []


class Cluster(NewCluster):
    """A virtual cluster with what is used of it; ``mine`` is what the caller uses."""

    name: str
    use: Use = Use()
    mine: Use = Use()


class PackageChoice(Record):
    """Another package for something that waits."""

    package: str
