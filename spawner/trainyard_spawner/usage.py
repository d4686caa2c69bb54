"""What a launch uses, every few seconds: processor, memory, cards, disk and network, kept in a file that stays small.

Standard library only. ``usage.jsonl`` holds a line a sample, an array of ten numbers, null where the machine does not tell:

    time (seconds since 1970), cpu (cores), memory (bytes), gpu (0 to 1, mean of the cards), gpu memory (bytes),
    disk read, disk write, network in, network out (bytes a second), what the cards have of memory together (bytes)

When it holds ``MOST`` lines, two become one (the mean; of memory the larger) and samples are taken half as often.
Sources: ``cgroup-v2.rst``, ``cgroup-v1/{cpuacct,memory}.rst``, ``proc(5)`` (``<pid>/io``, ``net/dev``), NVML.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from trainyard_spawner import files, memory, nvml

FILE = "usage.jsonl"
SECONDS = 2.0
MOST = 4096
_LARGER = frozenset({2, 4, 9})
_APART = 0.5
Sample = list[float | None]


class Sampler:
    """Samples of one launch. ``root`` is the process all others of it descend from; ``devices`` are UUIDs of its cards, or None
    where it is shown no others. ``alone``: the supervisor's network is the launch's own, as in a pod. Without a ``folder`` only
    the peaks are kept.

    Nothing here raises: a launch never ends because its use could not be measured.
    """

    def __init__(
        self,
        folder: Path | None,
        groups: Sequence[Path],
        root: int,
        devices: Sequence[str] | None = (),
        *,
        alone: bool = False,
    ) -> None:
        self.seconds = SECONDS
        self._file = folder / FILE if folder else None
        self._groups = list(groups)
        self._root = root
        self._alone = alone
        self._cards = nvml.Cards(devices)
        self._rates = Rates()
        self._processes: dict[int, tuple[float, float, float]] = {}
        self._sums = [0.0, 0.0, 0.0]
        self._samples: list[Sample] = []
        self._peaks: dict[str, float] = {}
        if folder is not None:
            with suppress(OSError):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def peaks(self) -> dict[str, float]:
        """The most so far: ``cpu`` in cores, ``memory`` and ``gpu_memory`` in bytes, with ``gpu_memory_limit``; where known."""
        return dict(self._peaks)

    def sample(self) -> None:
        """Take one sample and write it down."""
        with suppress(OSError, ValueError):
            self._add(self._now())

    def _now(self) -> Sample:
        pids = _members(self._groups) or memory.tree(self._root)
        self._count_processes(pids)
        busy, used = _group_cpu(self._groups), _group_memory(self._groups)
        received, sent = _network(self._root, alone=self._alone)
        moment = time.monotonic()
        rate = self._rates
        cards = self._cards.read()
        return [
            round(time.time(), 1),
            rate.of("cpu", self._sums[0] if busy is None else busy, moment, 3),
            float(memory.used_by(pids)) if used is None else used,
            cards.busy,
            cards.memory,
            rate.of("read", self._sums[1], moment),
            rate.of("write", self._sums[2], moment),
            rate.of("in", received, moment),
            rate.of("out", sent, moment),
            self._cards.total,
        ]

    def _add(self, sample: Sample) -> None:
        for name, place in (("cpu", 1), ("memory", 2), ("gpu_memory", 4), ("gpu_memory_limit", 9)):
            if (value := sample[place]) is not None:
                self._peaks[name] = max(value, self._peaks.get(name, 0.0))
        if self._file is None:
            return
        self._samples.append(sample)
        if len(self._samples) < MOST:
            with os.fdopen(files.open_regular(self._file, os.O_WRONLY | os.O_APPEND), "a") as file:
                file.write(json.dumps(sample) + "\n")
            return
        self.seconds *= 2
        self._samples = [halved(*pair) for pair in zip(self._samples[::2], self._samples[1::2], strict=True)]
        draft = self._file.with_suffix(".draft")
        with os.fdopen(files.open_regular(draft, os.O_WRONLY | os.O_TRUNC), "w") as file:
            file.write("".join(json.dumps(one) + "\n" for one in self._samples))
        draft.replace(self._file)

    def _count_processes(self, pids: Sequence[int]) -> None:
        """Add what each process did since the last look; what one did after its last look goes uncounted."""
        now = {pid: told for pid in pids if (told := _process(pid)) is not None}
        for pid, told in now.items():
            before = self._processes.get(pid, (0.0, 0.0, 0.0))
            for place in range(3):
                self._sums[place] += max(0.0, told[place] - before[place])
        self._processes = now


class Rates:
    """Counters to rates a second."""

    def __init__(self) -> None:
        self._last: dict[str, tuple[float, float]] = {}

    def of(self, name: str, count: float | None, moment: float, digits: int = 0) -> float | None:
        """How fast ``count`` grew since the last time; None at the first."""
        if count is None:
            return None
        before = self._last.get(name)
        if before is not None and moment - before[1] < _APART:
            return None  # of two samples at once the second says nothing
        self._last[name] = (count, moment)
        return None if before is None else round(max(0.0, count - before[0]) / (moment - before[1]), digits)


def halved(first: Sample, second: Sample) -> Sample:
    """Two samples as one."""
    joint: Sample = []
    for place, pair in enumerate(zip(first, second, strict=True)):
        known = [value for value in pair if value is not None]
        if not known:
            joint.append(None)
        else:
            joint.append(max(known) if place in _LARGER else round(sum(known) / len(known), 3))
    return joint


def _members(groups: Sequence[Path]) -> list[int]:
    """The processes of the control group: quicker than looking at all of the machine."""
    for group in groups:
        with suppress(OSError, ValueError):
            return [int(pid) for pid in (group / "cgroup.procs").read_text().split()]
    return []


def _process(pid: int) -> tuple[float, float, float] | None:
    """Seconds of processor time, bytes read from and written to disks."""
    try:
        fields = (memory.PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    seconds = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    counts = {"read_bytes": 0.0, "write_bytes": 0.0}
    with suppress(OSError, ValueError):
        for line in (memory.PROC / str(pid) / "io").read_text().splitlines():
            name, _, value = line.partition(":")
            if name in counts:
                counts[name] = float(value)
    return seconds, counts["read_bytes"], counts["write_bytes"]


def _group_cpu(groups: Sequence[Path]) -> float | None:
    """Seconds of processor time of the control group."""
    return _first(groups, ("cpu.stat", "cpuacct.usage"), _cpu_seconds)


def _cpu_seconds(name: str, text: str) -> float | None:
    if name == "cpuacct.usage":
        return int(text) / 1e9
    table = dict(line.split() for line in text.splitlines())
    return int(table["usage_usec"]) / 1e6 if "usage_usec" in table else None


def _group_memory(groups: Sequence[Path]) -> float | None:
    """Bytes the group uses, without the file cache that the kernel gives back when asked."""
    used = _first(groups, ("memory.current", "memory.usage_in_bytes"), lambda _, text: float(text))
    cache = _first(groups, ("memory.stat",), _reclaimable)
    return None if used is None else max(0.0, used - (cache or 0.0))


def _reclaimable(_: str, text: str) -> float | None:
    table = dict(line.split() for line in text.splitlines())
    return float(table.get("total_inactive_file", table.get("inactive_file", 0)))


def _first(groups: Sequence[Path], names: Sequence[str], read: Callable[[str, str], float | None]) -> float | None:
    for group in groups:
        for name in names:
            with suppress(OSError, ValueError, IndexError):
                found = read(name, (group / name).read_text())
                if found is not None:
                    return found
    return None


def _network(root: int, *, alone: bool) -> tuple[float | None, float | None]:
    """Bytes received and sent in the launch's own network; the machine's counters would be everybody's."""
    try:
        own, theirs = (os.readlink(memory.PROC / pid / "ns/net") for pid in ("self", str(root)))  # noqa: PTH115
        lines = (memory.PROC / str(root) / "net/dev").read_text().splitlines()[2:]
    except OSError:
        return None, None
    if own == theirs and not alone:
        return None, None
    rows = [line.split(":")[1].split() for line in lines if line.split(":")[0].strip() != "lo"]
    return float(sum(int(row[0]) for row in rows)), float(sum(int(row[8]) for row in rows))
