"""What a kind of job knows: how its process is started, and what its end means for its subject."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

from sqlalchemy.orm import Session
from trainyard.jobs.launch import Identity, LaunchSpec, Mount
from trainyard.jobs.replicas import Meeting, environment, first_port
from trainyard.jobs.states import JobState
from trainyard.records.distributed import DistributedKind, Role
from trainyard.records.jobs import Progress

from trainyard_service.context import Context
from trainyard_service.database.tables.jobs import JobRow
from trainyard_service.jobs.gang import Start, keys_of, members_of
from trainyard_service.jobs.settings import JobSettings
from trainyard_service.jobs.tokens import attempt_token
from trainyard_service.token_directory import token_hash

__all__ = ["Inside", "Kind", "Start", "identity_of", "launch_spec", "meeting", "platform_port", "url_inside"]

TOKEN_INSIDE = Path("/run/trainyard/token")


@dataclass(frozen=True)
class Inside:
    """What a kind contributes to a launch: the program, its folders, small files only it reads, where its output goes.

    ``groups`` are further group numbers whose files it may read; only for programs of ours, which nobody else commands.
    """

    argv: tuple[str, ...]
    working_directory: Path
    mounts: tuple[Mount, ...] = ()
    environment: tuple[tuple[str, str], ...] = ()
    files: tuple[tuple[Path, str], ...] = ()
    output: Path | None = None
    internet: bool = True
    groups: tuple[int, ...] = ()


class Kind(Protocol):
    """One kind of job."""

    @property
    def resumes(self) -> bool:
        """Whether it goes back into the queue by itself after its supervisor was lost."""
        ...

    def inside(self, session: Session, start: Start) -> Inside:
        """Write what the process will read and say how to start it. Called again after a crash, and for every replica: must
        be repeatable.

        Raises:
            trainyard.errors.UserError: something it needs is gone; the job fails with this sentence.
        """
        ...

    def moved(self, session: Session, job: JobRow, then: JobState) -> None:
        """The job is now ``then``; change its subject in the same transaction."""
        ...

    def after(self, job: JobRow) -> None:
        """The end is committed: do what may take long. Not called again after a crash."""
        ...

    def progress(self, job: JobRow) -> Progress | None:
        """How far it is, if that is known."""
        ...

    def log(self, session: Session, job: JobRow) -> tuple[Path, str] | None:
        """A trusted folder and the path of the log below it; None is the launcher's own output file."""
        ...


def identity_of(job: JobRow) -> Identity:
    """The numbers a job runs with: the person's own, and the group it is charged to."""
    uid = job.owner.uid
    groups = () if job.group is None else (job.group.gid,)
    return Identity(name=job.owner.hub_name, uid=uid, gid=uid, groups=groups)


def launch_spec(context: Context, settings: JobSettings, start: Start, inside: Inside) -> tuple[LaunchSpec, str]:
    """Everything the launcher needs, and the hash of the attempt's new token."""
    job = start.job
    identity = identity_of(job)
    identity = identity.model_copy(update={"groups": tuple(dict.fromkeys((*identity.groups, *inside.groups)))})
    secret = attempt_token(context.home, job.key)
    gang = keys_of(job) if job.replicas else {}
    spec = LaunchSpec(
        key=start.key,
        group_number=job.group_id,
        gang=tuple(gang.values()),
        image=job.image,
        argv=inside.argv,
        environment=_environment(job, inside) | meeting(start, gang),
        working_directory=inside.working_directory,
        mounts=inside.mounts,
        files={**dict(inside.files), TOKEN_INSIDE: secret},
        resources=start.resources,
        devices=start.devices,
        identity=identity,
        internet=settings.internet and inside.internet,
        platform_port=platform_port(context),
        output=inside.output,
        time_limit=_time_limit(start),
        grace=settings.grace,
    )
    return spec, token_hash(secret)


def _environment(job: JobRow, inside: Inside) -> dict[str, str]:
    return {
        "HOME": "/tmp",  # noqa: S108 - the sandbox's own
        "USER": job.owner.hub_name,
        "LANG": "C.UTF-8",
        "PATH": "/opt/image/bin:/usr/local/bin:/usr/bin:/bin",
        "TRAINYARD_TOKEN_FILE": str(TOKEN_INSIDE),
        "TRAINYARD_JOB": job.id,
        "TRAINYARD_ATTEMPT": str(job.attempt),
        **dict(inside.environment),
    }


def _time_limit(start: Start) -> float | None:
    """The job's, for its workers: servers and the scheduler are ended after the last of them, who saves with their help."""
    serves = any(one.name == start.replica and one.role is not Role.WORKER for one in members_of(start.job))
    return None if serves else start.job.time_limit


def meeting(start: Start, keys: Mapping[str, str]) -> dict[str, str]:
    """What a replica is told about the others; nothing where there are none."""
    job, members = start.job, members_of(start.job)
    me = next((one for one in members if one.name == start.replica), None)
    if me is None:
        return {}
    kind = DistributedKind(job.spec["distributed"]["kind"])
    meets = Meeting(kind, members, [keys[one.name] for one in members], first_port(job.id, job.attempt), job.key)
    return environment(meets, me, start.resources.gpu)


def url_inside(context: Context) -> str:
    """The platform as a sandbox sees it: on its own loopback, relayed (or shared) by the launcher."""
    return f"http://127.0.0.1:{platform_port(context)}"


def platform_port(context: Context) -> int:
    """The platform's public port: what the running stack wrote down, else the setting."""
    try:
        address = context.home.address.read_text(encoding="utf-8").strip()
    except OSError:
        address = context.settings.public_url
    parts = urlsplit(address)
    return parts.port or (443 if parts.scheme == "https" else 80)
