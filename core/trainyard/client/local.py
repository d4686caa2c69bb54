"""A training that runs here instead of on the platform, to look for its mistakes: the same entry, parameters and sets.

    run = client.submit(training, where="local")
    run.wait()

Everything lies in one folder, laid out as ``/workspace`` is in a job: ``mnt/data/{train,val,test}``, ``params/default.json``,
``run/``. Started again, it goes on there, as a training that is started again does. Nothing is told to the platform. Replicas
of a distributed training are processes here that meet by the variables they have in a job; packages do not limit them.
"""

from __future__ import annotations

import json
import os
import secrets
import shlex
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path

from trainyard.client.local_run import LocalTraining, Process
from trainyard.errors import Invalid, NotFound
from trainyard.jobs.replicas import FIRST_PORT, LAST_PORT, Meeting, Member, environment, members, parts_of
from trainyard.records.datasets import FormattedSet
from trainyard.records.distributed import Role
from trainyard.records.trainings import NewTraining
from trainyard.words import N_

SETS = Path("/workspace/mnt/datasets")
SHARES = Path("/workspace/mnt/group")
_MOVED = ("/workspace/mnt/data", "/workspace/params", "/workspace/run")
_INHERITED = ("PATH", "LD_LIBRARY_PATH", "CUDA_VISIBLE_DEVICES", "NVIDIA_VISIBLE_DEVICES", "TRAINYARD_DRY_RUN")


def start(training: NewTraining, sets: Mapping[str, Path], folder: Path | None = None) -> LocalTraining:
    """Start ``training`` here; ``sets`` are folders by part (train, val, test), ``folder`` is ``./local/<name>`` by default.

    Raises:
        NotFound: the entry or a set is not on this machine.
        Invalid: the entry or a log pattern cannot be read.
    """
    root = (folder or Path.cwd() / "local" / training.name).resolve()
    words = _words(training, root)
    _lay_out(training, sets, root, Path(words[0]))
    number = len(list((root / "run").glob("*/instance.json"))) + 1
    shares = SHARES / training.group / os.environ.get("TRAINYARD_USER", "")
    processes = [
        Process(name, _log(training, root, name), _begin([*_wrapping(training), *words], told, shares))
        for name, told in _environments(training, _environment(root, number)).items()
    ]
    run = LocalTraining(root, processes)
    limit = threading.Timer(min(training.hours * 3600, threading.TIMEOUT_MAX), run.stop)
    limit.daemon = True
    limit.start()
    return run


def _begin(argv: Sequence[str], environment: Mapping[str, str], shares: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        argv,
        env=environment,
        cwd=shares if shares.is_dir() else Path.cwd(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )


def _log(training: NewTraining, root: Path, replica: str) -> Path:
    """Beside each other, as on the share; the first worker writes the training's own."""
    beside = "" if replica in ("", "worker0") else f"_{replica}"
    return root / "run" / f"train_{training.name}{beside}_out.log"


def _environments(training: NewTraining, common: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """The variables of every process by its replica's name: one, or those that meet."""
    if training.distributed is None:
        return {"": dict(common)}
    found = members(parts_of(training.distributed), training.package)
    port = _free_ports(len(found))
    meets = Meeting(training.distributed.kind, found, ["127.0.0.1"] * len(found), port, f"local-{port}")
    cards = _cards(common.get("CUDA_VISIBLE_DEVICES", ""), meets.count(Role.WORKER))
    return {one.name: {**common, **environment(meets, one), **_cards_of(one, cards)} for one in found}


def _free_ports(count: int) -> int:
    """The first of so many ports in a row that nobody listens on."""
    while True:
        first = secrets.choice(range(FIRST_PORT, LAST_PORT - count))
        with ExitStack() as held, suppress(OSError):
            for port in range(first, first + count):
                server = held.enter_context(socket.socket())
                server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                server.bind(("127.0.0.1", port))
            return first


def _cards(visible: str, workers: int) -> list[str]:
    """This machine's cards by worker, where it has one for each; else they share them."""
    names = [one for one in visible.split(",") if one]
    share = len(names) // workers
    return [",".join(names[at * share : (at + 1) * share]) for at in range(workers)] if share else []


def _cards_of(one: Member, cards: Sequence[str]) -> dict[str, str]:
    return {"CUDA_VISIBLE_DEVICES": cards[one.rank]} if cards and one.role is Role.WORKER else {}


def folder_of(one: FormattedSet) -> Path:
    """Where a workspace sees a formatted set.

    Raises:
        NotFound: this workspace was started without it, or this is none.
    """
    folder = SETS / one.dataset_name / one.batch / f"{one.format}-{one.split}"
    if folder.is_dir():
        return folder
    raise NotFound(
        "set-not-here",
        N_("The set {split} of {dataset} is not in this workspace: there is no {folder}."),
        hint=N_("Start the workspace again and choose this set, or give the folder of a copy."),
        split=one.split,
        dataset=one.dataset_name,
        folder=str(folder),
    )


def _wrapping(training: NewTraining) -> tuple[str, ...]:
    from trainyard.training.patterns import compiled, wrapping

    compiled(training.log_patterns)
    words = wrapping(training.log_patterns)
    return (sys.executable, *words[1:]) if words else ()


def _words(training: NewTraining, root: Path) -> list[str]:
    """The entry's words, with what a job sees below ``/workspace`` where it lies here."""
    try:
        words = shlex.split(training.entry)
    except ValueError as error:
        raise Invalid("entry-missing", N_("The entry cannot be split into words: {reason}."), reason=str(error)) from None
    for number, word in enumerate(words):
        moved = next((place for place in _MOVED if word == place or word.startswith(place + "/")), None)
        if moved:
            words[number] = str(root / word.removeprefix("/workspace/"))
    if not words or shutil.which(words[0], path=_path()) is None:
        raise NotFound(
            "entry-not-here",
            N_("The entry {entry} is no program that can be started on this machine."),
            hint=N_("Name a program that is here, or its interpreter in front: python {entry}"),
            field="entry",
            entry=words[0] if words else "",
        )
    return words


def _lay_out(training: NewTraining, sets: Mapping[str, Path], root: Path, entry: Path) -> None:
    data = root / "mnt" / "data"
    for made in (data, root / "params", root / "run"):
        made.mkdir(parents=True, exist_ok=True)
    for old in data.iterdir():
        old.unlink()
    for part, source in sets.items():
        if not source.is_dir():
            raise NotFound("set-not-here", N_("There is no folder {folder}."), folder=str(source))
        (data / part).symlink_to(source.resolve())
    beside = entry.parent / "params" / "default.json"
    parameters = json.dumps(training.parameters, ensure_ascii=False, indent=2)
    if not training.parameters and beside.is_file():
        parameters = beside.read_text(encoding="utf-8")
    (root / "params" / "default.json").write_text(parameters, encoding="utf-8")


def _path() -> str:
    """``python`` is the one this runs in."""
    return f"{Path(sys.executable).parent}:{os.environ.get('PATH', '/usr/local/bin:/usr/bin:/bin')}"


def _environment(root: Path, number: int) -> dict[str, str]:
    """That of a job, without the platform's address: nothing is told to it. What this process has besides stays out."""
    return {name: os.environ[name] for name in _INHERITED if name in os.environ} | {
        "HOME": "/tmp",  # noqa: S108 - as in a job
        "USER": os.environ.get("USER", ""),
        "LANG": "C.UTF-8",
        "PATH": _path(),
        "PYTHONUNBUFFERED": "1",
        "TRAINYARD_JOB": "local",
        "TRAINYARD_TRAINING": secrets.token_hex(8),
        "TRAINYARD_ATTEMPT": str(number),
        "TRAINYARD_WORKSPACE": str(root),
    }
