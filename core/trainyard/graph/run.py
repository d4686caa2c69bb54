"""Make the dataset that a graph makes of another: stream through its list, write new pictures and a new list beside them.

The list grows in ``.index.jsonl.part``; now and then a checkpoint says how far it and the pictures are on the disk, so that
after a crash the work goes on and ends with the same bytes. The dataset is there when its manifest is.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import shutil
import time
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from trainyard.datasets.folder import LIST, PICTURES, DatasetFolder, Stopped, write_json
from trainyard.datasets.following import ENOUGH_TO_JUDGE, Bad, Step, Watch, must_fit
from trainyard.datasets.outage import STORE_AWAY
from trainyard.datasets.sources import PictureSource
from trainyard.datasets.statistics import Statistics
from trainyard.errors import Invalid, UserError
from trainyard.graph.document import read_graph
from trainyard.graph.pieces import LeftOut, Piece, Workshop, produce
from trainyard.graph.plan import Plan
from trainyard.graph.rules import faults_of, output_of
from trainyard.graph.studio import Studio
from trainyard.job_progress import FULL
from trainyard.sizes import readable
from trainyard.words import N_

FOLDER = "augmented"
LEFT_OUT = "left-out.jsonl"
CHECKPOINT = "checkpoint.json"
KEPT = 100
CHECKPOINT_SECONDS = 1.0
TELL_SECONDS = 0.25
_PART = f".{LIST}.part"
_SHORT = N_("The new pictures will need about {needed} more, and {free} are free.")
_SHORT_HINT = N_("Delete datasets or formatted sets that nobody needs, or lower the multiples.")
_PICTURES_MADE = "1"
"""Another number wherever the same graph begins to make other bytes."""


class GraphRun(msgspec.Struct, kw_only=True):
    """What is asked for. ``source`` is the folder of the dataset it is made of, whose list stays as it is.

    ``base`` is set before relative urls that are carried over; empty where the pictures they name lie in the new dataset too.
    ``lineage`` is what the platform knows of where the source came from.
    """

    source: Path
    graph: dict[str, Any]
    seed: int = 0
    quality: int = 95
    bad_limit: float = 0.05
    base: str = ""
    lineage: dict[str, Any] = {}


class Totals(msgspec.Struct):
    """What was made so far: ``kept`` lines of the source, ``new`` pictures with their ``bytes``; and what was left out.

    ``bad`` samples could not be read, which cost ``unmade`` new pictures; of ``emptied`` new pictures all objects were outside;
    ``videos`` new pictures would have come of videos; ``objects`` left pictures that stayed; ``tried`` samples were read.
    """

    kept: int = 0
    new: int = 0
    bytes: int = 0
    tried: int = 0
    bad: int = 0
    unmade: int = 0
    emptied: int = 0
    videos: int = 0
    objects: int = 0
    first: list[LeftOut] = []
    first_bad: LeftOut | None = None


class _Checkpoint(msgspec.Struct):
    identity: str
    position: int = 0
    list_bytes: int = 0
    left_bytes: int = 0
    totals: Totals = msgspec.field(default_factory=Totals)


def run_graph(run: GraphRun, source: PictureSource, folder: Path, watch: Watch | None = None, workers: int = 0) -> Statistics:
    """Make the dataset in ``folder``, or go on with one that was interrupted; one that is whole is left as it is.

    Raises:
        UserError: the graph cannot be run on this dataset, too many pictures are bad, or the disk is full. Nothing is left.
        Unavailable: ``store-away``, a bucket does not answer. Stopped: ``watch.should_stop`` said so. After both the next
            call goes on from here.
    """
    dataset, watch = DatasetFolder(folder), watch or Watch()
    if dataset.complete:
        return dataset.statistics()
    folder.mkdir(parents=True, exist_ok=True)
    work = _Run(run, folder, watch)
    try:
        if not dataset.list_path.exists():
            work.write(source, workers)
        return work.finish()
    except UserError as error:
        if error.code != STORE_AWAY:
            work.tidy_up()
        raise
    except OSError as error:
        if error.errno not in FULL:
            raise
        work.tidy_up()
        raise _full(folder) from error


def nothing_left() -> UserError:
    """The refusal of a graph that lets nothing through."""
    return Invalid(
        "graph-nothing",
        N_("Nothing leaves the graph, and a dataset has at least one picture."),
        hint=N_("Look at the counts of the nodes, and let more through."),
        field="graph",
    )


def identity_of(run: GraphRun, list_sha256: str) -> str:
    """A digest of everything that decides the bytes of the new dataset, apart from the pictures themselves."""
    decides = [list_sha256, run.graph, run.seed, run.quality, run.base, _PICTURES_MADE]
    return hashlib.sha256(msgspec.json.encode(decides, order="deterministic")).hexdigest()


class _Run:
    """The work in ``folder``; lives for one call."""

    def __init__(self, run: GraphRun, folder: Path, watch: Watch) -> None:
        self._run, self._folder, self._watch = run, folder, watch
        self._source = DatasetFolder(run.source)
        self._sha256 = self._source.manifest().list_sha256
        self._identity = identity_of(run, self._sha256)
        self._at = self._load()
        self._new = f"{FOLDER}/{self._identity[:12]}"
        self._told = time.monotonic()
        self._save_at = self._told + CHECKPOINT_SECONDS

    def write(self, source: PictureSource, workers: int) -> None:
        """The pictures and the list, from the last checkpoint on."""
        shop = self._shop(source)
        self._total, self._to_make = len(shop.listing), shop.plan.count(shop.output).new
        with self._open(_PART, self._at.list_bytes) as self._list, self._open(LEFT_OUT, self._at.left_bytes) as self._left:
            with closing(produce(shop, self._at.position, workers)) as pieces:
                for piece in pieces:
                    self._take(piece)
            self._judge(final=True)
            self._save()
        (self._folder / _PART).replace(self._folder / LIST)

    def finish(self) -> Statistics:
        """Index, statistics and manifest of the new list, by the same hand as any other's."""
        run, totals = self._run, self._at.totals
        made = {name: number for name, number in msgspec.to_builtins(totals).items() if not name.startswith("first")}
        lineage = {
            **run.lineage, "how": "graph", "list_sha256": self._sha256, "graph": run.graph, "seed": run.seed,
            "quality": run.quality, "made": made, "left_out": totals.first,
        }  # fmt: skip
        statistics = DatasetFolder(self._folder).prepare(should_stop=self._watch.should_stop, lineage=lineage)
        (self._folder / CHECKPOINT).unlink(missing_ok=True)
        return statistics

    def tidy_up(self) -> None:
        """Delete what was made; pictures of the source that lie here too are not ours to delete."""
        shutil.rmtree(self._folder / PICTURES / self._new, ignore_errors=True)
        for name in (_PART, LIST, LEFT_OUT, CHECKPOINT, *(f"{kind}.idx" for kind in ("samples", "classes", "objects"))):
            (self._folder / name).unlink(missing_ok=True)

    def _shop(self, source: PictureSource) -> Workshop:
        graph, faults = read_graph(self._run.graph)
        if graph is not None:
            sets = self._source.statistics().label_sets
            faults = faults_of(graph, {f"{one.type}.{one.name}": one.classes for one in sets})
        if graph is None or faults:
            raise faults[0].error()
        index = self._source.index()
        output, studio = output_of(graph).id, Studio(graph, self._run.seed, source)
        places = (self._folder / PICTURES, self._new, self._run.quality, self._run.base)
        return Workshop(Plan(graph, index, self._run.seed), output, index, studio, *places)

    def _take(self, piece: Piece) -> None:
        self._list.write(piece.lines)
        for one in piece.left:
            self._left.write(msgspec.json.encode(one) + b"\n")
        _add(self._at.totals, piece)
        self._at.position = piece.end
        now = time.monotonic()
        if now - self._told >= TELL_SECONDS:
            self._told = now
            self._judge(final=False)
            self._watch.progress(self._step())
            if self._watch.should_stop():
                self._save()
                raise Stopped
        if now >= self._save_at:
            self._save()

    def _judge(self, *, final: bool) -> None:
        """Stop early when too many pictures are bad or the disk cannot hold what is to come."""
        totals = self._at.totals
        if totals.bad > self._run.bad_limit * (totals.tried if final else max(totals.tried, ENOUGH_TO_JUDGE)):
            raise _bad(totals).refusal(self._run.bad_limit)
        if final and not totals.kept + totals.new:
            raise nothing_left()
        if totals.new >= ENOUGH_TO_JUDGE:
            needed = totals.bytes * max(0, self._to_make - totals.new) // totals.new
            must_fit(self._folder, needed, _SHORT, _SHORT_HINT)

    def _step(self) -> Step:
        totals = self._at.totals
        return Step(self._at.position, self._total, totals.unmade + totals.emptied + totals.videos, totals.bytes)

    def _load(self) -> _Checkpoint:
        """The last checkpoint, if it is of this very run and the files reach as far; else a fresh start."""
        try:
            found = msgspec.json.decode((self._folder / CHECKPOINT).read_bytes(), type=_Checkpoint)
            sizes = {_PART: found.list_bytes, LIST: found.list_bytes, LEFT_OUT: found.left_bytes}
            reach = [(self._folder / name).stat().st_size >= size for name, size in sizes.items() if self._has(name)]
            if found.identity == self._identity and len(reach) == 2 and all(reach):
                return found
        except (OSError, msgspec.MsgspecError):
            pass
        (self._folder / LIST).unlink(missing_ok=True)
        return _Checkpoint(self._identity)

    def _has(self, name: str) -> bool:
        return (self._folder / name).exists()

    def _open(self, name: str, size: int) -> BinaryIO:
        file = (self._folder / name).open("ab")
        file.truncate(size)
        file.seek(size)  # truncating leaves the place where the file ended before, and the next checkpoint would tell of it
        return file

    def _save(self) -> None:
        """Everything that was written goes to the disk, then the checkpoint that tells of it."""
        begun = time.monotonic()
        self._list.flush()
        self._left.flush()
        self._at.list_bytes, self._at.left_bytes = self._list.tell(), self._left.tell()
        _sync_file_system(self._list.fileno())
        write_json(self._folder / CHECKPOINT, self._at)
        # a slow disk is not to take more than a tenth of the time
        self._save_at = time.monotonic() + max(CHECKPOINT_SECONDS, 9 * (time.monotonic() - begun))


def _add(totals: Totals, piece: Piece) -> None:
    totals.kept += piece.kept
    totals.new += piece.new
    totals.bytes += piece.bytes
    totals.tried += piece.tried
    totals.objects += piece.objects
    for one in piece.left:
        if one.code == "video":
            totals.videos += one.pictures
        elif one.code == "objects-gone":
            totals.emptied += one.pictures
        else:
            totals.bad += 1
            totals.first_bad = totals.first_bad or one
            totals.unmade += one.pictures
    totals.first += piece.left[: KEPT - len(totals.first)]


def _sync_file_system(descriptor: int) -> None:
    """Thousands of new files and the list in one call; an fsync of each would take longer than making them."""
    with suppress(OSError):
        if ctypes.CDLL(None, use_errno=True).syncfs(descriptor):
            os.sync()


def _bad(totals: Totals) -> Bad:
    first = totals.first_bad
    assert first is not None
    return Bad(totals.bad, totals.tried, first.line, first.url, first.message, first.values)


def _full(folder: Path) -> UserError:
    return Invalid(
        "disk-full",
        N_("The disk is full: {free} are free now that the unfinished dataset is tidied up. Other datasets are untouched."),
        hint=N_("Delete datasets or formatted sets that nobody needs, then make the dataset again."),
        free=readable(shutil.disk_usage(folder).free),
    )
