"""The resource packages and virtual clusters that administrators declared; until they do, the packages of the settings."""

from __future__ import annotations

from sqlalchemy import String, cast, or_, select
from sqlalchemy.orm import Session
from trainyard.errors import Conflict, NotFound
from trainyard.jobs.states import ENDED
from trainyard.quotas import PackageSize, Share, package
from trainyard.records.accounts import Quota
from trainyard.records.resources import NewPackage
from trainyard.words import N_

from trainyard_service.database.rows import ask
from trainyard_service.database.tables.jobs import AllocationRow, JobRow, WorkspaceRow
from trainyard_service.database.tables.resources import ClusterRow, PackageRow
from trainyard_service.jobs.gang import packages_of
from trainyard_service.jobs.settings import JobSettings

_SIZES = "package sizes"
# columns: they are asked for in every transaction of the queue, and rows of the ORM take three times as long
_PACKAGES = select(PackageRow.name, PackageRow.cpu, PackageRow.memory, PackageRow.gpu, PackageRow.gpu_type)
_PACKAGES = _PACKAGES.order_by(PackageRow.place, PackageRow.name)
_CLUSTERS = select(ClusterRow.name, ClusterRow.cpu, ClusterRow.memory, ClusterRow.devices, ClusterRow.person)
_CLUSTERS = _CLUSTERS.order_by(ClusterRow.name)


def sizes(session: Session, settings: JobSettings) -> dict[str, PackageSize]:
    """All packages by name, in the order in which they are shown; read once a session."""
    known: dict[str, PackageSize] | None = session.info.get(_SIZES)
    if known is None:
        found = [PackageSize(*row) for row in ask(session, _PACKAGES)]
        known = session.info[_SIZES] = {size.name: size for size in found or map(package, settings.packages)}
    return known


def put_package(session: Session, settings: JobSettings, name: str, new: NewPackage) -> PackageSize:
    """Declare a package, or change one; what runs with it keeps what it was given.

    Raises:
        Conflict: something waits for or runs with it and would find another size.
    """
    _begin(session, settings)
    row = session.get(PackageRow, name)
    if row is None:
        last = session.scalar(select(PackageRow.place).order_by(PackageRow.place.desc()).limit(1))
        row = PackageRow(name=name, place=(last or 0) + 1)
        session.add(row)
    elif (row.cpu, row.memory, row.gpu, row.gpu_type) != (new.cpu, new.memory, new.gpu, new.gpu_type):
        _refuse_while_used(session, name)
    row.cpu, row.memory, row.gpu, row.gpu_type = new.cpu, new.memory, new.gpu, new.gpu_type
    session.flush()
    return PackageSize(name, new.cpu, new.memory, new.gpu, new.gpu_type)


def delete_package(session: Session, settings: JobSettings, name: str) -> None:
    """Offer it no more.

    Raises:
        NotFound: there is none. Conflict: it is used, the platform's own jobs need it, or it is the last one.
    """
    _begin(session, settings)
    row = session.get(PackageRow, name)
    if row is None:
        raise NotFound("no-such-package", N_("There is no resource package {package}."), field="package", package=name)
    if name == settings.tools_package:
        raise Conflict(
            "package-of-the-platform",
            N_("The package {package} is what the platform's own jobs run with (preparing and formatting)."),
            hint=N_("Set TRAINYARD_SERVICE_TOOLS_PACKAGE to another one first."),
            package=name,
        )
    _refuse_while_used(session, name)
    session.delete(row)


def _begin(session: Session, settings: JobSettings) -> None:
    """From the first change on the rows count, which begin as the setting says."""
    session.info.pop(_SIZES, None)
    if session.scalar(select(PackageRow.name).limit(1)) is None:
        for place, size in enumerate(map(package, settings.packages)):
            session.add(PackageRow(name=size.name, cpu=size.cpu, memory=size.memory, gpu=size.gpu, place=place))
        session.flush()


def _refuse_while_used(session: Session, name: str) -> None:
    under_way = select(JobRow.name, JobRow.package, JobRow.replicas).where(JobRow.state.not_in(ENDED))
    asked = or_(JobRow.package == name, cast(JobRow.replicas, String).contains(f'"{name}"', autoescape=True))
    rows = session.execute(under_way.where(asked))
    jobs = [row.name for row in rows if name in packages_of(row.package, row.replicas)][:5]
    held = select(WorkspaceRow.key).join(AllocationRow, AllocationRow.workspace == WorkspaceRow.key)
    workspaces = session.scalars(held.where(WorkspaceRow.package == name).limit(5)).all()
    if jobs or workspaces:
        raise Conflict(
            "package-in-use",
            N_("The package {package} is used by {users}."),
            hint=N_("Wait until they have ended, or declare a package of another name."),
            package=name,
            users=", ".join([*jobs, *workspaces]),
        )


def shares(session: Session) -> dict[str, Share]:
    """The virtual clusters as the admission knows them."""
    return {
        name: Share(Quota(cpu=cpu, memory=memory, gpu=len(devices)), tuple(devices), Quota.model_validate(person))
        for name, cpu, memory, devices, person in ask(session, _CLUSTERS)
    }
