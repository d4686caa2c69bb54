"""Fetches: pictures on the web brought into their owner's bucket by a job, which asks the service for each of them.

Why the service and not the job: a sandbox with a network could be led inward by a redirect or a changed name, and the bucket's
keys would have to lie in it. So the job decides when what is asked for, and the service, which looks at every address it
connects to, does the transfer, each file whole.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from tempfile import SpooledTemporaryFile

from sqlalchemy.orm import Session
from trainyard.datasets.fetching.journal import digest_of, is_remote, key_of
from trainyard.datasets.fetching.remote import Answer
from trainyard.datasets.folder import LIST, PICTURES
from trainyard.datasets.sources import PictureProblem
from trainyard.datasets.web import WebProblem
from trainyard.errors import Conflict, NotAllowed, NotFound, Unavailable
from trainyard.jobs.launch import Mount
from trainyard.records.datasets import NewFetch
from trainyard.records.jobs import JobKind
from trainyard.records.storage import BucketEntry
from trainyard.words import N_

from trainyard_service.context import Context
from trainyard_service.database.tables.datasets import DatasetRow
from trainyard_service.database.tables.jobs import JobRow
from trainyard_service.database.tables.storage import StorageRow
from trainyard_service.datasets.create import must_be_ready
from trainyard_service.datasets.lineage import derived
from trainyard_service.datasets.named import is_named
from trainyard_service.datasets.prepare import SPEC_INSIDE, PrepareKind, link_pictures
from trainyard_service.datasets.sources import INSIDE, SHARES, places_of
from trainyard_service.datasets.tool_jobs import Work, begin, job_for
from trainyard_service.datasets.web import web_of
from trainyard_service.disk.room import Charge, charged_group, must_fit
from trainyard_service.identity import Caller
from trainyard_service.jobs.kinds import Inside, Start, identity_of, url_inside
from trainyard_service.jobs.naming import new_id
from trainyard_service.jobs.settings import JobSettings
from trainyard_service.storage import binding
from trainyard_service.storage.bucket import Bucket, must_be_key
from trainyard_service.volume_files import make_folder

SOURCE_INSIDE = Path("/workspace/source")
_IN_MEMORY = 1 << 20
_BUSY = frozenset({429, 503})
_SUFFIX = re.compile(r"\.[a-z0-9]{2,5}")


@dataclass(frozen=True)
class Wish:
    """Who wants the pictures of which dataset fetched."""

    caller: Caller
    dataset: DatasetRow


def create(session: Session, context: Context, settings: JobSettings, wish: Wish, new: NewFetch) -> DatasetRow:
    """A dataset that is being made by a fetch.

    Raises:
        Conflict: the dataset is not ready, no bucket is bound, or the disk quota has no room. Invalid: the prefix is no key.
    """
    caller, dataset = wish.caller, wish.dataset
    must_be_ready(dataset)
    prefix = must_be_key(new.prefix.strip().strip("/") + "/", field="prefix")
    storage = session.get(StorageRow, caller.id)
    if storage is None:
        raise Conflict(
            "no-storage",
            N_("No storage space is bound yet, into which pictures could be fetched."),
            hint=N_("Bind one on the storage page, or with `trainyard storage bind`."),
        )
    charge = Charge(caller.id, charged_group(caller, new.group))
    # the list grows by where each picture came from
    asked = dataset.disk + dataset.bytes
    must_fit(session, context, charge, asked, "name")
    limits = {"at_once": new.at_once, "per_host": new.per_host, "max_bytes": new.max_bytes}
    limits["largest_total"] = new.max_total_bytes
    spec = {"dataset": new_id(), "reads": dataset.id, "bucket": storage.bucket, "prefix": prefix, **limits}
    source = {"kind": "fetch", "name": dataset.name, "own_prefix": prefix, **derived(dataset)}
    job = job_for(context, settings, Work(JobKind.FETCH, new.name, charge, spec))
    return begin(session, job, DatasetRow(description=new.description, source=source, disk=asked))


@dataclass(frozen=True)
class FetchKind(PrepareKind):
    """Fetches; goes on at its journal after its supervisor was lost, and ends like any preparation."""

    def inside(self, session: Session, start: Start) -> Inside:
        """See ``Kind``."""
        job, home, identity = start.job, self.context.home, identity_of(start.job)
        parent = session.get(DatasetRow, job.spec["reads"])
        if parent is None:
            raise NotFound("no-such-dataset", N_("The dataset that was to be fetched is not there any more."))
        source, folder = home.dataset(parent.id), home.dataset(job.spec["dataset"])
        make_folder(folder, identity.uid, identity.gid)
        link_pictures(source / PICTURES, folder / PICTURES)
        beside = str(places_of(session, home, parent).inside[""])
        on_share = beside if beside.startswith(f"{SHARES}/") else ""
        spec = {
            "folder": str(INSIDE),
            "list": str(SOURCE_INSIDE / LIST),
            "place": {"bucket": job.spec["bucket"], "prefix": job.spec["prefix"], "beside": on_share},
            **{name: job.spec[name] for name in ("at_once", "per_host", "largest_total")},
            "lineage": {"dataset": parent.id, "how": "fetch"},
        }
        return Inside(
            argv=("python", "-m", "trainyard.datasets.fetching.job", str(SPEC_INSIDE)),
            working_directory=INSIDE,
            mounts=(Mount(source=folder, target=INSIDE, read_only=False), Mount(source=source, target=SOURCE_INSIDE)),
            files=((SPEC_INSIDE, json.dumps(spec)),),
            environment=(("TRAINYARD_URL", url_inside(self.context)),),
            internet=False,
        )


@dataclass(frozen=True)
class Transfer:
    """One url that a fetch asks for, and where it belongs."""

    url: str
    account_id: int
    reads: str
    prefix: str
    largest: int


def transfer_of(job: JobRow, url: str) -> Transfer:
    """What a job's question means.

    Raises:
        Conflict: the job is no fetch, or the url is not on the web.
    """
    if job.kind != JobKind.FETCH or not is_remote(url):
        raise Conflict("not-a-fetch", N_("Only a fetch brings pictures into a bucket, and only from the web."))
    return Transfer(url, job.owner_id, job.spec["reads"], job.spec["prefix"], job.spec["max_bytes"])


def transfer(context: Context, one: Transfer) -> Answer:
    """Bring one picture into the bucket, unless it is there. Blocking.

    Raises:
        UserError: the bucket is gone, or refuses: no picture could be brought into it.
    """
    if not is_named(context.home, one.reads, one.url):
        raise NotAllowed("not-named", N_("The list this job works on does not name {url}."), url=one.url[:200])
    bucket = binding.bucket_of(context, one.account_id)
    try:
        there = _look(bucket, one)
        if there is not None:
            return Answer("stored", suffix=there.name, size=there.size or 0)
        return _bring(context, bucket, one)
    except PictureProblem as problem:
        return _answer_of(problem)
    except Unavailable as error:
        return Answer("later", code=error.code, message=error.message, values=error.values)


def _look(bucket: Bucket, one: Transfer) -> BucketEntry | None:
    """What an earlier attempt left of this url; its ``name`` is the ending of the key."""
    found = bucket.listing(one.prefix + digest_of(one.url).hex(), None).entries
    return next((entry for entry in found if entry.size and _SUFFIX.fullmatch(entry.name)), None)


def _bring(context: Context, bucket: Bucket, one: Transfer) -> Answer:
    with SpooledTemporaryFile(_IN_MEMORY) as file:
        fetched = web_of(context).fetch(one.url, file, one.largest, one.account_id)
        file.seek(0)
        bucket.put_file(key_of(one.prefix, one.url, fetched.content.suffix), file, fetched.size)
    return Answer("stored", suffix=fetched.content.suffix, size=fetched.size)


def _answer_of(problem: PictureProblem) -> Answer:
    answer = Answer("failed", code=problem.code, message=problem.message, values=problem.values)
    if isinstance(problem, WebProblem) and problem.again:
        answer.state, answer.after = "later", problem.after
        answer.busy = problem.after > 0 or problem.values.get("status") in _BUSY
    return answer
