"""Whose bytes lie on the volume, and what deleting an account would mean. All sizes in bytes."""

from __future__ import annotations

from datetime import datetime

from trainyard.records.base import Person, Record


class DiskParts(Record):
    """What the bytes are: files on the share, the private home, datasets with their pictures, formatted sets, models, the run
    folders of trainings, and uploads that are under way or not used yet."""

    share: int = 0
    home: int = 0
    datasets: int = 0
    formatted: int = 0
    models: int = 0
    runs: int = 0
    uploads: int = 0


class DiskRow(Record):
    """What a group (``person`` None), or one person in it, has on the volume. ``group`` None: people without a group.

    ``limit`` None is no limit of its own.
    """

    group: str | None
    person: Person | None = None
    used: int
    limit: int | None
    parts: DiskParts


class DiskUse(Record):
    """Who has how much on the volume: everybody for administrators; own rows, and the sums of one's groups, for others.

    ``measured`` is when shares, homes and run folders were last measured (None: not yet); the rest is as of now.
    """

    measured: datetime | None
    groups: list[DiskRow]
    people: list[DiskRow]
    volume_total: int | None = None
    volume_free: int | None = None


class AccountDeletion(Record):
    """What deleting an account takes away and what it leaves; names of things, sizes in bytes.

    ``running`` names jobs and workspace that stop at once. Removed files are kept for ``kept_days`` in case of a mistake.
    """

    id: int
    name: str
    becomes: str
    groups: list[str]
    running: list[str]
    datasets_removed: list[str]
    datasets_kept: list[str]
    models_removed: list[str]
    models_kept: int
    trainings_kept: int
    home: int
    bucket: str | None
    kept_days: float
