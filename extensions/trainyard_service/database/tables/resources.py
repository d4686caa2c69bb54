"""What administrators declare to be given out: resource packages, and named shares of the machine."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger
from sqlalchemy.orm import Mapped, mapped_column

from trainyard_service.database.base import Table, now


class PackageRow(Table):
    """A resource package; ``memory`` in bytes. Without ``gpu_type`` any GPU does. ``place`` is its place in the list."""

    __tablename__ = "packages"

    name: Mapped[str] = mapped_column(primary_key=True)
    cpu: Mapped[float]
    memory: Mapped[int] = mapped_column(BigInteger)
    gpu: Mapped[int] = mapped_column(default=0)
    gpu_type: Mapped[str | None]
    place: Mapped[int] = mapped_column(default=0)


class ClusterRow(Table):
    """A virtual cluster: a share of the machine with these GPUs, for members of these groups (none: for everybody).

    ``person`` is a ``Quota`` as JSON: what each person may use of it. ``hours`` is the longest time limit in it.
    """

    __tablename__ = "clusters"

    name: Mapped[str] = mapped_column(primary_key=True)
    description: Mapped[str] = mapped_column(default="")
    device_type: Mapped[str | None]
    cpu: Mapped[float]
    memory: Mapped[int] = mapped_column(BigInteger)
    gpu: Mapped[int] = mapped_column(default=0)
    devices: Mapped[list[str]] = mapped_column(default=list)
    person: Mapped[dict[str, Any]] = mapped_column(default=dict)
    hours: Mapped[float]
    groups: Mapped[list[str]] = mapped_column(default=list)
    created: Mapped[datetime] = mapped_column(default=now)
