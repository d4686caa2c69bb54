"""The token of one attempt: made when it starts, stored hashed, dead when it ends.

Until then the secret itself lies in a file only the service reads; the launcher hands it to the job's user alone.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session
from trainyard.home import Home
from trainyard.jobs.states import ACTIVE, JobState

from trainyard_service.database.tables.jobs import AttemptRow, JobRow
from trainyard_service.database.tables.trainings import TrainingRow
from trainyard_service.token_directory import JobOwner, token_hash

PREFIX = "tyj_"


def private_folder(home: Home, key: str) -> Path:
    """Where what only this launch may read lies (mode 0700)."""
    folder = home.service / "private" / key
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder


def remove_private_folder(home: Home, key: str) -> None:
    """Remove it when the launch has ended."""
    shutil.rmtree(home.service / "private" / key, ignore_errors=True)


def write_private(path: Path, data: bytes, uid: int, gid: int) -> None:
    """Write a file that only ``uid`` reads, by rename."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
    if os.geteuid() == 0:
        os.chown(temporary, uid, gid)
    temporary.replace(path)


def attempt_token(home: Home, key: str) -> str:
    """The attempt's token; whoever comes first makes it, the others read the same."""
    path = private_folder(home, key) / "token"
    if not path.exists():
        candidate = path.with_name(f".token.{secrets.token_hex(4)}")
        write_private(candidate, (PREFIX + secrets.token_urlsafe(32)).encode(), os.geteuid(), os.getegid())
        # link fails when another process was faster: then its token stands
        with contextlib.suppress(FileExistsError):
            os.link(candidate, path)
        candidate.unlink()
    return path.read_text()


class AttemptTokens:
    """Answers whose attempt a token belongs to; the service's ``JobTokens``."""

    def owner(self, session: Session, token: str) -> JobOwner | None:
        """The running attempt's job, or None: unknown, or the attempt has ended."""
        if not token.startswith(PREFIX):
            return None
        job = session.scalar(
            select(JobRow)
            .join(AttemptRow, AttemptRow.job_id == JobRow.id)
            .where(AttemptRow.token_hash == token_hash(token), AttemptRow.number == JobRow.attempt)
        )
        if job is None or JobState(job.state) not in ACTIVE:
            return None
        training = session.scalar(select(TrainingRow.id).where(TrainingRow.job_id == job.id))
        return JobOwner(job.owner_id, job.id, training)
