"""Making a training: everything that can be known before a start is checked here, and refused with the reason."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session, load_only
from sqlalchemy.orm.attributes import set_committed_value
from trainyard.errors import Conflict, Invalid, NotFound, TooLarge
from trainyard.records.jobs import Image, JobKind
from trainyard.records.trainings import NewTraining
from trainyard.training import params
from trainyard.training.patterns import compiled
from trainyard.words import N_

from trainyard_service import images
from trainyard_service.context import Context
from trainyard_service.database.rows import add_row, ask
from trainyard_service.database.tables.accounts import AccountRow, GroupRow
from trainyard_service.database.tables.datasets import FormattedSetRow
from trainyard_service.database.tables.trainings import TrainingRow, TrainingSetRow
from trainyard_service.datasets import access
from trainyard_service.datasets.telling import tell_batch
from trainyard_service.identity import Caller
from trainyard_service.jobs import life
from trainyard_service.jobs.ledger import Ledger
from trainyard_service.jobs.naming import new_id
from trainyard_service.trainings import claims, entry
from trainyard_service.trainings.places import EXAMPLES, SHARES
from trainyard_service.trainings.telling import tell_training

PARTS = ("train", "val", "test")
_LARGEST_PARAMETERS = 1 << 20
_WHOSE = (
    select(AccountRow, GroupRow)
    .join(GroupRow, GroupRow.id == bindparam("group"))
    .where(AccountRow.id == bindparam("owner"))
    .options(load_only(AccountRow.name), load_only(GroupRow.name))
)
_SAME = select(TrainingRow.id).where(
    TrainingRow.owner_id == bindparam("owner"),
    TrainingRow.group_id == bindparam("group"),
    TrainingRow.name == bindparam("name"),
)


def create(session: Session, context: Context, ledger: Ledger, caller: Caller, new: NewTraining) -> TrainingRow:
    """A training whose job stands in the queue.

    Raises:
        UserError: group, name, image, sets, package, entry or parameters are refused; nothing was made.
    """
    group_id = member_of(caller, new.group)
    refuse_same_name(session, caller.id, group_id, new.name)
    image = images.find(context.home, new.image)
    sets = sets_of(session, caller, new)
    claims.checked(session, ledger, claims.Claimant(caller.id, group_id, caller.administrator), new)
    roots = roots_of(context, image, group_id, new.group)
    words = entry.check(new.entry, roots)
    entry.check_program(words, roots, images.environment_of(context.settings, image), new.image)
    parameters = checked_parameters(new.parameters or entry.example_parameters(words, roots))
    compiled(new.log_patterns)
    training_id = new_id()
    job = life.submit(
        session,
        life.NewJob(
            kind=JobKind.TRAIN,
            name=new.name,
            owner_id=caller.id,
            group_id=group_id,
            image=images.reference(image),
            package=new.package,
            priority=new.priority,
            preemptible=new.preemptible,
            cluster=new.cluster,
            replicas=claims.parts_stored(new.distributed),
            spec={
                "training": training_id,
                "dry_run": new.dry_run,
                "log_patterns": new.log_patterns,
                "distributed": new.distributed.model_dump(mode="json") if new.distributed else None,
            },
            time_limit=ledger.settings.dry_run_seconds if new.dry_run else new.hours * 3600,
            restart=new.restart.model_dump(mode="json") if new.restart.max_retries and not new.dry_run else None,
        ),
    )
    row = TrainingRow(id=training_id, owner_id=caller.id, group_id=group_id, job_id=job.id, parameters=parameters)
    row.name, row.description, row.entry, row.hours = new.name, new.description, new.entry, new.hours
    add_row(session, row)
    owner, group = session.execute(_WHOSE, {"owner": caller.id, "group": group_id}).one()
    for name, known in {"job": job, "owner": owner, "group": group, "instances": [], "sets": []}.items():
        set_committed_value(row, name, known)  # nobody need ask for what stands here
    row.sets += [TrainingSetRow(part=part, set=one) for part, one in sets.items()]
    session.flush()
    tell_training(session, row)
    for one in sets.values():
        tell_batch(session, one.batch)
    return row


def member_of(caller: Caller, group: str) -> int:
    """The id of a group the caller is in.

    Raises:
        NotFound: the caller is no member.
    """
    for number, name in caller.groups.items():
        if name == group:
            return number
    raise NotFound(
        "no-such-group",
        N_("There is no group {name} that you are a member of."),
        hint=N_("Training needs a group; ask an administrator."),
        field="group",
        name=group,
    )


def roots_of(context: Context, image: Image, group_id: int, group: str) -> entry.Roots:
    """Where an entry may lie: the image's examples and the group share."""
    examples = images.folder_of(context.home, image) / "examples"
    return entry.Roots({EXAMPLES: examples, SHARES / group: context.home.group_share(group_id)})


def refuse_same_name(session: Session, owner_id: int, group_id: int, name: str) -> None:
    """Names are unique per person and group.

    Raises:
        Conflict: there is one.
    """
    if ask(session, _SAME, owner=owner_id, group=group_id, name=name).first() is not None:
        raise Conflict(
            "training-exists",
            N_("You have a training named {name} in this group already."),
            hint=N_("Choose another name, or start that training again."),
            field="name",
            name=name,
        )


def sets_of(session: Session, caller: Caller, new: NewTraining) -> dict[str, FormattedSetRow]:
    """The sets by part, complete and fitting each other.

    Raises:
        UserError: one is missing, not for this caller, not ready, or unlike the first.
    """
    found: dict[str, FormattedSetRow] = {}
    for part in PARTS:
        set_id = getattr(new, f"{part}_set")
        if set_id is not None:
            found[part] = _ready(access.find_set(session, caller, set_id), f"{part}_set")
    first = next(iter(found.items()), None)
    for part, row in found.items():
        assert first is not None
        _refuse_unlike(first[1], row, f"{part}_set")
    return found


def _ready(row: FormattedSetRow, field: str) -> FormattedSetRow:
    if not row.ready:
        raise Conflict(
            "set-not-ready",
            N_("The formatted set {id} is not complete yet."),
            hint=N_("Wait until its batch is finished, or choose another."),
            field=field,
            id=row.id,
        )
    return row


def _refuse_unlike(first: FormattedSetRow, other: FormattedSetRow, field: str) -> None:
    """Sets used together have one format and the same classes in the same order; of one batch they always do."""
    if first.batch_id == other.batch_id and first.format == other.format:
        return
    if first.format != other.format:
        raise Invalid(
            "sets-differ-in-format",
            N_("The sets chosen are in different formats: {first} and {other}."),
            hint=N_("Choose sets of one format; sets of one batch fit each other."),
            field=field,
            first=first.format,
            other=other.format,
        )
    if first.batch.classes != other.batch.classes:
        raise Invalid(
            "sets-differ-in-classes",
            N_("The sets {first} and {other} do not have the same classes."),
            hint=N_("Choose sets of one batch; they fit each other."),
            field=field,
            first=first.id,
            other=other.id,
        )


def checked_parameters(parameters: dict[str, Any]) -> dict[str, Any]:
    """The hyper-parameters, if every reader of JSON takes them.

    Raises:
        UserError: a number is not finite, they are nested too deeply, or too large.
    """
    try:
        size = len(json.dumps(parameters, allow_nan=False))
    except (ValueError, RecursionError):
        raise Invalid(
            "parameters-not-json", N_("A hyper-parameter is not a finite number or nested too deeply."), field="parameters"
        ) from None
    if params.too_deep(parameters):
        raise Invalid(
            "parameters-too-deep",
            N_("The hyper-parameters are nested more than {limit} levels deep."),
            hint=N_("Keep such a structure in a file of its own, and name that file in the parameters."),
            field="parameters",
            limit=params.DEEPEST,
        )
    if size > _LARGEST_PARAMETERS:
        raise TooLarge(
            "parameters-too-large",
            N_("The hyper-parameters have {size} bytes; at most {limit} are kept."),
            field="parameters",
            size=size,
            limit=_LARGEST_PARAMETERS,
        )
    return parameters
