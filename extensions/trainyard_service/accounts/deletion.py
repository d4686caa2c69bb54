"""Deleting an account: what is the person's alone goes, what their groups work with stays.

Gone: rights, sessions and tokens, memberships, the binding of the bucket with its keys, notices, uploads, private templates
and parameter sets, the private home, and the datasets and models nobody else can see. Kept: the number (never given again)
and the audit log; datasets, sets, models and trainings that a group or everybody uses, and the folders in the groups'
shares. They bear the name ``<name>~<number>`` from then on, so that a new person of the old name inherits nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import Select, func, select
from sqlalchemy import delete as sql_delete
from sqlalchemy.orm import Session
from trainyard.errors import Conflict
from trainyard.jobs.states import ENDED
from trainyard.names import LONGEST
from trainyard.records.accounts import AccountState
from trainyard.records.disk import AccountDeletion
from trainyard.records.graphs import TemplateVisibility
from trainyard.records.parameter_sets import SetVisibility
from trainyard.words import N_, translate

from trainyard_service import volume
from trainyard_service.accounts import notices, people
from trainyard_service.accounts.running import running_of
from trainyard_service.context import Context
from trainyard_service.database.tables.accounts import AccountRow, ExpulsionRow, GroupRow, MembershipRow, NoticeRow
from trainyard_service.database.tables.copies import CopyRow
from trainyard_service.database.tables.datasets import BatchRow, DatasetRow
from trainyard_service.database.tables.disk import FolderUseRow
from trainyard_service.database.tables.graphs import GraphTemplateRow
from trainyard_service.database.tables.jobs import JobRow
from trainyard_service.database.tables.models import ModelRow
from trainyard_service.database.tables.searches import ParameterSetRow
from trainyard_service.database.tables.storage import StorageRow, UploadRow
from trainyard_service.database.tables.trainings import TrainingRow
from trainyard_service.datasets.usage import users_of_sets
from trainyard_service.disk.removed import put_away
from trainyard_service.disk.settings import DiskSettings
from trainyard_service.jobs import life
from trainyard_service.jobs.endings import DELETED

TOLD = N_("An administrator deleted the account {name}. What only you could see is removed; what your groups use stays theirs.")


@dataclass
class Belongings:
    """What is the person's alone, and what others use."""

    datasets: list[DatasetRow] = field(default_factory=list)
    batches: list[BatchRow] = field(default_factory=list)
    models: list[ModelRow] = field(default_factory=list)
    datasets_kept: list[DatasetRow] = field(default_factory=list)


def name_after(row: AccountRow) -> str:
    """What the account is called once it is deleted; applicants cannot choose such a name."""
    tail = f"~{row.id}"
    return row.name if row.name.endswith(tail) else row.name[: LONGEST - len(tail)] + tail


def preview(session: Session, row: AccountRow, language: str) -> AccountDeletion:
    """What deleting the account would take away and leave."""
    own = belongings(session, row)
    storage = session.get(StorageRow, row.id)
    home = session.get(FolderUseRow, f"homes/{row.id}")
    return AccountDeletion(
        id=row.id,
        name=row.name,
        becomes=name_after(row),
        groups=sorted(membership.group.name for membership in row.memberships),
        running=running_of(session, row.id, language),
        datasets_removed=[one.name for one in own.datasets],
        datasets_kept=[one.name for one in own.datasets_kept],
        models_removed=[one.name for one in own.models],
        models_kept=_count(session, select(ModelRow.id).where(ModelRow.owner_id == row.id)) - len(own.models),
        trainings_kept=_count(session, select(TrainingRow.id).where(TrainingRow.owner_id == row.id)),
        home=home.bytes if home else 0,
        bucket=storage.bucket if storage else None,
        kept_days=DiskSettings().removed_days,
    )


def belongings(session: Session, row: AccountRow) -> Belongings:
    """Datasets that are shared with nobody and whose sets no training uses, and models of no group, are the person's alone."""
    own = Belongings(models=list(session.scalars(_own_models(row.id))))
    for dataset in session.scalars(select(DatasetRow).where(DatasetRow.owner_id == row.id).order_by(DatasetRow.name)):
        batches = list(session.scalars(select(BatchRow).where(BatchRow.dataset_id == dataset.id)))
        used = users_of_sets(session, [one.id for batch in batches for one in batch.sets])
        if dataset.shares or used or any(batch.creator_id != row.id for batch in batches):
            own.datasets_kept.append(dataset)
        else:
            own.datasets.append(dataset)
            own.batches += batches
    return own


def _own_models(account_id: int) -> Select[ModelRow]:
    return select(ModelRow).where(ModelRow.owner_id == account_id, ModelRow.group_id.is_(None)).order_by(ModelRow.name)


def delete(session: Session, context: Context, row: AccountRow, by: int) -> list[tuple[Path, str]]:
    """Make the changes in the database; the folders to put away after the commit, with their names there.

    Raises:
        Conflict: it is the caller's own account, the last administrator's, or one that was never active.
    """
    people.must_be_in_state(row, AccountState.ACTIVE, AccountState.BLOCKED)
    people.must_leave_an_administrator(session, row)
    if row.id == by:
        sentence = N_("Your own account cannot be deleted by yourself.")
        raise Conflict("own-account", sentence, hint=N_("Ask another administrator."))
    folders = _drop_belongings(session, context, row)
    for job in session.scalars(select(JobRow).where(JobRow.owner_id == row.id, JobRow.state.not_in(ENDED))):
        life.want_stop(session, job, DELETED)
    # before the commit: were the service killed between, the folder is found again under either name
    for group in session.scalars(select(GroupRow.id)):
        volume.rename_member_folder(context.home, group, row.name, name_after(row), row.uid)
    notices.mail(session, row.email, row.language, translate(TOLD, row.language, name=row.name))
    _drop_rows(session, row)
    _become_nobody(row)
    people.changed(session, row)
    session.flush()
    return folders


def put_folders_away(context: Context, folders: list[tuple[Path, str]]) -> None:
    """After the commit; what a kill leaves here is found by the sweep for orphans."""
    for path, name in folders:
        put_away(context.home, path, name)


def _drop_belongings(session: Session, context: Context, row: AccountRow) -> list[tuple[Path, str]]:
    own, home = belongings(session, row), context.home
    folders = [(home.user_home(row.id), f"home-{row.id}")]
    folders += [(home.batch(one.id), f"batch-{one.id}") for one in own.batches]
    folders += [(home.dataset(one.id), f"dataset-{one.id}") for one in own.datasets]
    folders += [(home.model(one.id), f"model-{one.id}") for one in own.models]
    uploads = list(session.scalars(select(UploadRow).where(UploadRow.account_id == row.id)))
    folders += [(home.upload(one.id), f"upload-{one.id}") for one in uploads]
    for rows in (own.batches, own.datasets, own.models, uploads):
        for one in rows:
            session.delete(one)
        session.flush()
    return folders


def _drop_rows(session: Session, row: AccountRow) -> None:
    for table in (MembershipRow, ExpulsionRow, NoticeRow, StorageRow):
        session.execute(sql_delete(table).where(table.account_id == row.id))
    private = GraphTemplateRow.visibility == TemplateVisibility.PRIVATE
    session.execute(sql_delete(GraphTemplateRow).where(GraphTemplateRow.owner_id == row.id, private))
    private = ParameterSetRow.visibility == SetVisibility.PRIVATE
    session.execute(sql_delete(ParameterSetRow).where(ParameterSetRow.owner_id == row.id, private))
    # what was copied into the bucket stays there; nobody keeps it in step any more
    session.execute(sql_delete(CopyRow).where(CopyRow.owner_id == row.id))
    session.execute(sql_delete(FolderUseRow).where(FolderUseRow.place == f"homes/{row.id}"))
    session.expire(row, ["memberships"])


def _become_nobody(row: AccountRow) -> None:
    """Number and name remain, for what is kept; nobody can sign in as it."""
    row.name = name_after(row)
    row.name_key = people.name_key(row.name)
    row.state, row.administrator, row.password_hash, row.session = AccountState.DELETED, False, "!", row.session + 1
    row.email = row.affiliation = row.reason = ""


def _count(session: Session, query: Select[str]) -> int:
    return session.scalar(select(func.count()).select_from(query.subquery())) or 0
