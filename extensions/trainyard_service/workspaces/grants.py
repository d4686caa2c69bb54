"""What a workspace is granted: checked, written in the ledger, then told to the Hub's spawner; no answer is no start."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path, PurePosixPath

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from trainyard.errors import Conflict, NotAllowed
from trainyard.jobs.launch import Identity, Mount, Resources
from trainyard.quotas import Shortage, readable
from trainyard.records.jobs import Image
from trainyard.words import N_

from trainyard_service import images
from trainyard_service.accounts import notices
from trainyard_service.context import Context
from trainyard_service.database.base import now
from trainyard_service.database.tables.accounts import AccountRow
from trainyard_service.database.tables.datasets import FormattedSetRow
from trainyard_service.database.tables.jobs import AllocationRow, WaitingWorkspaceRow, WorkspaceRow
from trainyard_service.datasets.access import find_set
from trainyard_service.datasets.formatting import set_folder
from trainyard_service.events import Audience, announce
from trainyard_service.identity import Caller
from trainyard_service.jobs.ledger import Ledger, shortage_error
from trainyard_service.trainings.create import member_of
from trainyard_service.volume import make_home, make_member_folder
from trainyard_service.workspaces import called_off, waiting
from trainyard_service.workspaces.waiting import WorkspaceWaits

SHARES = PurePosixPath("/workspace/mnt/group")
SETS = PurePosixPath("/workspace/mnt/datasets")
HOME_INSIDE = Path("/workspace/home")
KIND = "workspace"
TIDYING = timedelta(hours=1)
"""How long a workspace lasts that was started although the disk quota is used up: long enough to delete something."""
_TIDY = N_(
    "The disk quota of {group} is used up ({used} of {limit}): your workspace runs for one hour, so that you can delete files. "
    "Renew it when there is room again."
)


class Options(BaseModel):
    """What the spawn form chose. ``image`` and ``package`` default to what was chosen last, or the first there is."""

    model_config = ConfigDict(extra="ignore")

    group: str | None = None
    image: str = ""
    package: str = ""
    datasets: list[str] = Field(default=[], max_length=64)


class WorkspaceGrant(BaseModel):
    """Everything the spawner needs to launch; its fields are those of ``LaunchSpec``, and a few words for the environment."""

    key: str
    image: str
    mounts: list[Mount]
    resources: Resources
    devices: list[str]
    identity: Identity
    internet: bool
    time_limit: float | None
    working_directory: Path
    group: str | None
    group_number: int
    language: str
    environment: dict[str, str]


def newest(session: Session, account_id: int) -> WorkspaceRow | None:
    """A person's latest start, which also remembers what was chosen."""
    query = select(WorkspaceRow).where(WorkspaceRow.account_id == account_id).order_by(WorkspaceRow.number.desc())
    return session.scalars(query.limit(1)).first()


def grant(
    session: Session, context: Context, ledger: Ledger, caller: Caller, options: Options
) -> WorkspaceGrant | WorkspaceWaits:
    """Check the options, allocate, and say what to launch; or what is waited for, where preemptible jobs give way first.

    Raises:
        UserError: no group, an image or set that cannot be used, a running workspace, or not enough of something.
    """
    group = _group(caller, options)
    group_id = member_of(caller, group)
    called_off.release(session, context, caller.id, called_off.LATEST)
    _refuse_second(session, caller)
    last = newest(session, caller.id)
    image = _image(context, options, last)
    size = ledger.size(session, options.package or _package(session, ledger, last))
    sets = [find_set(session, caller, set_id) for set_id in dict.fromkeys(options.datasets)]
    asking = WaitingWorkspaceRow(account_id=caller.id, group_id=group_id, package=size.name)
    wait = waiting.decide(session, ledger, asking)
    if wait is not None and wait.promised:
        return WorkspaceWaits(waiting=waiting.sentence(session, asking, ledger.settings.grace, caller.language))
    if wait is not None and wait.shortage.resource != "disk":
        raise shortage_error("not-enough-now", wait.shortage, group)
    row = _row(caller.id, group_id, _number(session, context, caller.id), ledger)
    row.image, row.package, row.sets = images.reference(image), size.name, [one.id for one in sets]
    session.add(row)
    session.flush()
    devices = _allocate(session, ledger, row, group)
    announce(session, "workspace", caller.id, Audience.of(caller.id))
    announce(session, "usage", "machine", Audience.of(caller.id, groups=(group_id,)))
    account = session.get_one(AccountRow, caller.id)
    identity = _identity(account)
    return WorkspaceGrant(
        key=row.key,
        image=row.image,
        mounts=_mounts(context, account, group_id, sets),
        resources=Resources(cpu=size.cpu, memory=size.memory, gpu=size.gpu),
        devices=list(devices),
        identity=identity,
        internet=ledger.settings.internet,
        time_limit=None,
        working_directory=Path(SHARES / group / account.name),
        group=group,
        group_number=group_id,
        language=account.language,
        environment={"TRAINYARD_WORKSPACE": "", "TRAINYARD_USER": account.name},
    )


def _group(caller: Caller, options: Options) -> str:
    """The chosen group, or the person's first."""
    group = options.group or next(iter(caller.groups.values()), None)
    if group is None:
        raise NotAllowed(
            "no-group",
            N_("A workspace needs a group, and you are in none yet."),
            hint=N_("Ask an administrator to put you into one. Datasets can be made without."),
            field="group",
        )
    return group


def _refuse_second(session: Session, caller: Caller) -> None:
    """One workspace per person."""
    held = select(AllocationRow.key).where(AllocationRow.owner_id == caller.id, AllocationRow.workspace.is_not(None))
    if session.scalar(held) is not None:
        raise Conflict(
            "workspace-exists",
            N_("You have a workspace already; everybody has one at a time."),
            hint=N_("Open it, or stop it before starting another."),
        )


def _image(context: Context, options: Options, last: WorkspaceRow | None) -> Image:
    if options.image:
        return images.find(context.home, options.image)
    known = [one for one in images.catalogue(context.home, "en") if one.kind == KIND and one.state == images.READY]
    if last is not None and any(images.reference(one) == last.image for one in known):
        return images.find(context.home, last.image)
    return known[0] if known else images.find(context.home, KIND)


def _package(session: Session, ledger: Ledger, last: WorkspaceRow | None) -> str:
    """What was chosen last while that is offered, else the first there is."""
    known = ledger.sizes(session)
    return last.package if last and last.package in known else next(iter(known))


def _key(account_id: int, number: int) -> str:
    return f"workspace-{account_id}-{number}"


def _number(session: Session, context: Context, account_id: int) -> int:
    """The next start's number, which no launch has: an older database that was put back knows fewer than there were."""
    number = (session.scalar(select(func.max(WorkspaceRow.number)).where(WorkspaceRow.account_id == account_id)) or 0) + 1
    while context.launcher.state(_key(account_id, number)) is not None:
        number += 1
    return number


def _row(account_id: int, group_id: int, number: int, ledger: Ledger) -> WorkspaceRow:
    row = WorkspaceRow(key=_key(account_id, number), account_id=account_id, number=number, group_id=group_id)
    row.started = now()
    row.ends_at = row.started + timedelta(hours=ledger.settings.workspace_hours)
    return row


def _allocate(session: Session, ledger: Ledger, row: WorkspaceRow, group: str) -> tuple[str, ...]:
    size = ledger.size(session, row.package)
    amount = size.amount(jobs=0)
    allocation = AllocationRow(key=row.key, owner_id=row.account_id, group_id=row.group_id, workspace=row.key)
    allocation.cpu, allocation.memory, allocation.gpu, allocation.jobs = amount.cpu, amount.memory, amount.gpu, amount.jobs
    outcome = ledger.take(session, allocation, size.gpu_type)
    if isinstance(outcome, Shortage) and outcome.resource == "disk" and row.package == ledger.smallest(session).name:
        row.ends_at = row.started + TIDYING
        values = {"group": group, "used": readable(outcome.used), "limit": readable(outcome.limit)}
        notices.send(session, row.account_id, _TIDY, link="/services/pages/", **values)
        outcome = ledger.take(session, allocation, size.gpu_type, tidying=True)
    if isinstance(outcome, Shortage):
        raise shortage_error("not-enough-now", outcome, group)
    return outcome


def _identity(account: AccountRow) -> Identity:
    groups = tuple(sorted(membership.group.gid for membership in account.memberships))
    return Identity(name=account.hub_name, uid=account.uid, gid=account.uid, groups=groups)


def _mounts(context: Context, account: AccountRow, group_id: int, sets: list[FormattedSetRow]) -> list[Mount]:
    """Own home, the chosen group's share, and the chosen sets read-only; the bucket is added when this is committed."""
    home = make_home(context.home, account)
    mounts = [Mount(source=home, target=HOME_INSIDE, read_only=False)]
    for membership in account.memberships:
        if membership.group_id == group_id:
            share = make_member_folder(context.home, membership.group, account).parent
            mounts.append(Mount(source=share, target=Path(SHARES / membership.group.name), read_only=False))
    for one in sets:
        target = SETS / one.batch.dataset.name / one.batch_id / f"{one.format}-{one.split}"
        mounts.append(Mount(source=set_folder(context, one), target=Path(target)))
    return mounts
