"""Turns the lines a program prints into points: what each pattern finds, at the step the program says it is at.

A line without a step belongs to the last one that was told; where no line ever tells one, lines with numbers are counted.
"""

from __future__ import annotations

import logging
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from re import Match

from trainyard.metrics import tags
from trainyard.training.naming import tag_of
from trainyard.training.patterns import Pattern
from trainyard.training.time_limit import TimeLimit, TooSlow

LONGEST_LINE = 4096
"""Characters; what follows is not looked at."""
SLOWEST = 0.25
"""Seconds of computing for one line; a pattern that needs more on three lines is given up."""
_PATIENCE = 3
MOST_TAGS = 200
_LARGEST_STEP = 1 << 62
_POSITIONS = frozenset({"step", "epoch", "epochs", "batch", "batches"})
_COUNTERS = _POSITIONS | {"iter", "iteration", "global_step"}
"""What an assignment may call the place in the training, which is no curve."""
_SPECIAL = _POSITIONS | {"name", "value", "percent", "file", "seconds", "samples"}
_log = logging.getLogger("trainyard.training")


@dataclass(frozen=True)
class Point:
    """A scalar at a step."""

    tag: str
    value: float
    step: int


@dataclass
class _Line:
    """What the patterns have found in one line."""

    numbers: dict[str, float] = field(default_factory=dict)
    position: dict[str, int] = field(default_factory=dict)
    files: list[str] = field(default_factory=list)


class LogReader:
    """Reads lines by ``patterns``; ``batch_size``, if known, makes samples of iterations."""

    def __init__(self, patterns: Sequence[Pattern], batch_size: int | None = None) -> None:
        self.step = 0
        self.epoch = 0
        self.batches: int | None = None
        self.files: list[str] = []
        self._patterns = list(patterns)
        self._batch_size = batch_size
        self._told_step = False
        self._tags: set[str] = set()
        self._slow: Counter[str] = Counter()
        self._limit = TimeLimit(SLOWEST)
        self._current: Pattern | None = None

    def read(self, line: str) -> list[Point]:
        """The points of one line; ``files`` grows by the snapshots it says were written."""
        found = self._found(line[:LONGEST_LINE])
        if found is None:
            return []
        self.files.extend(found.files)
        counted = self._place(found.position)
        if found.numbers and not counted and not self._told_step:
            self.step += 1
        values = {**found.numbers, **self._progress(found.position)}
        return [Point(tag, value, self.step) for tag, value in values.items() if self._may_use(tag)]

    def _found(self, line: str) -> _Line | None:
        """What is in the line, or None when a pattern takes too long over it."""
        try:
            return self._limit.call(lambda: self._match(line))
        except TooSlow:
            slow = self._current
            assert slow is not None
            self._slow[slow.text] += 1
            if self._slow[slow.text] >= _PATIENCE:
                self._patterns.remove(slow)
                _log.warning("the pattern %s takes too long and is not looked for any more", slow.text)
            return None

    def _match(self, line: str) -> _Line:
        found = _Line()
        for pattern in self._patterns:
            self._current = pattern
            for match in pattern.expression.finditer(line):
                self._take(pattern, match, found)
        return found

    def _take(self, pattern: Pattern, match: Match[str], found: _Line) -> None:
        groups = {name: text for name, text in match.groupdict().items() if text is not None}
        places = {name: int(groups[name]) for name in _POSITIONS & groups.keys() if groups[name].isdecimal()}
        found.position.update({name: min(place, _LARGEST_STEP + 1) for name, place in places.items()})
        if "file" in groups:
            found.files.append(groups["file"])
        for tag, text in _quantities(pattern, match, groups):
            value = _number(text)
            if value is not None and tag.partition("/")[0] not in _COUNTERS:
                found.numbers[tag] = value / 100 if "percent" in groups else value
        found.numbers.update(self._speed(groups, found))

    def _speed(self, groups: dict[str, str], found: _Line) -> dict[str, float]:
        """Samples a second: of what Darknet tells (samples so far, seconds of this step), or of iterations a second."""
        seconds, samples = _number(groups.get("seconds", "")), _number(groups.get("samples", ""))
        step = found.position.get("step")
        if seconds and samples and step:
            return {tags.SAMPLES_PER_SECOND: samples / step / seconds}
        rate = found.numbers.pop("iterations_per_second/train", None)
        own = found.numbers.pop("samples_per_second/train", None)
        speed = own if own is not None else rate * self._batch_size if rate is not None and self._batch_size else None
        return {} if speed is None else {tags.SAMPLES_PER_SECOND: speed}

    def _place(self, position: dict[str, int]) -> bool:
        """Go to where the line says the program is; whether it says it."""
        self.epoch = min(position.get("epoch", self.epoch), _LARGEST_STEP)
        self.batches = position.get("batches", self.batches)
        step = position.get("step")
        if step is None and "batch" in position and self.batches:
            step = self.epoch * self.batches + position["batch"]
        if step is None or step > _LARGEST_STEP:
            return False
        self.step, self._told_step = step, True
        return True

    def _progress(self, position: dict[str, int]) -> dict[str, float]:
        known = {"epoch": tags.EPOCH, "epochs": tags.EPOCHS, "batch": tags.BATCH, "batches": tags.BATCHES_PER_EPOCH}
        told = {known[name]: float(value) for name, value in position.items() if name in known}
        # without epochs the step is what there is to see of the progress
        return told if told or "step" not in position else {tags.BATCH: float(position["step"])}

    def _may_use(self, tag: str) -> bool:
        """Whether ``tag`` is known, or there is room for one more: a program may print a new name on every line."""
        if tag not in self._tags and len(self._tags) < MOST_TAGS:
            self._tags.add(tag)
        return tag in self._tags


def _quantities(pattern: Pattern, match: Match[str], groups: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Tag and text of every number of a match."""
    if "name" in groups and "value" in groups:
        yield tag_of(groups["name"], pattern.part), groups["value"]
    elif pattern.tag:
        text = groups.get("value") if pattern.expression.groupindex else match[1]
        if text is not None:
            yield pattern.tag if "/" in pattern.tag else tag_of(pattern.tag), text
    for name in groups.keys() - _SPECIAL:
        yield tag_of(name, pattern.part), groups[name]


def _number(text: str) -> float | None:
    """A number as programs print it, or None; thousands may be set off by commas."""
    try:
        value = float(text.replace(",", ""))
    except ValueError:
        return None
    # "inf" is what a program says of itself; 400 digits are an accident
    return value if math.isfinite(value) or not any(map(str.isdigit, text)) else None
