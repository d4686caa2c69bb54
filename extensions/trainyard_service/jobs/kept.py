"""What stays of a job's launches, written by their supervisors: what they used, when they wrote what, logs of their own."""

from __future__ import annotations

import json
import re
import shutil
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import and_, select
from sqlalchemy.orm import Session
from trainyard.home import Home
from trainyard.jobs.launch import OUTPUT
from trainyard.jobs.states import ENDED
from trainyard.metrics.beneath import open_beneath
from trainyard.records.jobs import JobKind
from trainyard.records.monitoring import JobUsage

from trainyard_service.database.base import now
from trainyard_service.database.tables.jobs import AllocationRow, BookingRow, JobRow

USAGE = "usage.jsonl"
_DAYS = 7
"""So long what a job used can be looked at, unless it is a training: a training's stays until it is deleted."""
_FIELDS = ("times", "cpu", "memory", "gpu", "gpu_memory", "disk_read", "disk_write", "network_in", "network_out")
_WHOLE = (len(_FIELDS), len(_FIELDS) + 1)
"""How many numbers a line has; the last, what the cards have of memory together, is not told in older files."""
_OF_JOB = re.compile(r"job-([0-9a-f]{16})-")
_WORKSPACE = re.compile(r"workspace-\d+-\d+")
_UNREAD = select(BookingRow.key).where(BookingRow.meter.is_(None))
_FOLDER = re.compile(r"job-[0-9a-f]{16}-(\d+)(?:-([a-z]+\d+))?")
_STEP = 30.0
"""Seconds after its last sample for which a replica still counts; a sampler's longest step at the beginning."""
_LARGER = frozenset({"memory", "gpu_memory"})
_LARGEST_FILE, _LARGEST_NUMBER = 4 << 20, 1e18
"""Where a launch is a pod its supervisor writes as its person, whose programs could write something else."""


def folders(home: Home, job_id: str, replica: str = "") -> list[Path]:
    """The folders of a job's attempts, or those of one of its replicas, the first attempt first."""
    return [one[replica] for _, one in sorted(_attempts(home, job_id).items()) if replica in one]


def _attempts(home: Home, job_id: str) -> dict[int, dict[str, Path]]:
    """The folders by attempt and replica; of one process the replica has no name."""
    found: dict[int, dict[str, Path]] = {}
    for path in home.kept("x").parent.glob(f"job-{job_id}-*"):
        if match := _FOLDER.fullmatch(path.name):
            found.setdefault(int(match[1]), {})[match[2] or ""] = path
    return found


def remove(home: Home, job_id: str) -> None:
    """The job is gone."""
    for folder in home.kept("x").parent.glob(f"job-{job_id}-*"):
        discard(folder)


def discard(folder: Path) -> None:
    """Remove what stays of one launch: a folder, or on a cluster, until it is forgotten, a link to the launch's own."""
    if folder.is_symlink():
        folder.unlink(missing_ok=True)
    else:
        shutil.rmtree(folder, ignore_errors=True)


def clear(home: Home, session: Session) -> list[str]:
    """Remove what is left of jobs that are gone, and of workspaces that hold nothing any more and whose samples have been read;
    of jobs that ended a week ago, trainings aside, all but their logs. The names of the folders.
    """
    found = _by_job(home)
    workspaces = [path for path in home.kept("x").parent.glob("workspace-*") if _WORKSPACE.fullmatch(path.name)]
    needed = {*session.scalars(select(AllocationRow.key)), *session.scalars(_UNREAD)}
    ended = and_(JobRow.state.in_(ENDED), JobRow.ended < now() - timedelta(days=_DAYS))
    old = set(session.scalars(select(JobRow.id).where(JobRow.kind != JobKind.TRAIN, ended)))
    jobs = set(session.scalars(select(JobRow.id)))
    gone = [folder for folder, job_id in found.items() if job_id not in jobs]
    gone += [folder for folder in workspaces if folder.name not in needed]
    for folder in gone:
        discard(folder)
    gone += [folder for folder, job_id in found.items() if job_id in old and _thinned(folder)]
    return [folder.name for folder in gone]


def _thinned(folder: Path) -> bool:
    """Whether there was something to remove of one launch beside its log."""
    if folder.is_symlink():
        return False
    there = [path for path in folder.iterdir() if path.name != OUTPUT]
    for path in there:
        path.unlink()
    with suppress(OSError):
        folder.rmdir()  # it has a log else
    return bool(there)


def _by_job(home: Home) -> dict[Path, str]:
    """The folders of all jobs, with the job's id."""
    matches = {path: _OF_JOB.match(path.name) for path in home.kept("x").parent.glob("job-*")}
    return {path: match[1] for path, match in matches.items() if match}


def usage(home: Home, job_id: str, points: int, replica: str = "") -> JobUsage:
    """What the job used, at most about so many samples: neighbours are joined, of memory the larger stays.

    Of several replicas together, or of one of them.
    """
    samples: list[list[float | None]] = []
    attempts, cards = [], None
    for _, found in sorted(_attempts(home, job_id).items()):
        attempts.append(len(samples))
        several = [samples_in(folder) for name, folder in sorted(found.items()) if replica in ("", name)]
        together = several[0] if len(several) == 1 else _summed(several)
        # of replicas some end before the others, and their cards with them
        cards = max((one[-1] for one in together if one[-1] is not None), default=cards)
        samples += together
    width = max(1, -(-len(samples) // points))
    columns = {name: _joined([one[place] for one in samples], width, name) for place, name in enumerate(_FIELDS)}
    begins = [begin // width for begin in attempts]
    return JobUsage.model_validate({"job": job_id, "attempts": begins, "gpu_memory_limit": cards, **columns})


def samples(home: Home, job_id: str, attempt: int) -> list[list[float | None]]:
    """What one attempt of a job used, of all its replicas together; nothing where that is not kept (any more)."""
    alone = home.kept(f"job-{job_id}-{attempt}")
    if alone.exists():  # mostly there are no replicas, and then nobody need look through the folders of all jobs
        return samples_in(alone)
    several = [samples_in(folder) for _, folder in sorted(_attempts(home, job_id).get(attempt, {}).items())]
    return several[0] if len(several) == 1 else _summed(several)


def samples_in(folder: Path) -> list[list[float | None]]:
    """What one launch used, the earliest first; a line that is torn or foreign is passed over."""
    found = []
    try:
        with open_beneath(folder, USAGE) as file:
            lines = file.read(_LARGEST_FILE).decode(errors="replace").splitlines()
    except OSError:
        return []
    for line in lines:
        try:
            sample = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(sample, list) and _is_sample(sample):
            found.append([*sample, *[None] * (_WHOLE[-1] - len(sample))])
    return sorted(found, key=_at)


def _is_sample(told: list[Any]) -> bool:
    numbers = [value for value in told if value is not None]
    within = all(isinstance(value, int | float) and abs(value) < _LARGEST_NUMBER for value in numbers)
    return within and len(told) in _WHOLE and told[0] is not None


def _summed(several: list[list[list[float | None]]]) -> list[list[float | None]]:
    """Samples of processes that ran at the same time, added up at the moments of the one with the most of them.

    Every one has the earliest first: at each of those moments at least the one with the most counts.
    """
    moments = max(several, key=len, default=[])
    places, summed = [0] * len(several), []
    for moment in moments:
        now: list[list[float | None]] = []
        for number, samples in enumerate(several):
            while places[number] < len(samples) and _at(samples[places[number]]) <= _at(moment):
                places[number] += 1
            if places[number] and not (places[number] == len(samples) and _at(moment) > _at(samples[-1]) + _STEP):
                now.append(samples[places[number] - 1])
        columns = zip(*now, strict=True)
        next(columns)
        summed.append([moment[0], *(_sum(column) for column in columns)])
    return summed


def _at(sample: list[float | None]) -> float:
    return sample[0] or 0.0


def _sum(values: tuple[float | None, ...]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def _joined(values: list[float | None], width: int, name: str) -> list[float | None]:
    if width == 1:
        return values
    return [_one(values[begin : begin + width], name) for begin in range(0, len(values), width)]


def _one(values: list[float | None], name: str) -> float | None:
    known = [value for value in values if value is not None]
    if not known:
        return None
    return max(known) if name in _LARGER else sum(known) / len(known)
