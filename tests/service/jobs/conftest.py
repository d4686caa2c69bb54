"""A job engine over a real database and real processes."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.orm import Session
from trainyard.jobs.replicas import parts_of
from trainyard.jobs.states import JobState
from trainyard.quotas import GIB
from trainyard.records.accounts import AccountState, Quota
from trainyard.records.jobs import Job, JobKind, Progress
from trainyard_service.context import Context
from trainyard_service.database.engine import Database
from trainyard_service.database.tables.accounts import AccountRow, GroupRow, MembershipRow
from trainyard_service.database.tables.jobs import JobRow
from trainyard_service.events import EventBus
from trainyard_service.jobs import leftovers, life
from trainyard_service.jobs.engine import JobEngine
from trainyard_service.jobs.kinds import Inside, Start
from trainyard_service.jobs.ledger import Capacity, Ledger
from trainyard_service.jobs.settings import JobSettings
from trainyard_service.jobs.tokens import AttemptTokens
from trainyard_service.jobs.views import job_view
from trainyard_service.memory_directory import MemoryDirectory
from trainyard_service.settings import Settings

_spec = spec_from_file_location("process_launcher", Path(__file__).with_name("process_launcher.py"))
assert _spec and _spec.loader
process_launcher = module_from_spec(_spec)
sys.modules["process_launcher"] = process_launcher
_spec.loader.exec_module(process_launcher)


@dataclass
class Script:
    """A kind of job that runs the Python program in its spec."""

    resumes: bool
    moves: list[tuple[str, JobState]] = field(default_factory=list)

    def inside(self, session: Session, start: Start) -> Inside:
        return Inside((sys.executable, "-c", start.job.spec["program"]), Path("/"))

    def moved(self, session: Session, job: JobRow, then: JobState) -> None:
        self.moves.append((job.id, then))

    def after(self, job: JobRow) -> None:
        pass

    def progress(self, job: JobRow) -> Progress | None:
        return None

    def log(self, session: Session, job: JobRow) -> tuple[Path, str] | None:
        return None


@dataclass
class Yard:
    """One database, one launcher, and as many engines as a test wants."""

    context: Context
    launcher: Any
    settings: JobSettings

    def engine(self, **changes: Any) -> JobEngine:
        """One more engine, with ``changes`` to the settings."""
        settings = self.settings.model_copy(update=changes)
        ledger = Ledger(settings, Capacity.of(settings, ("gpu-0", "gpu-1")))
        kinds = {JobKind.TRAIN: Script(False), JobKind.FORMAT: Script(True), JobKind.PREPARE: Script(True)}
        return JobEngine(self.context, settings, ledger, kinds)

    def person(self, name: str, *groups: GroupRow) -> int:
        with self.context.database.write() as session:
            row = AccountRow(name=name, name_key=name.casefold(), password_hash="", state=AccountState.ACTIVE)
            session.add(row)
            session.flush()
            session.add_all(MembershipRow(group_id=group.id, account_id=row.id) for group in groups)
            return row.id

    def group(self, name: str, quota: Quota) -> GroupRow:
        with self.context.database.write() as session:
            row = GroupRow(name=name, name_key=name)
            row.quota = quota
            session.add(row)
            return row

    def submit(self, owner: int, group: int | None = None, program: str = "print('hello')", **more: Any) -> str:
        """A job that runs ``program``; each replica does where it is ``distributed``."""
        spec = {"program": program}
        if asked := more.pop("distributed", None):
            spec["distributed"], more["replicas"] = asked.model_dump(mode="json"), [one.to_json() for one in parts_of(asked)]
        new = {"kind": JobKind.TRAIN, "image": "workspace", "package": "1Core2G", **more}
        with self.context.database.write() as session:
            return life.submit(session, life.NewJob(name="job", owner_id=owner, group_id=group, spec=spec, **new)).id

    def job(self, job_id: str) -> JobRow:
        with self.context.database.read() as session:
            row = session.get_one(JobRow, job_id)
            _ = row.owner, row.group, row.attempts
            return row

    def view(self, engine: JobEngine, job_id: str) -> Job:
        """The job as its owner reads it."""
        with self.context.database.read() as session:
            return job_view(session.get_one(JobRow, job_id), engine.kinds, "en")

    def until(self, engine: JobEngine, job_id: str, *states: JobState) -> JobRow:
        return self.passes(engine, lambda: JobState(self.job(job_id).state) in states) and self.job(job_id)

    def passes(self, engine: JobEngine, done: Callable[[], bool]) -> Any:
        """Reconcile and forget what is over, until something holds; a real hang is ended by pytest's own time limit."""
        while not done():
            engine.reconcile()
            for key in leftovers.written_down(self.context):
                self.launcher.forget(key)
            time.sleep(0.01)
        return True


@pytest.fixture
def yard(tmp_path: Path, database_url: str) -> Iterator[Yard]:
    settings = Settings(home=tmp_path, database_url=database_url)
    settings.places.service.mkdir(parents=True)
    database = Database(settings.database)
    bus = EventBus()
    database.after_commit.append(bus.after_commit)
    launcher = process_launcher.ProcessLauncher(settings.places.launches)
    context = Context(settings, database, bus, MemoryDirectory(), launcher, AttemptTokens())
    yield Yard(context, launcher, JobSettings(capacity_cpu=4, capacity_memory=16 * GIB, grace=5))
    launcher.end_all()
    database.close()
